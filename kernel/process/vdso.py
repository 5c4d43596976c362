"""The vDSO of every program: a page of times and a page of code, which all share (vdso(7)).

Interface: `prepare` at start; `map_into` for a new address space. The code is made by boot/vdso.
"""

from __future__ import annotations

from codegen.lang import Fallible, FrameNumber, copy, reference, slice_at, struct, symbol_address, u8, u32, u64
from kernel.base.errno import EACCES, ENXIO
from kernel.machine.clock import CLOCK
from kernel.machine.layout import PAGE_SIZE, frame_address
from kernel.machine.time_page import TimePage
from kernel.memory import frames
from kernel.memory.account import Account
from kernel.memory.frames import FrameUse
from kernel.memory.mapping import map_new
from kernel.memory.pager import Pager
from kernel.memory.region import Protection, Region, Terms
from kernel.memory.space import AddressSpace
from kernel.memory.user_layout import TIME_PAGE

PAGES: u64 = 2


@struct
class SharedPages(Pager):
    """The two pages. They live as long as the machine."""

    times: FrameNumber = FrameNumber(0)
    code: FrameNumber = FrameNumber(0)

    def prepare(self, owner: Account) -> Fallible[None]:
        """Make the pages, charged to `owner`. The clock is running."""
        self.times = frames.allocate(owner, FrameUse.FILE)
        page = reference(TimePage, frame_address(self.times))
        page.tsc_hertz = CLOCK.tsc_hertz
        page.start_ticks = CLOCK.start_ticks
        page.start_date = CLOCK.start_date
        self.code = frames.allocate(owner, FrameUse.FILE)
        start: u64 = symbol_address("vdso_image")
        size: u64 = symbol_address("vdso_end") - start
        copy(frames.contents(self.code)[0:size], slice_at(u8, start, size))

    def page(self, index: u64) -> Fallible[FrameNumber]:
        if index >= PAGES:
            raise ENXIO
        return self.times if index == 0 else self.code

    def own_page(self, index: u64) -> Fallible[FrameNumber]:
        raise EACCES

    def has_page(self, index: u64) -> bool:
        return index < PAGES

    def note_write(self) -> None:
        """Nobody writes to them."""

    def identity(self) -> u64:
        return 0

    def hold(self) -> None:
        """They stay."""

    def drop(self) -> None:
        """They stay."""

    def enter(self, region: Region) -> None:
        """They stay, so nobody has to know who shows them."""

    def leave(self, region: Region) -> None:
        """Likewise."""


SHARED_PAGES = SharedPages()


def map_into(space: AddressSpace) -> Fallible[None]:
    """Let a program have the vDSO. ENOMEM."""
    terms = Terms(rights=u32(Protection.READ | Protection.EXECUTE))
    map_new(space, terms, SHARED_PAGES, 0, TIME_PAGE, TIME_PAGE + PAGES * PAGE_SIZE)
