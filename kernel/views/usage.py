"""/proc/PID/smaps and smaps_rollup: how much of each mapping is in memory, and whose it is (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, deferred, local, local_array, saturating_sub, sleeps, struct, u8, u64
from kernel.base.text import DECIMAL_LENGTH, format_unsigned
from kernel.base.writer import Writer
from kernel.files.inode import Inode
from kernel.machine.layout import USER_END
from kernel.machine.paging import index_at, next_used
from kernel.memory import frames, page_tables, pages
from kernel.memory.budget import TABLE_COST, Budget
from kernel.memory.region import Protection, Region
from kernel.memory.space import AddressSpace
from kernel.memory.user_layout import TOP
from kernel.sched.preemption import Freezing, preemption_point
from kernel.views.maps import SPACES, MapLine, region_from
from kernel.views.subject import process_of
from kernel.views.text import END

KIBIBYTES: u64 = 4
SIZE_END: u64 = 24
"""The column in which the numbers end."""


@struct
class Counts:
    """Pages by whose they are."""

    size: u64 = 0
    private: u64 = 0
    shared: u64 = 0
    anonymous: u64 = 0
    private_anonymous: u64 = 0

    def add_step(self, space: AddressSpace, region: Region, start: u64) -> u64:
        """Count pages of a region from `start` on. Up to where. The lock of the space is held."""
        budget = local(Budget)
        address = pages.next_table(space.root, start, region.end, budget)
        while address < region.end and not budget.is_spent:
            stop = pages.span_end(address, region.end)
            table = page_tables.find_table(space.root, address)
            assert table is not None, "there is a table"
            last = pages.last_index(address, stop)
            index = next_used(table, index_at(address, 1), last)
            while index < last:
                entry = table.entries[index]
                self.add_page(region, frames.is_shared(entry.frame), entry.writable)
                index = next_used(table, index + 1, last)
            budget.take(TABLE_COST + (last - index_at(address, 1)))
            address = pages.next_table(space.root, stop, region.end, budget)
        return address

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
        for name in (b"Private_Hugetlb:", b"Swap:", b"SwapPss:"):
            write_size(writer, name, 0)


def write_size(writer: Writer, name: Slice[u8], pages: u64) -> None:
    """A line: the name, and KiB to the right of it."""
    digits = local_array(u8, DECIMAL_LENGTH)
    number = digits[format_unsigned(digits, pages * KIBIBYTES, 10) :]
    writer.text(name)
    writer.text(SPACES[0 : saturating_sub(u64, SIZE_END, u64(len(name)) + u64(len(number)))])
    writer.text(number)
    writer.text(b" kB\n")


@sleeps
def count_region(inode: Inode, identity: u64, start: u64, counts: Counts) -> Fallible[bool]:
    """Count the pages of the region at `start` of the process that `inode` is about, in steps. False if it is gone."""
    address = start
    while True:
        space = process_of(inode).space
        if space.identity != identity:
            return False
        with space.lock:
            region = space.region_at(address)
            if region is None:
                return False
            if address == start:
                counts.size += region.pages
            address = counts.add_step(space, region, address)
            if address >= region.end:
                return True
        preemption_point(Freezing.LATER)


@sleeps
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
        is_locked = region.locked
        identity = space.identity
    with deferred(line.drop):
        if not count_region(inode, identity, line.start, counts):
            return line.end
        line.write(writer)
    write_size(writer, b"Size:", counts.size)
    write_size(writer, b"KernelPageSize:", 1)
    write_size(writer, b"MMUPageSize:", 1)
    counts.write(writer)
    write_size(writer, b"Locked:", counts.private + counts.shared if is_locked else 0)
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


@sleeps
def write_usage_rollup(inode: Inode, writer: Writer) -> Fallible[None]:
    """smaps_rollup: the sums."""
    counts = local(Counts)
    identity = process_of(inode).space.identity
    first: u64 = TOP
    last: u64 = 0
    while True:
        process = process_of(inode)
        if process.is_zombie or process.space.identity != identity:
            break
        space = process.space
        with space.lock:
            region = space.first_region(last, USER_END)
            start: u64 = USER_END if region is None else region.start
            end: u64 = USER_END if region is None else region.end
        if start == USER_END:
            break
        _ = count_region(inode, identity, start, counts)
        first = min(first, start)
        last = end
        preemption_point(Freezing.LATER)
    if last == 0:
        return
    writer(f"{first:x}-{last:x} ---p 00000000 00:00 0                          [rollup]\n")
    counts.write(writer)
    write_size(writer, b"Locked:", 0)
