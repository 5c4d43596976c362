"""How large the address space of a process is, by what it is for, and how much of it is in memory (proc(5), VmSize and
others).

Interface: `count_memory`. It goes from region to region, and lets others run between two, so what it counts need not
have been so at any one moment.
"""

from __future__ import annotations

from codegen.lang import Fallible, struct, u64
from kernel.files.inode import Inode
from kernel.files.mount_kind import MountKind
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.memory import pages
from kernel.memory.region import Protection, Region
from kernel.memory.resident import resident_in
from kernel.memory.space import AddressSpace
from kernel.sched.preemption import preemption_point
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

    def add(self, space: AddressSpace, region: Region) -> None:
        """Count a region. The lock of the space is held."""
        size = (region.end - region.start) // PAGE_SIZE
        self.size += size
        self.locked += size if region.locked else 0
        writable = region.protection & Protection.WRITE != Protection.NONE
        if region.grows_down:
            self.stack += size
        elif writable and not region.shared:
            self.data += size
        elif region.protection & Protection.EXECUTE != Protection.NONE and not writable:
            self.executable += size
        self.add_resident(space, region, writable)
        self.add_tables(space, region)

    def add_resident(self, space: AddressSpace, region: Region, writable: bool) -> None:
        """Count what is there of a region that is not the process's own. The lock of the space is held."""
        if region.pager is None or (writable and not region.shared):
            return
        count = resident_in(space.root, region.start, region.end)
        file = file_of(region)
        is_shared_memory = file is not None and (file.is_memory or file.fs.kind == MountKind.SHARED_MEMORY)
        if is_shared_memory or segment_of(region) is not None:
            self.shared_memory += count
        else:
            self.file += count

    def add_tables(self, space: AddressSpace, region: Region) -> None:
        """Count the page tables of the lowest level that a region has. The lock of the space is held."""
        address = pages.next_table(space.root, max(region.start, self.last_table), region.end)
        while address < region.end:
            self.tables += 1
            self.last_table = address - address % TABLE_SPAN + TABLE_SPAN
            address = pages.next_table(space.root, self.last_table, region.end)


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
            counts.add(space, region)
            address = region.end
        preemption_point()
