"""Region: a range of one address space with one set of rights and one source of pages."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING

from codegen.lang import Fallible, align_up, inline, saturating_sub, struct, u8, u32, u64, uninitialised, width
from kernel.base.errno import EINVAL, ENOMEM
from kernel.base.list import Link
from kernel.base.tree import TreeNode
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.memory.pager import Pager

if TYPE_CHECKING:
    from kernel.memory.space import AddressSpace

GUARD_GAP: u64 = 256 * PAGE_SIZE
"""What stays free below a stack (stack_guard_gap of Linux)."""


LARGEST_OFFSET: u64 = 0x7FFF_FFFF_FFFF_F000
"""In a file (MAX_LFS_FILESIZE, less than a page): what a mapping shows ends there."""


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

    `pager` None means zeros, and memory that is private. `offset` is where in the pager's contents `start` lies, in
    bytes. A private region keeps what is written to it to itself; a shared one writes to the pager.
    """

    node: TreeNode[Region] = inline()
    space: AddressSpace = uninitialised()
    start: u64 = 0
    end: u64 = 0
    protection: Protection = Protection.NONE
    shared: bool = False
    may_write: bool = True
    """Whether it may be made writable: not, if it shows a file that was opened for reading only, or is sealed."""
    locked: bool = False
    """mlock(2): its pages are not forgotten."""
    fork_rule: ForkRule = ForkRule.COPY
    grows_down: bool = False
    """It is a stack: what is touched below becomes part of it (growth.py)."""
    pager: Pager | None = None
    offset: u64 = 0
    pager_link: Link[Region] = inline()
    """Among the regions that show the same pager; once out of the space, among those whose pager is to be dropped."""
    swept: u64 = 0
    """Which round through the regions of its pager has been here (mappings.py); 0: it is new."""
    swept_up_to: u64 = 0
    """Up to where the next round has come."""

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

    @property
    def pages(self) -> u64:
        """How long it is."""
        return (self.end - self.start) // PAGE_SIZE

    @property
    def is_data(self) -> bool:
        """Whether it counts against RLIMIT_DATA: private memory that may be written to, stacks excepted."""
        return self.protection & Protection.WRITE != Protection.NONE and not self.shared and not self.grows_down

    @property
    def may_write_to_pager(self) -> bool:
        """Whether what the pager shows can be changed by way of this region."""
        return self.shared and self.may_write

    def continues(self, lower: Region) -> bool:
        """Whether this could be one region with `lower`, at whose end it begins."""
        if self.protection != lower.protection or self.shared != lower.shared or self.may_write != lower.may_write:
            return False
        if self.locked != lower.locked or self.fork_rule != lower.fork_rule or self.grows_down != lower.grows_down:
            return False
        pager = self.pager
        if pager is None:
            return lower.pager is None
        if self.swept != lower.swept and self.swept != 0:
            return False
        return pager is lower.pager and self.offset == lower.offset + (lower.end - lower.start)

    @property
    def guarded_start(self) -> u64:
        """Where memory that is mapped anywhere may end: below a stack a gap is left."""
        return saturating_sub(u64, self.start, GUARD_GAP) if self.grows_down else self.start

    def copy_from(self, other: Region) -> None:
        """Be like `other`, but in no place; the pager is not held yet."""
        self.protection = other.protection
        self.shared = other.shared
        self.may_write = other.may_write
        self.locked = other.locked
        self.fork_rule = other.fork_rule
        self.grows_down = other.grows_down
        self.offset = other.offset
        self.pager = other.pager

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
