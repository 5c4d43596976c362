"""/proc/PID/maps: what is mapped where (proc(5)), and how such a text is read piece by piece.

A program may have many thousand mappings, and reads the text some KiB at a time. So a thread remembers by which mapping
its last read ended, and goes on from there; like the files of Linux (seq_file), by address, not by number. As there, a
read gives whole pieces, as many as fit a page or the caller's buffer, or a part of one.
"""

from __future__ import annotations

from codegen.lang import Fallible, Slice, address_of, local, local_array, sleeps, struct, u8, u32, u64
from kernel.base.text import DECIMAL_LENGTH, format_unsigned
from kernel.base.writer import Writer
from kernel.files.content import Content
from kernel.files.inode import Inode, View
from kernel.ipc.segment import Segment
from kernel.machine.layout import USER_END
from kernel.memory.region import Protection, Region
from kernel.memory.space import AddressSpace
from kernel.memory.user_layout import TIME_PAGE, TOP
from kernel.process.process import Process
from kernel.sched.cpu import current
from kernel.sched.preemption import preemption_point
from kernel.views.attributes import seen_process
from kernel.views.links import write_path

ADDRESS_DIGITS: u64 = 8
SPACES: Slice[u8] = b" " * 80
NAME_COLUMN: u64 = 73


@struct
class Pieces:
    """Goes through the mappings of a process, and tells the writer of each."""

    text: u64 = 0
    """The address of the view: which text it is."""
    space: u64 = 0
    skipped: u64 = 0
    """How much of the text the writer is to skip from where it goes on."""
    base: u64 = 0
    address: u64 = 0
    whole: u64 = 0
    """How much of what the writer has are whole pieces."""
    is_cut: bool = False
    """A piece that did not fit behind others was left for the next read."""

    def begin(self, text: u64, space: AddressSpace, writer: Writer) -> None:
        """Go on where the running thread has ended, if that was in this text and not behind what is wanted."""
        self.text = text
        self.space = space.identity
        seen = current().reading
        if seen.text == text and seen.space == self.space and seen.offset <= writer.skip:
            self.base = seen.offset
            self.address = seen.address
            writer.skip -= seen.offset
        self.skipped = writer.skip

    def is_wanted(self, writer: Writer) -> bool:
        """Whether there is room for another piece."""
        return self.address < USER_END and not writer.is_full and not self.is_cut

    def end_piece(self, writer: Writer) -> None:
        """A piece was told: one that was cut off is left for the next read, unless it is all that there is."""
        if writer.is_full and self.whole > 0:
            writer.length = self.whole
            self.is_cut = True
        self.whole = writer.length

    def note(self, writer: Writer, region: Region) -> None:
        """The piece about `region` follows: a later read may begin with it."""
        reading = current().reading
        reading.text = self.text
        reading.space = self.space
        reading.offset = self.base + (self.skipped - writer.skip) + writer.length
        reading.address = region.start
        self.address = region.end


@struct
class Maps(View):
    """One line a region."""

    @sleeps
    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        pieces = local(Pieces)
        process = seen_process(inode)
        pieces.begin(address_of(self), process.space, writer)
        while pieces.is_wanted(writer):
            process = seen_process(inode)
            if process.space.identity != pieces.space:
                return
            write_lines(process, pieces, writer)
            preemption_point()


LINES_AT_ONCE = 32
"""So many lines are made under one lock."""


def write_lines(process: Process, pieces: Pieces, writer: Writer) -> None:
    """The next lines."""
    space = process.space
    with space.lock:
        for _ in range(LINES_AT_ONCE):
            region = space.first_region(pieces.address, USER_END)
            if region is None:
                pieces.address = USER_END
                return
            pieces.note(writer, region)
            write_region(process, region, writer)
            pieces.end_piece(writer)
            if not pieces.is_wanted(writer):
                return


def write_region(process: Process, region: Region, writer: Writer) -> None:
    """`start-end rights offset device inode   name`. The lock of the space is held."""
    length = write_padded(writer, region.start, ADDRESS_DIGITS)
    writer.text(b"-")
    length += write_padded(writer, region.end, ADDRESS_DIGITS)
    writer.text(b" ")
    rights = region.terms.rights
    writer.text(b"r" if rights & u32(Protection.READ) != 0 else b"-")
    writer.text(b"w" if rights & u32(Protection.WRITE) != 0 else b"-")
    writer.text(b"x" if rights & u32(Protection.EXECUTE) != 0 else b"-")
    writer.text(b"s " if region.shared else b"p ")
    file = file_of(region)
    segment = segment_of(region)
    length += write_padded(writer, 0 if file is None and segment is None else region.offset, ADDRESS_DIGITS)
    writer.text(b" 00:")
    length += write_padded(writer, 0 if file is None else file.described.file_system, 2)
    writer.text(b" ")
    number: u64 = 0
    if file is not None:
        number = file.described.number
    elif segment is not None:
        number = u64(segment.status.id)
    length += write_number(writer, number)
    spaces = NAME_COLUMN - min(length + 12, NAME_COLUMN - 1)
    if segment is not None:
        write_segment_name(segment, spaces, writer)
    else:
        write_name(process, region, file, spaces, writer)
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
    name: Slice[u8] = b""
    space = process.space
    if file is None:
        if region.start < space.break_end and region.end > space.break_start:
            name = b"[heap]"
        elif region.end == TOP:
            name = b"[stack]"
        elif region.start == TIME_PAGE:
            name = b"[vdso]"
    if file is not None or len(name) > 0:
        writer.text(SPACES[0:spaces])
        if file is None:
            writer.text(name)
        elif file.is_memory and file.target is None:
            writer.text(b"/dev/zero (deleted)")
        else:
            write_path(file, process, writer)


def write_segment_name(segment: Segment, spaces: u64, writer: Writer) -> None:
    """What a segment is called: by the key that it was made with."""
    writer.text(SPACES[0:spaces])
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
