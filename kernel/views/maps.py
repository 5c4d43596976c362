"""/proc/PID/maps: what is mapped where (proc(5))."""

from __future__ import annotations

from codegen.lang import Errno, Fallible, Slice, local_array, struct, u8, u64
from kernel.base.text import DECIMAL_LENGTH, format_unsigned
from kernel.base.writer import Writer
from kernel.files.content import Content
from kernel.files.inode import Inode, View
from kernel.files.path import path_of
from kernel.ipc.segment import Segment
from kernel.memory.region import Protection, Region
from kernel.memory.user_layout import TIME_PAGE, TOP
from kernel.process.process import Process
from kernel.views.subject import process_of

ADDRESS_DIGITS: u64 = 8
NAME_COLUMN: u64 = 73
PATH_LENGTH = 512


@struct
class Maps(View):
    """One line a region."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        process = process_of(inode)
        if not process.is_zombie:
            space = process.space
            with space.lock:
                for region in space.regions:
                    write_region(process, region, writer)


def write_region(process: Process, region: Region, writer: Writer) -> None:
    """`start-end rights offset device inode   name`."""
    length = write_padded(writer, region.start, ADDRESS_DIGITS)
    writer.text(b"-")
    length += write_padded(writer, region.end, ADDRESS_DIGITS)
    writer.text(b" ")
    writer.text(b"r" if region.protection & Protection.READ != Protection.NONE else b"-")
    writer.text(b"w" if region.protection & Protection.WRITE != Protection.NONE else b"-")
    writer.text(b"x" if region.protection & Protection.EXECUTE != Protection.NONE else b"-")
    writer.text(b"s " if region.shared else b"p ")
    file = file_of(region)
    segment = segment_of(region)
    length += write_padded(writer, 0 if file is None and segment is None else region.offset, ADDRESS_DIGITS)
    writer.text(b" 00:00 ")
    number: u64 = 0
    if file is not None:
        number = file.described.number
    elif segment is not None:
        number = u64(segment.status.id)
    length += write_number(writer, number)
    if segment is not None:
        write_segment_name(segment, NAME_COLUMN - length - 14, writer)
    else:
        write_name(process, region, file, NAME_COLUMN - length - 14, writer)
    writer.text(b"\n")


def file_of(region: Region) -> Inode | None:
    """The file that is mapped there."""
    pager = region.pager
    if pager is not None and isinstance(pager, Content):
        return pager.inode
    return None


def segment_of(region: Region) -> Segment | None:
    """The segment that is attached there (shmat(2))."""
    pager = region.pager
    return pager if pager is not None and isinstance(pager, Segment) else None


def write_name(process: Process, region: Region, file: Inode | None, spaces: u64, writer: Writer) -> None:
    """The path of the file or what else the region is, after so many spaces."""
    path = local_array(u8, PATH_LENGTH)
    name: Slice[u8] = b""
    if file is not None:
        try:
            name = path[0 : path_of(file, process.root, path)]
        except Errno:
            name = b"(deleted)"
    elif process.space.heap is region:
        name = b"[heap]"
    elif region.end == TOP:
        name = b"[stack]"
    elif region.start == TIME_PAGE:
        name = b"[vdso]"
    if len(name) > 0:
        for _ in range(spaces):
            writer.text(b" ")
        writer.text(name)


def write_segment_name(segment: Segment, spaces: u64, writer: Writer) -> None:
    """What a segment is called: by the key that it was made with."""
    for _ in range(spaces):
        writer.text(b" ")
    writer.text(b"/SYSV")
    write_padded(writer, u64(segment.first_key), ADDRESS_DIGITS)
    writer.text(b" (deleted)")


def write_padded(writer: Writer, value: u64, digits: u64) -> u64:
    """A hexadecimal number of at least so many digits; returns its length."""
    text = local_array(u8, DECIMAL_LENGTH)
    start = format_unsigned(text, value, 16)
    while start > DECIMAL_LENGTH - digits:
        start -= 1
        text[start] = 0x30
    writer.text(text[start:DECIMAL_LENGTH])
    return DECIMAL_LENGTH - start


def write_number(writer: Writer, value: u64) -> u64:
    """A decimal number; returns its length."""
    text = local_array(u8, DECIMAL_LENGTH)
    start = format_unsigned(text, value, 10)
    writer.text(text[start:DECIMAL_LENGTH])
    return DECIMAL_LENGTH - start
