"""AddressSpace: the user half of the memory that a program sees.

Interface: `create` makes one; `map` `unmap` `protect` `set_break` change it, as do growth.py, remap.py and advice.py;
fault.py fills in its pages on demand; `activate` `hold` `drop`; fork.py duplicates it.

Invariants
- Regions do not overlap; every mapped page lies in a region, and has at most the rights of the region.
- A frame that is mapped holds one reference for it.
- All is under `lock`; page tables, frames and regions are charged to `account`.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    FrameNumber,
    PhysAddr,
    align_up,
    inline,
    must_use,
    on_error,
    saturating_sub,
    struct,
    u64,
    uninitialised,
)
from kernel.base.errno import EINVAL, ENOMEM
from kernel.base.list import Link, List
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.base.tree import Tree
from kernel.machine.layout import PAGE_SIZE, USER_END, USER_START
from kernel.machine.translations import is_used, use_root
from kernel.memory import page_tables, pages, shootdown, teardown
from kernel.memory.account import Account
from kernel.memory.kernel_space import KERNEL_SPACE
from kernel.memory.pager import Pager
from kernel.memory.places import ProgramPlaces
from kernel.memory.region import Protection, Region, checked_length
from kernel.memory.user_layout import MAP_TOP, STACK_SIZE


@struct
class AddressSpace:
    """One address space; the threads of a process share it."""

    link: Link[AddressSpace] = inline()
    account: Account = uninitialised()
    root: FrameNumber = FrameNumber(0)
    arguments_start: u64 = 0
    arguments_end: u64 = 0
    environment_end: u64 = 0
    auxiliary_start: u64 = 0
    places: ProgramPlaces = inline()
    """Where the program's argv stands at its start: what /proc/PID/cmdline shows."""
    starved: bool = False
    """No memory was left for a page while a program was put into it (execve(2)): that ends no process, but the call."""
    stack_limit: u64 = STACK_SIZE
    """RLIMIT_STACK of the process: how large regions that grow may become."""

    lock: SpinLock = inline(SpinLock(LockRank.ADDRESS_SPACE))
    references: u64 = 1
    regions: Tree[Region] = inline(Tree(Region.node))
    recent: Region | None = None
    """The region that `region_at` found last; it is in the tree."""
    heap: Region | None = None
    locks_new: bool = False
    """mlockall(2), MCL_FUTURE: what is mapped is locked."""
    break_start: u64 = 0
    break_end: u64 = 0
    mapped_pages: u64 = 0
    mapped_before: u64 = 0
    """The most pages that were mapped, when some were taken away."""
    resident: u64 = 0
    """Pages that are in memory, and the most there were when some went away (resident.py)."""
    resident_before: u64 = 0
    gap_end: u64 = MAP_TOP
    skipped_gap: u64 = 0
    has_stray_tables: bool = False
    """Perhaps there are page tables that no region lies over (teardown.py)."""

    # Finding.

    @inline
    def region_at(self, address: u64) -> Region | None:
        """The region that `address` lies in. Most questions are about the one that was found last."""
        recent = self.recent
        if recent is not None and recent.start <= address < recent.end:
            return recent
        return self.find_region(address)

    def find_region(self, address: u64) -> Region | None:
        """`region_at`, looked for in the tree."""
        region = self.regions.at_or_below(address)
        if region is None or address >= region.end:
            return None
        self.recent = region
        return region

    def first_region(self, start: u64, end: u64) -> Region | None:
        """The lowest region that has an address of the range."""
        region = self.region_at(start)
        if region is None:
            region = self.regions.at_or_above(start)
        if region is None or region.start >= end:
            return None
        return region

    def find_gap(self, length: u64) -> Fallible[u64]:
        """The highest free range of `length` below MAP_TOP. ENOMEM. The lock is held.

        The search begins at `gap_end`, above which all gaps are known to be at most `skipped_gap` long.
        """
        if length <= self.skipped_gap:
            self.gap_end = MAP_TOP
            self.skipped_gap = 0
        end = self.gap_end
        while True:
            if end < USER_START + length:
                raise ENOMEM
            region = self.regions.at_or_below(end - 1)
            if region is None or region.end <= end - length:
                self.gap_end = end
                return end - length
            self.skipped_gap = max(self.skipped_gap, saturating_sub(u64, end, region.end))
            end = region.guarded_start

    # Changing.

    def map(
        self,
        address: u64,
        length: u64,
        protection: Protection,
        shared: bool,
        pager: Pager | None,
        offset: u64,
    ) -> Fallible[u64]:
        """Map `length` bytes (rounded up) at `address`, in place of what is there; 0: where there is room.

        Returns the address. EINVAL for a length of 0 or what is not a page boundary; ENOMEM when there is no room.
        """
        size = checked_length(length)
        if address % PAGE_SIZE != 0 or offset % PAGE_SIZE != 0:
            raise EINVAL
        with self.lock:
            start = address
            if start == 0:
                start = self.find_gap(size)
            elif start < USER_START or size > USER_END - start:
                raise ENOMEM
            region = self.account.heap.new(Region)
            with on_error(self.account.heap.free, region):
                self.clear_range(start, start + size)
            if pager is None and not shared and self.extend(start, start + size, protection):
                self.account.heap.free(region)
                return start
            self.place(region, start, start + size, protection, shared)
            region.pager = pager
            region.offset = offset
            if pager is not None:
                pager.hold()
            return start

    def extend(self, start: u64, end: u64, protection: Protection) -> bool:
        """Let a like neighbour cover the free range as well, so that many small mappings are one region.

        Says whether there was one. The lock is held.
        """
        neighbour = self.region_at(start - 1)
        if neighbour is not None and neighbour is not self.heap and neighbour.is_plain(protection):
            neighbour.end = end
        else:
            neighbour = self.region_at(end)
            if neighbour is None or neighbour is self.heap or not neighbour.is_plain(protection):
                return False
            self.regions.remove(neighbour)
            neighbour.start = start
            self.regions.insert(neighbour, start)
        self.mapped_pages += (end - start) // PAGE_SIZE
        return True

    def is_free(self, start: u64, length: u64) -> bool:
        """Whether nothing is mapped in a range of valid addresses (MAP_FIXED_NOREPLACE)."""
        with self.lock:
            return self.first_region(start, start + length) is None

    def place(self, region: Region, start: u64, end: u64, protection: Protection, shared: bool) -> None:
        """Put a new region into the tree. The lock is held."""
        region.start = start
        region.end = end
        region.protection = protection
        region.shared = shared
        self.regions.insert(region, start)
        self.mapped_pages += (end - start) // PAGE_SIZE

    def unmap(self, start: u64, length: u64) -> Fallible[None]:
        """munmap(2). EINVAL for a bad range; ENOMEM when there is no memory to split a region."""
        size = checked_length(length)
        if start % PAGE_SIZE != 0 or start > USER_END or size > USER_END - start:
            raise EINVAL
        with self.lock:
            self.clear_range(start, start + size)

    def clear_range(self, start: u64, end: u64) -> Fallible[None]:
        """Unmap whatever is in a range. ENOMEM before anything changed. The lock is held."""
        self.split_at(start)
        self.split_at(end)
        while True:
            region = self.first_region(start, end)
            if region is None:
                return
            self.drop_pages(region.start, region.end)
            self.forget(region)

    def drop_pages(self, start: u64, end: u64) -> None:
        """Take the pages of a range out of memory. The lock is held."""
        self.resident_before = max(self.resident_before, self.resident)
        self.resident -= pages.drop(self.root, start, end)

    def forget(self, region: Region) -> None:
        """Take a region, whose pages are unmapped, out of the tree and free it. The lock is held."""
        self.regions.remove(region)
        self.recent = None
        teardown.note_stray_tables(self, region.start, region.end)
        above = self.regions.at_or_above(region.end)
        gap_end = MAP_TOP if above is None else min(above.guarded_start, MAP_TOP)
        self.gap_end = max(self.gap_end, gap_end)
        self.mapped_before = max(self.mapped_before, self.mapped_pages)
        self.mapped_pages -= (region.end - region.start) // PAGE_SIZE
        if self.heap is region:
            self.heap = None
        pager = region.pager
        self.account.heap.free(region)
        if pager is not None:
            pager.drop()

    def split_at(self, address: u64) -> Fallible[None]:
        """Let no region have `address` in its middle. ENOMEM. The lock is held."""
        region = self.region_at(address)
        if region is None or region.start == address:
            return
        upper = self.account.heap.new(Region)
        upper.copy_from(region, address)
        upper.start = address
        upper.end = region.end
        region.end = address
        self.regions.insert(upper, address)

    def protect(self, start: u64, length: u64, protection: Protection) -> Fallible[None]:
        """mprotect(2). ENOMEM when part of the range is not mapped, or a region cannot be split; EINVAL."""
        if start % PAGE_SIZE != 0:
            raise EINVAL
        if length == 0:
            return
        size = checked_length(length)
        if start > USER_END or size > USER_END - start:
            raise ENOMEM
        end = start + size
        with self.lock:
            self.check_mapped(start, end)
            self.split_at(start)
            self.split_at(end)
            address = start
            while address < end:
                region = self.region_at(address)
                assert region is not None, "the range is mapped"
                self.change_protection(region, protection)
                address = region.end

    def change_protection(self, region: Region, protection: Protection) -> None:
        """Give a whole region other rights; pages that lose some fault again. The lock is held."""
        region.protection = protection
        accessible = protection != Protection.NONE
        executable = protection & Protection.EXECUTE != Protection.NONE
        pages.restrict(self.root, region.start, region.end, accessible, executable)

    def check_mapped(self, start: u64, end: u64) -> Fallible[None]:
        """ENOMEM unless all of a range is mapped. The lock is held."""
        address = start
        while address < end:
            region = self.region_at(address)
            if region is None:
                raise ENOMEM
            address = region.end

    def set_break(self, address: u64) -> u64:
        """brk(2): end the heap at `address` if that can be; returns where it ends."""
        with self.lock:
            try:
                self.move_break(address)
            except (ENOMEM, EINVAL):
                return self.break_end
            return self.break_end

    def move_break(self, address: u64) -> Fallible[None]:
        """End the heap at `address`. ENOMEM, EINVAL. The lock is held."""
        if address < self.break_start or address > MAP_TOP:
            raise EINVAL
        old = align_up(self.break_end, PAGE_SIZE)
        new = align_up(address, PAGE_SIZE)
        region = self.heap
        if new < old:
            self.clear_range(new, old)
        elif new > old:
            if self.first_region(old, new) is not None:
                raise ENOMEM
            if region is not None and region.end == old:
                region.end = new
                self.mapped_pages += (new - old) // PAGE_SIZE
            else:
                fresh = self.account.heap.new(Region)
                self.place(fresh, old, new, Protection.READ | Protection.WRITE, False)
                self.heap = fresh
        self.break_end = address

    def start_break(self, address: u64) -> None:
        """Let the heap begin, empty, at `address`."""
        with self.lock:
            self.break_start = address
            self.break_end = address

    # Life.

    @property
    def is_active(self) -> bool:
        """Whether this processor uses it."""
        return is_used(PhysAddr(self.root * PAGE_SIZE))

    def activate(self) -> None:
        """Let this processor use it."""
        use_root(PhysAddr(self.root * PAGE_SIZE))

    def hold(self) -> None:
        """One more user of it."""
        with self.lock:
            self.references += 1

    def drop(self) -> None:
        """One user less; with the last one it is freed. No thread has it then, though processors without work may."""
        with self.lock:
            self.references -= 1
            if self.references > 0:
                return
            shootdown.abandon(PhysAddr(self.root * PAGE_SIZE))
            teardown.tear_down(self)
        SPACES.members.remove(self)
        self.account.heap.free(self)


@struct
class AddressSpaces:
    """All of them. Changes only in system calls and exits, which are never preempted in the kernel."""

    members: List[AddressSpace] = inline(List(AddressSpace.link))


SPACES = AddressSpaces()


@must_use
def create(account: Account) -> Fallible[AddressSpace]:
    """An empty address space, charged to `account`, with one user. ENOMEM."""
    space = account.heap.new(AddressSpace)
    with on_error(account.heap.free, space):
        space.root = page_tables.new_root(account, KERNEL_SPACE.root)
    space.account = account
    SPACES.members.push_last(space)
    return space
