"""Region: a range of one address space with one set of rights and one source of pages."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING

from codegen.lang import (
    bit,
    bits,
    inline,
    saturating_sub,
    struct,
    to_raw,
    u8,
    u32,
    u64,
    uninitialised,
    width,
)
from kernel.base.list import Link
from kernel.base.tree import TreeNode
from kernel.machine.layout import PAGE_SIZE
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


@bits(u32)
class Terms:
    """What a mapping is, wherever it lies and whatever it shows."""

    rights: u32 = bits(0, 3)
    """PROT_*, of `Protection`."""
    shared: bool = bit(3)
    never_written: bool = bit(4)
    """It may not be made writable: it shows a file that was opened for reading only, or is sealed."""
    locked: bool = bit(5)
    """mlock(2): its pages are not forgotten."""
    grows_down: bool = bit(6)
    """It is a stack: what is touched below becomes part of it (growth.py)."""
    fork_rule: u32 = bits(7, 9)
    """Of `ForkRule`."""


def is_data(terms: Terms) -> bool:
    """Whether that counts against RLIMIT_DATA: private memory that may be written to, stacks excepted."""
    return terms.rights & u32(Protection.WRITE) != 0 and not terms.shared and not terms.grows_down


@struct(size=128)
class Region:
    """The addresses from `start` up to, not including, `end`; both are page boundaries.

    `pager` None means zeros, and memory that is private. `offset` is where in the pager's contents `start` lies, in
    bytes. A private region keeps what is written to it to itself; a shared one writes to the pager.
    """

    node: TreeNode[Region] = inline()
    space: AddressSpace = uninitialised()
    start: u64 = 0
    end: u64 = 0
    terms: Terms = Terms()
    swept: u32 = 0
    """Which round through the regions of its pager has been here (mappings.py); 0: it is new."""
    pager: Pager | None = None
    offset: u64 = 0
    pager_link: Link[Region] = inline()
    """Among the regions that show the same pager; once out of the space, among those whose pager is to be dropped."""
    swept_up_to: u64 = 0
    """Up to where the next round has come here."""

    @inline
    def allows(self, access: Access) -> bool:
        """Whether the rights permit `access`; what may be written or executed may be read (x86 cannot tell)."""
        match access:
            case Access.READ:
                return self.terms.rights != 0
            case Access.WRITE:
                return self.terms.rights & u32(Protection.WRITE) != 0
            case Access.EXECUTE:
                return self.terms.rights & u32(Protection.EXECUTE) != 0

    @property
    def shared(self) -> bool:
        """Whether others see what is written to it."""
        return self.terms.shared

    @property
    def locked(self) -> bool:
        """Whether mlock(2) keeps its pages."""
        return self.terms.locked

    @property
    def grows_down(self) -> bool:
        """Whether it is a stack."""
        return self.terms.grows_down

    @property
    def pages(self) -> u64:
        """How long it is."""
        return (self.end - self.start) // PAGE_SIZE

    @property
    def may_write_to_pager(self) -> bool:
        """Whether what the pager shows can be changed by way of this region."""
        return self.terms.shared and not self.terms.never_written

    @inline
    def goes_on(self, terms: Terms, pager: Pager | None, offset: u64) -> bool:
        """Whether what is mapped at its end, of these terms, could be part of it."""
        if to_raw(terms) != to_raw(self.terms):
            return False
        shown = self.pager
        if shown is None or pager is None:
            return shown is None and pager is None
        return shown is pager and offset == self.offset + (self.end - self.start)

    @property
    def guarded_start(self) -> u64:
        """Where memory that is mapped anywhere may end: below a stack a gap is left."""
        return saturating_sub(u64, self.start, GUARD_GAP) if self.terms.grows_down else self.start

    def offset_of(self, address: u64) -> u64:
        """Where in the pager's contents `address` lies; 0 without one."""
        return 0 if self.pager is None else self.offset + (address - self.start)

    def page_index(self, address: u64) -> u64:
        """Which page of the pager's contents shows at `address`."""
        return (address - self.start + self.offset) // PAGE_SIZE
