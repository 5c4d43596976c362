"""Account: who pays for a frame, an object, a process.

Every container has one account; `KERNEL` pays for what serves all. What an account uses counts in each of its
ancestors too, so children can never use more than their parent may. A charge that does not fit anywhere on the way
up changes nothing.

Invariants, checked by the inspector: `own_pages` is the sum over `frames`, and over the frame table by owner;
`pages.used` is `own_pages` plus the `pages.used` of the children.
"""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import Array, Fallible, Slice, array, copy, fill, inline, struct, u8, u32, u64, width
from kernel.base.errno import EAGAIN, ENOMEM
from kernel.base.list import List
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.memory.failures import FAILURES
from kernel.memory.frames import Frame
from kernel.memory.heap import Heap

NO_LIMIT: u64 = 0xFFFF_FFFF_FFFF_FFFF
NAME_LENGTH: u64 = 32


@width(u32)
class Resource(IntEnum):
    """What is counted."""

    PAGES = 0
    PROCESSES = 1


@struct
class Usage:
    """How much of one resource an account and all accounts below it use."""

    used: u64 = 0
    peak: u64 = 0
    limit: u64 = NO_LIMIT
    refused: u64 = 0
    """How often a charge failed at this very limit."""


@struct
class Account:
    """One payer."""

    # Constant after `prepare`.
    parent: Account | None = None
    name: Array[u8] = array(32)
    name_length: u64 = 0

    # Under ACCOUNTING.
    pages: Usage = inline()
    processes: Usage = inline()

    # Under FRAMES.lock.
    own_pages: u64 = 0
    frames: List[Frame] = inline(List(Frame.link))

    heap: Heap = inline()

    def prepare(self, parent: Account | None, name: Slice[u8]) -> None:
        """Make a new account ready for use; `name` is for people, and cut to 32 bytes."""
        self.parent = parent
        self.heap.prepare(self)
        self.rename(name)

    def rename(self, name: Slice[u8]) -> None:
        """Change the name that people see."""
        length = min(u64(len(name)), NAME_LENGTH)
        fill(self.name[:], 0)
        copy(self.name[:length], name[:length])
        self.name_length = length

    def charge_pages(self, count: u64) -> Fallible[None]:
        """Take `count` pages; ENOMEM, and nothing taken, where a limit here or above forbids it."""
        with ACCOUNTING:
            if not _charge(self, Resource.PAGES, count):
                raise ENOMEM

    def return_pages(self, count: u64) -> None:
        """Give back `count` pages that were charged."""
        with ACCOUNTING:
            _give_back(self, Resource.PAGES, count)

    def charge_process(self) -> Fallible[None]:
        """Take one process or thread; EAGAIN where a limit here or above forbids it, as fork(2) says."""
        with ACCOUNTING:
            if not _charge(self, Resource.PROCESSES, 1):
                raise EAGAIN

    def return_process(self) -> None:
        """Give back one process or thread that was charged."""
        with ACCOUNTING:
            _give_back(self, Resource.PROCESSES, 1)

    def set_limits(self, pages: u64, processes: u64) -> None:
        """Change the limits; 0 means none. Use above a new limit stays; further charges fail."""
        with ACCOUNTING:
            self.pages.limit = NO_LIMIT if pages == 0 else pages
            self.processes.limit = NO_LIMIT if processes == 0 else processes

    def usage(self, resource: Resource) -> Usage:
        """The count of one resource."""
        match resource:
            case Resource.PAGES:
                return self.pages
            case Resource.PROCESSES:
                return self.processes


def _charge(account: Account, resource: Resource, count: u64) -> bool:
    """Add `count` here and in every ancestor if it fits everywhere; says whether it did."""
    if FAILURES.strikes(account):
        return False
    payer: Account | None = account
    while payer is not None:
        usage = payer.usage(resource)
        if usage.used > usage.limit or count > usage.limit - usage.used:
            usage.refused += 1
            return False
        payer = payer.parent
    payer = account
    while payer is not None:
        usage = payer.usage(resource)
        usage.used += count
        usage.peak = max(usage.peak, usage.used)
        payer = payer.parent
    return True


def _give_back(account: Account, resource: Resource, count: u64) -> None:
    payer: Account | None = account
    while payer is not None:
        payer.usage(resource).used -= count
        payer = payer.parent


ACCOUNTING = SpinLock(LockRank.ACCOUNTING)
"""Guards the counts of all accounts: a charge looks at a whole line of ancestors."""

KERNEL = Account()
"""Pays for what belongs to no container: the image, the frame table, the kernel's page tables."""
KERNEL.prepare(None, b"kernel")
