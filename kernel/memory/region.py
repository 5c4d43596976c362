"""Region: a range of one address space with one set of rights and one source of pages."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from codegen.lang import Fallible, align_up, inline, saturating_sub, struct, u8, u32, u64, width
from kernel.base.errno import EINVAL, ENOMEM
from kernel.base.tree import TreeNode
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.memory.pager import Pager

GUARD_GAP: u64 = 256 * PAGE_SIZE
"""What stays free below a stack (stack_guard_gap of Linux)."""


@width(u32)
class Protection(IntFlag):
    """PROT_* of mmap(2)."""

    NONE = 0
    READ = 1
    WRITE = 2
    EXECUTE = 4


@width(u8)
class Access(IntEnum):
    """What a program tried to do at an address."""

    READ = 0
    WRITE = 1
    EXECUTE = 2


@width(u8)
class ForkRule(IntEnum):
    """What a child of fork(2) gets of a region (madvise(2))."""

    COPY = 0
    SKIP = 1
    """MADV_DONTFORK: nothing."""
    WIPE = 2
    """MADV_WIPEONFORK: zeros."""


@struct
class Region:
    """The addresses from `start` up to, not including, `end`; both are page boundaries.

    `pager` None means zeros. `offset` is where in the pager's contents `start` lies, in bytes. A private region
    keeps what is written to it to itself; a shared one writes to the pager.
    """

    node: TreeNode[Region] = inline()
    start: u64 = 0
    end: u64 = 0
    protection: Protection = Protection.NONE
    shared: bool = False
    locked: bool = False
    """mlock(2): its pages are not forgotten."""
    fork_rule: ForkRule = ForkRule.COPY
    grows_down: bool = False
    """It is a stack: what is touched below becomes part of it (growth.py)."""
    pager: Pager | None = None
    offset: u64 = 0

    @inline
    def allows(self, access: Access) -> bool:
        """Whether the rights permit `access`; what may be written or executed may be read (x86 cannot tell)."""
        match access:
            case Access.READ:
                return self.protection != Protection.NONE
            case Access.WRITE:
                return self.protection & Protection.WRITE != Protection.NONE
            case Access.EXECUTE:
                return self.protection & Protection.EXECUTE != Protection.NONE

    def is_plain(self, protection: Protection) -> bool:
        """Whether this is private memory without a file, with these rights."""
        if self.pager is not None or self.shared or self.grows_down:
            return False
        if self.locked or self.fork_rule != ForkRule.COPY:
            return False
        return self.protection == protection

    @property
    def guarded_start(self) -> u64:
        """Where memory that is mapped anywhere may end: below a stack a gap is left."""
        return saturating_sub(u64, self.start, GUARD_GAP) if self.grows_down else self.start

    def copy_from(self, other: Region, address: u64) -> None:
        """Be like the part of `other` that begins at `address`, but for the place; holds what is mapped as well."""
        self.protection = other.protection
        self.shared = other.shared
        self.locked = other.locked
        self.fork_rule = other.fork_rule
        self.grows_down = other.grows_down
        self.offset = other.offset + (address - other.start)
        pager = other.pager
        self.pager = pager
        if pager is not None:
            pager.hold()

    def page_index(self, address: u64) -> u64:
        """Which page of the pager's contents shows at `address`."""
        return (address - self.start + self.offset) // PAGE_SIZE


def checked_length(length: u64) -> Fallible[u64]:
    """`length` rounded up to pages. EINVAL for 0, ENOMEM for what no address space holds."""
    if length == 0:
        raise EINVAL
    if length > USER_END:
        raise ENOMEM
    return align_up(length, PAGE_SIZE)
