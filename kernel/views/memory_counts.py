"""How large the address space of a process is, by what it is for, and how much of it is in memory (proc(5), VmSize and
others).

Interface: `count_memory`. It goes from region to region, and lets others run between two, so what it counts need not
have been so at any one moment.
"""

from __future__ import annotations

from codegen.lang import Fallible, local, sleeps, struct, u32, u64
from kernel.files.inode import Inode
from kernel.files.mount_kind import MountKind
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.memory import pages
from kernel.memory.budget import TABLE_COST, Budget
from kernel.memory.region import Protection, Region
from kernel.memory.resident import resident_in_table
from kernel.memory.space import AddressSpace
from kernel.sched.preemption import Freezing, preemption_point
from kernel.views.maps import file_of, region_from, segment_of
from kernel.views.subject import process_of

TABLE_SPAN: u64 = 512 * PAGE_SIZE
"""What one page table of the lowest level maps."""


@struct
class MemoryCounts:
    """Pages."""

    size: u64 = 0
    locked: u64 = 0
    data: u64 = 0
    """Private, and may be written to; no stack."""
    stack: u64 = 0
    executable: u64 = 0
    resident: u64 = 0
    file: u64 = 0
    """In memory, and those of a file."""
    shared_memory: u64 = 0
    """In memory, and those of memory that is shared, or of a file in /dev/shm."""
    tables: u64 = 0
    """Page tables."""
    last_table: u64 = 0
    """The end of what the page table covers that was counted last."""

    @property
    def anonymous(self) -> u64:
        """In memory, and the process's own."""
        return self.resident - min(self.resident, self.file + self.shared_memory)

    def add(self, region: Region) -> None:
        """Count the addresses of a region."""
        size = region.pages
        self.size += size
        self.locked += size if region.locked else 0
        writable = region.terms.rights & u32(Protection.WRITE) != 0
        if region.grows_down:
            self.stack += size
        elif writable and not region.shared:
            self.data += size
        elif region.terms.rights & u32(Protection.EXECUTE) != 0 and not writable:
            self.executable += size

    def add_step(self, space: AddressSpace, region: Region, start: u64) -> u64:
        """Count the page tables of a region from `start` on, and what is there that is not the process's own.

        Up to where. The lock of the space is held.
        """
        budget = local(Budget)
        address = pages.next_table(space.root, start, region.end, budget)
        while address < region.end and not budget.is_spent:
            if address >= self.last_table:
                self.tables += 1
                self.last_table = address - address % TABLE_SPAN + TABLE_SPAN
            stop = pages.span_end(address, region.end)
            self.add_resident(region, resident_in_table(space.root, address, stop))
            budget.take(TABLE_COST)
            address = pages.next_table(space.root, stop, region.end, budget)
        return address

    def add_resident(self, region: Region, count: u64) -> None:
        """So many pages of a region are in memory."""
        writable = region.terms.rights & u32(Protection.WRITE) != 0
        if region.pager is None or (writable and not region.shared):
            return
        file = file_of(region)
        is_shared_memory = file is not None and (file.is_memory or file.fs.kind == MountKind.SHARED_MEMORY)
        if is_shared_memory or segment_of(region) is not None:
            self.shared_memory += count
        else:
            self.file += count


@sleeps
def count_memory(inode: Inode, counts: MemoryCounts) -> Fallible[None]:
    """Count the memory of the process that `inode` is about: nothing of a zombie. ESRCH; EINTR."""
    address: u64 = 0
    while address < USER_END:
        process = process_of(inode)
        if process.is_zombie:
            return
        space = process.space
        with space.lock:
            counts.resident = space.resident
            region = region_from(space, address)
            if region is None:
                return
            if address <= region.start:
                counts.add(region)
            address = counts.add_step(space, region, max(address, region.start))
        preemption_point(Freezing.LATER)
