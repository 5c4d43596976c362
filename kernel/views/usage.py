"""/proc/PID/smaps and smaps_rollup: how much of each mapping is in memory, and whose it is (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, deferred, local, local_array, struct, u8, u64
from kernel.base.text import DECIMAL_LENGTH, format_unsigned
from kernel.base.writer import Writer
from kernel.files.inode import Inode
from kernel.machine.layout import PAGE_SIZE
from kernel.machine.paging import index_at, next_used
from kernel.memory import frames, page_tables, pages
from kernel.memory.region import Protection, Region
from kernel.memory.space import AddressSpace
from kernel.memory.user_layout import TOP
from kernel.views.maps import MapLine, region_from
from kernel.views.subject import process_of
from kernel.views.text import END

KIBIBYTES: u64 = 4


@struct
class Counts:
    """Pages by whose they are."""

    size: u64 = 0
    private: u64 = 0
    shared: u64 = 0
    anonymous: u64 = 0
    private_anonymous: u64 = 0

    def add_region(self, space: AddressSpace, region: Region) -> None:
        """Count the pages of a region. The lock of the space is held."""
        self.size += (region.end - region.start) // PAGE_SIZE
        address = pages.next_table(space.root, region.start, region.end)
        while address < region.end:
            stop = pages.span_end(address, region.end)
            table = page_tables.find_table(space.root, address)
            assert table is not None, "there is a table"
            last = index_at(address, 1) + (stop - address) // PAGE_SIZE
            index = next_used(table, index_at(address, 1), last)
            while index < last:
                entry = table.entries[index]
                self.add_page(region, frames.is_shared(entry.frame), entry.writable)
                index = next_used(table, index + 1, last)
            address = pages.next_table(space.root, stop, region.end)

    def add_page(self, region: Region, is_shared: bool, is_writable: bool) -> None:
        """Count one page. A page of a file that was written to privately is as good as anonymous."""
        is_anonymous = region.pager is None or (is_writable and not region.shared)
        if is_anonymous:
            self.anonymous += 1
        if is_shared:
            self.shared += 1
        else:
            self.private += 1
            if is_anonymous:
                self.private_anonymous += 1

    def write(self, writer: Writer) -> None:
        """The lines that say how much memory it is. Of shared pages, half is taken to be the share of one process."""
        write_size(writer, b"Rss:", self.private + self.shared)
        write_size(writer, b"Pss:", self.private + self.shared // 2)
        write_size(writer, b"Shared_Clean:", self.shared)
        write_size(writer, b"Shared_Dirty:", 0)
        write_size(writer, b"Private_Clean:", self.private - self.private_anonymous)
        write_size(writer, b"Private_Dirty:", self.private_anonymous)
        write_size(writer, b"Referenced:", self.private + self.shared)
        write_size(writer, b"Anonymous:", self.anonymous)
        for name in (b"LazyFree:", b"AnonHugePages:", b"ShmemPmdMapped:", b"FilePmdMapped:", b"Shared_Hugetlb:"):
            write_size(writer, name, 0)
        for name in (b"Private_Hugetlb:", b"Swap:", b"SwapPss:", b"Locked:"):
            write_size(writer, name, 0)


def write_size(writer: Writer, name: Slice[u8], pages: u64) -> None:
    """A line: the name, and KiB to the right of it."""
    digits = local_array(u8, DECIMAL_LENGTH)
    number = digits[format_unsigned(digits, pages * KIBIBYTES, 10) :]
    writer.text(name)
    for _ in range(u64(len(name)) + u64(len(number)), 24):
        writer.text(b" ")
    writer.text(number)
    writer.text(b" kB\n")


def write_mapping_usage(inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
    """smaps: the line of `maps` for the next mapping, and below it what is in memory."""
    space = process_of(inode).space
    line = local(MapLine)
    counts = local(Counts)
    with space.lock:
        region = region_from(space, key)
        if region is None:
            return END
        line.take(space, region)
        counts.add_region(space, region)
    with deferred(line.drop):
        line.write(writer)
    write_size(writer, b"Size:", counts.size)
    write_size(writer, b"KernelPageSize:", 1)
    write_size(writer, b"MMUPageSize:", 1)
    counts.write(writer)
    writer.text(b"THPeligible:    0\nVmFlags: ")
    write_flags(line, writer)
    return line.end


def write_flags(line: MapLine, writer: Writer) -> None:
    """The two-letter words of the VmFlags line that have a meaning here."""
    if line.allows(Protection.READ):
        writer.text(b"rd ")
    if line.allows(Protection.WRITE):
        writer.text(b"wr ")
    if line.allows(Protection.EXECUTE):
        writer.text(b"ex ")
    writer.text(b"sh \n" if line.is_shared else b"\n")


def write_usage_rollup(inode: Inode, writer: Writer) -> Fallible[None]:
    """smaps_rollup: the sums."""
    process = process_of(inode)
    if process.is_zombie:
        return
    space = process.space
    counts = local(Counts)
    first: u64 = TOP
    last: u64 = 0
    with space.lock:
        for region in space.regions:
            counts.add_region(space, region)
            first = min(first, region.start)
            last = max(last, region.end)
    writer(f"{first:x}-{last:x} ---p 00000000 00:00 0                          [rollup]\n")
    counts.write(writer)
