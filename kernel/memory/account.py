"""Account: who pays for a frame, an object, a process.

Every container has one account; `KERNEL` pays for what serves all. What an account uses counts in each of its
ancestors too, so children can never use more than their parent may. A charge that does not fit anywhere on the way
up changes nothing.

No lock is taken: as Linux does (mm/page_counter.c), a charge adds first, looks at the limit, and takes back what did
not fit. Of two charges that race for the last pages both may be refused; none is ever granted beyond a limit.

Invariant, checked by the inspector: `pages.used` is the number of frames that name the account as their owner, plus
the `pages.used` of its children.
"""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import (
    Array,
    Atomic,
    Fallible,
    Order,
    Slice,
    array,
    copy,
    fill,
    inline,
    noinline,
    struct,
    u8,
    u32,
    u64,
    width,
)
from kernel.base.errno import EAGAIN, ENOMEM
from kernel.memory.failures import FAILURES
from kernel.memory.heap import Heap
from kernel.memory.pressure import PRESSURE

NO_LIMIT: u64 = 0xFFFF_FFFF_FFFF_FFFF
NAME_LENGTH: u64 = 32


@width(u32)
class Resource(IntEnum):
    """What is counted."""

    PAGES = 0
    PROCESSES = 1


@width(u8)
class LimitState(IntEnum):
    """Whether a limit was hit, and who knows (docs/containers.md, "Events")."""

    NOT_HIT = 0
    HIT = 1
    """A charge was refused at it, of which nobody has been told yet."""
    TOLD = 2
    """Those who watch were told; they hear of it again once less than seven eighths of the limit were in use."""


@struct
class Usage:
    """How much of one resource an account and all accounts below it use."""

    used: Atomic[u64] = inline()
    peak: u64 = 0
    """The highest `used` that there was; races may make it a little too low."""
    limit: u64 = NO_LIMIT
    refused: u64 = 0
    """How often a charge failed at this very limit."""
    state: LimitState = LimitState.NOT_HIT

    def add(self, count: u64) -> bool:
        """Use `count` more if the limit permits it; says whether it does."""
        after = self.used.fetch_add(count, Order.RELAXED) + count
        if after > self.limit:
            self.refuse(count)
            return False
        self.peak = max(self.peak, after)
        return True

    def remove(self, count: u64) -> None:
        """Use `count` less."""
        before = self.used.fetch_sub(count, Order.RELAXED)
        assert before >= count, "more is given back than was charged"
        if self.state == LimitState.TOLD and before - count < self.limit - self.limit // 8:
            self.state = LimitState.NOT_HIT

    @noinline
    def refuse(self, count: u64) -> None:
        """Take back what `add` added in vain."""
        self.used.fetch_sub(count, Order.RELAXED)
        self.refused += 1
        if self.state == LimitState.NOT_HIT:
            self.state = LimitState.HIT
            PRESSURE.tell_soon()

    def set_limit(self, limit: u64) -> None:
        """Change the limit; 0 means none."""
        self.limit = NO_LIMIT if limit == 0 else limit
        self.state = LimitState.NOT_HIT


@struct
class Account:
    """One payer."""

    # Constant after `prepare`, but for the name.
    parent: Account | None = None
    name: Array[u8] = array(32)
    name_length: u64 = 0

    pages: Usage = inline()
    processes: Usage = inline()
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
        if FAILURES.strikes(self):
            self.refuse_pages(0, self)
        payer: Account | None = self
        while payer is not None:
            if not payer.pages.add(count):
                self.refuse_pages(count, payer)
            payer = payer.parent

    @noinline
    def refuse_pages(self, count: u64, limited: Account) -> Fallible[None]:
        """Undo a charge that the limit of `limited` forbids. ENOMEM."""
        self.give_back(Resource.PAGES, count, limited)
        PRESSURE.refused_by = limited
        raise ENOMEM

    def return_pages(self, count: u64) -> None:
        """Give back `count` pages that were charged."""
        payer: Account | None = self
        while payer is not None:
            payer.pages.remove(count)
            payer = payer.parent

    def charge_process(self) -> Fallible[None]:
        """Take one process or thread; EAGAIN where a limit here or above forbids it, as fork(2) says."""
        if FAILURES.strikes(self):
            raise EAGAIN
        payer: Account | None = self
        while payer is not None:
            if not payer.processes.add(1):
                self.give_back(Resource.PROCESSES, 1, payer)
                raise EAGAIN
            payer = payer.parent

    def check_process(self) -> Fallible[None]:
        """EAGAIN if a process or thread would be refused now: before much is done for it."""
        payer: Account | None = self
        while payer is not None:
            if payer.processes.used.load(Order.RELAXED) >= payer.processes.limit:
                payer.processes.refuse(0)
                raise EAGAIN
            payer = payer.parent

    def return_process(self) -> None:
        """Give back one process or thread that was charged."""
        self.give_back(Resource.PROCESSES, 1, None)

    def give_back(self, resource: Resource, count: u64, end: Account | None) -> None:
        """Give back what was charged here and above, up to but without `end`."""
        payer: Account | None = self
        while payer is not None and payer is not end:
            payer.usage(resource).remove(count)
            payer = payer.parent

    def set_limits(self, pages: u64, processes: u64) -> None:
        """Change the limits; 0 means none. Use above a new limit stays; further charges fail."""
        self.pages.set_limit(pages)
        self.processes.set_limit(processes)

    def usage(self, resource: Resource) -> Usage:
        """The count of one resource."""
        match resource:
            case Resource.PAGES:
                return self.pages
            case Resource.PROCESSES:
                return self.processes


KERNEL = Account()
"""Pays for what belongs to no container: the image, the frame table, the kernel's page tables."""
KERNEL.prepare(None, b"kernel")
