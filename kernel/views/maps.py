"""/proc/PID/maps: what is mapped where (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, deferred, local, local_array, sleeps, struct, u8, u32, u64, uninitialised
from kernel.base.text import DECIMAL_LENGTH, format_unsigned
from kernel.base.writer import Writer
from kernel.files.content import Content
from kernel.files.inode import Inode
from kernel.ipc.segment import Segment
from kernel.memory.budget import Budget
from kernel.memory.region import Protection, Region
from kernel.memory.resident import resident_in
from kernel.memory.space import AddressSpace
from kernel.memory.user_layout import TIME_PAGE, TOP
from kernel.sched.preemption import Freezing, preemption_point
from kernel.views.links import write_path
from kernel.views.subject import process_of
from kernel.views.text import END

ADDRESS_DIGITS: u64 = 8
NAME_COLUMN: u64 = 73
SPACES: Slice[u8] = b" " * 80
SEGMENT_DEVICE: u64 = 1
"""The device of the file system of Linux that has no mount, where the files of segments are."""


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
    rights: u32 = 0
    """PROT_*, of `Protection`."""
    is_shared: bool = False
    offset: u64 = 0
    file: Inode | None = None
    """Held."""
    is_segment: bool = False
    """Of shmget(2), with this key."""
    key: u32 = 0
    device: u64 = 0
    number: u64 = 0
    """Those of the file or the segment."""
    name: Slice[u8] = uninitialised()
    """What it is called without a file."""

    def take(self, space: AddressSpace, region: Region) -> None:
        """Be about `region`. The lock of the space is held."""
        self.start = region.start
        self.end = region.end
        self.rights = region.terms.rights
        self.is_shared = region.shared
        self.offset = 0
        self.name = b""
        self.device = 0
        self.number = 0
        file = file_of(region)
        self.file = file
        segment = segment_of(region)
        self.is_segment = segment is not None
        if file is not None:
            self.offset = region.offset
            self.device = file.described.file_system
            self.number = file.described.number
            file.hold()
        elif segment is not None:
            self.offset = region.offset
            self.device = SEGMENT_DEVICE
            self.number = u64(segment.status.id)
            self.key = segment.first_key
        elif region.start < space.break_end and region.end > space.break_start:
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
        return self.rights & u32(right) != 0

    def write(self, writer: Writer) -> Fallible[None]:
        """`start-end rights offset device inode   name`."""
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
        length += write_padded(writer, self.device, 2)
        writer.text(b" ")
        length += write_number(writer, self.number)
        if self.is_of_file or len(self.name) > 0:
            writer.text(SPACES[0 : NAME_COLUMN - min(length + 12, NAME_COLUMN - 1)])
        self.write_name(writer)
        writer.text(b"\n")

    @property
    def is_of_file(self) -> bool:
        """Whether there is a file, or a segment, which is as good as one."""
        return self.file is not None or self.is_segment

    def write_name(self, writer: Writer) -> Fallible[None]:
        """The path of the file, or what else it is."""
        file = self.file
        if file is not None:
            write_path(file, writer)
        elif self.is_segment:
            writer.text(b"/SYSV")
            write_padded(writer, u64(self.key), ADDRESS_DIGITS)
            writer.text(b" (deleted)")
        else:
            writer.text(self.name)


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


@sleeps
def resident_of(inode: Inode, identity: u64, start: u64, end: u64) -> Fallible[u64]:
    """How many pages of a range the process that `inode` is about has in memory, as long as it has that space."""
    count: u64 = 0
    address = start
    while address < end:
        space = process_of(inode).space
        if space.identity != identity:
            break
        budget = local(Budget)
        with space.lock:
            address, more = resident_in(space.root, address, end, budget)
        count += more
        preemption_point(Freezing.LATER)
    return count


@sleeps
def write_node_map(inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
    """numa_maps: the next region, all of whose pages are in the one node of memory (numa(7))."""
    space = process_of(inode).space
    line = local(MapLine)
    with space.lock:
        region = region_from(space, key)
        if region is None:
            return END
        line.take(space, region)
        identity = space.identity
    with deferred(line.drop):
        count = resident_of(inode, identity, line.start, line.end)
        writer(f"{line.start:x} default")
        if line.is_of_file:
            writer.text(b" file=")
            line.write_name(writer)
        elif line.name == b"[heap]":
            writer.text(b" heap")
        elif line.name == b"[stack]":
            writer.text(b" stack")
        if count > 0:
            kind: Slice[u8] = b"mapped" if line.is_of_file else b"anon"
            writer(f" {kind}={count} N0={count} kernelpagesize_kB=4")
        writer.text(b"\n")
    return line.end
