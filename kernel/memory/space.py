"""AddressSpace: the user half of the memory that a program sees.

Interface: `create` makes one; mapping.py, protection.py, growth.py, remap.py, advice.py and locking.py change it, by
regions.py; fault.py fills in its pages on demand; fork.py duplicates it; `activate` `hold` `let_go`, teardown.py.

A change whose length a program chooses is made of steps (budget.py). Each leaves the space as it might be, with part
of the change made; the thread that makes it is the only one that changes regions until it is done, but for stacks that
grow, and for `reap`, whose victims never run again.

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
    inline,
    must_use,
    on_error,
    saturating_sub,
    struct,
    u64,
    uninitialised,
)
from kernel.base.errno import ENOMEM
from kernel.base.list import List
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.base.tree import Tree
from kernel.machine.layout import PAGE_SIZE, USER_START
from kernel.machine.translations import is_used, use_root
from kernel.memory import page_tables, pages
from kernel.memory.account import Account
from kernel.memory.budget import Budget
from kernel.memory.identity import new_identity
from kernel.memory.kernel_space import KERNEL_SPACE
from kernel.memory.places import ProgramPlaces
from kernel.memory.quota import Mapped, Quota
from kernel.memory.region import Region
from kernel.memory.user_layout import MAP_TOP

LOW_START: u64 = 0x4000_0000
LOW_END: u64 = 0x8000_0000
"""Where MAP_32BIT of mmap(2) maps."""


@struct
class AddressSpace:
    """One address space; the threads of a process share it."""

    account: Account = uninitialised()
    root: FrameNumber = FrameNumber(0)
    identity: u64 = 0
    """Its number (identity.py)."""
    arguments_start: u64 = 0
    arguments_end: u64 = 0
    environment_end: u64 = 0
    auxiliary_start: u64 = 0
    places: ProgramPlaces = inline()
    """Where the program's argv stands at its start: what /proc/PID/cmdline shows."""
    starved: bool = False
    """No memory was left for a page while a program was put into it (execve(2)): that ends no process, but the call."""
    is_wanted: bool = False
    """A process uses it that is to live: for who looks for memory (containers/out_of_memory.py)."""
    has_removed: bool = False
    """Perhaps something is in `removed`."""
    locks_new: bool = False
    """mlockall(2), MCL_FUTURE: what is mapped is locked, and with `fills_new` its pages are made at once. Only changed
    by `changer`.
    """
    fills_new: bool = False
    changer: u64 = 0
    """The thread that is in the middle of a change of many steps; 0: none (process/changes.py)."""

    lock: SpinLock = inline(SpinLock(LockRank.ADDRESS_SPACE))
    references: u64 = 1
    regions: Tree[Region] = inline(Tree(Region.node))
    recent: Region | None = None
    """The region that `region_at` found last; it is in the tree."""
    removed: List[Region] = inline(List(Region.pager_link))
    """Regions that were taken out, whose pagers are to be dropped when the lock is free."""
    quota: Quota = inline()
    mapped: Mapped = inline()
    break_start: u64 = 0
    break_end: u64 = 0
    resident: u64 = 0
    """Pages that are in memory, and the most there were when some went away (resident.py)."""
    resident_before: u64 = 0
    gap_end: u64 = MAP_TOP
    skipped_gap: u64 = 0
    is_dying: bool = False
    """Nobody has it any more, and it is being torn down."""
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

    def find_low_gap(self, length: u64) -> Fallible[u64]:
        """The lowest free range of `length` that MAP_32BIT of mmap(2) may give. ENOMEM. The lock is held."""
        address: u64 = LOW_START
        while length <= LOW_END - address:
            region = self.first_region(address, LOW_END)
            end: u64 = LOW_END if region is None else max(region.guarded_start, address)
            if length <= end - address:
                return address
            if region is None or region.end >= LOW_END:
                break
            address = region.end
        raise ENOMEM

    # Changing.

    def drop_pages(self, start: u64, end: u64, budget: Budget) -> u64:
        """Take pages of a range out of memory. Up to where. The lock is held."""
        self.resident_before = max(self.resident_before, self.resident)
        stop, dropped = pages.drop(self.root, start, end, budget)
        self.resident -= dropped
        return stop

    @inline
    def drop_removed(self) -> None:
        """Let go of what the regions showed that were taken out. For who has changed the space and left the lock."""
        if self.has_removed:
            self.drop_pagers()

    def drop_pagers(self) -> None:
        """`drop_removed`, when there are such regions."""
        with self.lock:
            region = self.removed.take_all()
            self.has_removed = False
        while region is not None:
            following = region.pager_link.next
            pager = region.pager
            self.account.heap.free(region)
            if pager is not None:
                pager.drop()
            region = following

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

    @must_use
    def let_go(self) -> bool:
        """One user less; whether it was the last. Then the space is to be torn down (teardown.py).

        No thread has it then, though processors without work may.
        """
        with self.lock:
            self.references -= 1
            return self.references == 0


@must_use
def create(account: Account) -> Fallible[AddressSpace]:
    """An empty address space, charged to `account`, with one user. ENOMEM."""
    space = account.heap.new(AddressSpace)
    with on_error(account.heap.free, space):
        space.root = page_tables.new_root(account, KERNEL_SPACE.root)
    space.account = account
    space.identity = new_identity()
    return space


NOTHING = AddressSpace()
"""What a process has that has given back its own: an address space in which nothing is mapped."""
