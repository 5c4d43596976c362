"""/proc/PID/maps: what is mapped where (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, deferred, local, local_array, struct, u8, u64, uninitialised
from kernel.base.text import DECIMAL_LENGTH, format_unsigned
from kernel.base.writer import Writer
from kernel.files.content import Content
from kernel.files.inode import Inode
from kernel.memory.region import Protection, Region
from kernel.memory.resident import resident_in
from kernel.memory.space import AddressSpace
from kernel.memory.user_layout import TIME_PAGE, TOP
from kernel.views.links import write_path
from kernel.views.subject import process_of
from kernel.views.text import END

ADDRESS_DIGITS: u64 = 8
NAME_COLUMN: u64 = 73


def write_map(inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
    """The line of the first region that ends above the address `key`; returns where that ends."""
    space = process_of(inode).space
    line = local(MapLine)
    with space.lock:
        region = region_from(space, key)
        if region is None:
            return END
        line.take(space, region)
    with deferred(line.drop):
        line.write(writer)
    return line.end


def region_from(space: AddressSpace, address: u64) -> Region | None:
    """The first region that ends above `address`. The lock of the space is held."""
    region = space.regions.at_or_below(address)
    if region is not None and region.end > address:
        return region
    return space.regions.at_or_above(address)


@struct
class MapLine:
    """What a line tells: it is taken under the lock of the space, and written without it."""

    start: u64 = 0
    end: u64 = 0
    protection: Protection = Protection.NONE
    is_shared: bool = False
    offset: u64 = 0
    file: Inode | None = None
    """Held."""
    name: Slice[u8] = uninitialised()

    def take(self, space: AddressSpace, region: Region) -> None:
        """Be about `region`. The lock of the space is held."""
        self.start = region.start
        self.end = region.end
        self.protection = region.protection
        self.is_shared = region.shared
        self.offset = 0
        self.name = b""
        file = file_of(region)
        self.file = file
        if file is not None:
            self.offset = region.offset
            file.hold()
        elif space.heap is region:
            self.name = b"[heap]"
        elif region.end == TOP:
            self.name = b"[stack]"
        elif region.start == TIME_PAGE:
            self.name = b"[vdso]"

    def drop(self) -> None:
        """Let go of the file."""
        file = self.file
        if file is not None:
            file.drop()

    def allows(self, right: Protection) -> bool:
        """Whether the region permits it."""
        return self.protection & right != Protection.NONE

    def write(self, writer: Writer) -> Fallible[None]:
        """`start-end rights offset device inode   name`."""
        file = self.file
        length = write_padded(writer, self.start, ADDRESS_DIGITS)
        writer.text(b"-")
        length += write_padded(writer, self.end, ADDRESS_DIGITS)
        writer.text(b" ")
        writer.text(b"r" if self.allows(Protection.READ) else b"-")
        writer.text(b"w" if self.allows(Protection.WRITE) else b"-")
        writer.text(b"x" if self.allows(Protection.EXECUTE) else b"-")
        writer.text(b"s " if self.is_shared else b"p ")
        length += write_padded(writer, self.offset, ADDRESS_DIGITS)
        writer.text(b" 00:")
        length += write_padded(writer, 0 if file is None else file.described.file_system, 2)
        writer.text(b" ")
        length += write_number(writer, 0 if file is None else file.described.number)
        if file is not None or len(self.name) > 0:
            for _ in range(NAME_COLUMN - min(length + 12, NAME_COLUMN - 1)):
                writer.text(b" ")
        if file is not None:
            write_path(file, writer)
        else:
            writer.text(self.name)
        writer.text(b"\n")


def file_of(region: Region) -> Inode | None:
    """The file that is mapped there."""
    pager = region.pager
    if pager is not None and isinstance(pager, Content):
        return pager.inode
    return None


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


def write_node_map(inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
    """numa_maps: the next region, all of whose pages are in the one node of memory (numa(7))."""
    space = process_of(inode).space
    line = local(MapLine)
    with space.lock:
        region = region_from(space, key)
        if region is None:
            return END
        line.take(space, region)
        count = resident_in(space.root, region.start, region.end)
    with deferred(line.drop):
        writer(f"{line.start:x} default")
        file = line.file
        if file is not None:
            writer.text(b" file=")
            write_path(file, writer)
        elif line.name == b"[heap]":
            writer.text(b" heap")
        elif line.name == b"[stack]":
            writer.text(b" stack")
        if count > 0:
            kind: Slice[u8] = b"mapped" if file is not None else b"anon"
            writer(f" {kind}={count} N0={count} kernelpagesize_kB=4")
        writer.text(b"\n")
    return line.end
