"""PipeRing: the bytes that are queued in a pipe, in pages (pipe(7)).

As on Linux it is a ring of places for pages. What is written fills up the page that was written last, if all that does
not fill pages has room there, and takes a fresh page for each 4096 bytes; a page that was read to its end is given
back. So a ring of 16 places is full when 16 pages are in use, however few bytes are in them. A packet always has a page
of its own, and reading stops behind it.

Nobody sleeps here, and the lock of the pipe is held.

Invariant: `used` places have pages with bytes in them, from `head` on; `queued` bytes in all.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    Fallible,
    FrameNumber,
    MutableSlice,
    array,
    bit,
    bits,
    from_raw,
    inline,
    replace,
    struct,
    to_raw,
    u8,
    u64,
    uninitialised,
    view,
)
from kernel.base.errno import EBUSY
from kernel.files.content import PAGE
from kernel.files.frame_tree import HOLE
from kernel.memory import frames
from kernel.memory.account import Account
from kernel.memory.frames import FrameUse

PLACES: u64 = 16
"""How many pages a pipe takes at first."""
WORD: u64 = 8


@bits
class PipePage:
    """A page in the ring: which part of it is queued."""

    start: u64 = bits(0, 12)
    length: u64 = bits(12, 25)
    is_packet: bool = bit(25)
    frame: FrameNumber = bits(26, 64)


@struct
class PipeRing:
    """The queue of one pipe."""

    head: u64 = 0
    used: u64 = 0
    queued: u64 = 0
    pages: MutableSlice[u64] = uninitialised()
    """A `PipePage` each."""
    first_pages: Array[u64] = array(PLACES)
    memory: MutableSlice[u8] = uninitialised()
    """Of other places than the first ones."""
    has_memory: bool = False
    spare: FrameNumber = HOLE
    """A page that was read, for the next one that is written."""
    fills_last: bool = False
    """Whether the write that is going on adds to the last page."""

    def begin(self) -> None:
        """Have PLACES places, all free."""
        self.pages = self.first_pages[:]

    @property
    def places(self) -> u64:
        """How many pages it takes: a power of two."""
        return u64(len(self.pages))

    @property
    def is_full(self) -> bool:
        """Whether no fresh page has room."""
        return self.used >= self.places

    @property
    def is_empty(self) -> bool:
        """Whether nothing is queued."""
        return self.used == 0

    @inline
    def place_of(self, number: u64) -> u64:
        """Where page `number` of the queue stands."""
        return (self.head + number) & (self.places - 1)

    @inline
    def page_at(self, number: u64) -> PipePage:
        """Page `number` of the queue."""
        return from_raw(PipePage, self.pages[self.place_of(number)])

    # Reading.

    @inline
    def consume(self, page: PipePage, count: u64) -> None:
        """Take `count` bytes off `page`, the first one, or all of it if that is a packet."""
        taken = page.length if page.is_packet else count
        self.queued -= taken
        if taken < page.length:
            self.pages[self.head] = to_raw(replace(page, start=page.start + taken, length=page.length - taken))
            return
        self.head = self.place_of(1)
        self.used -= 1
        if self.spare == HOLE:
            self.spare = page.frame
        else:
            frames.release(page.frame)

    # Writing.

    @inline
    def room_in_last(self, length: u64, is_packet: bool) -> u64:
        """What of `length` bytes goes into the page that was written last: all that does not fill pages, or nothing."""
        rest = length % PAGE
        if self.used == 0 or rest == 0 or is_packet:
            return 0
        last = self.page_at(self.used - 1)
        return rest if not last.is_packet and last.start + last.length + rest <= PAGE else 0

    @inline
    def has_room(self, length: u64, is_packet: bool) -> bool:
        """Whether something of `length` bytes can be queued."""
        return not self.is_full or self.room_in_last(length, is_packet) > 0

    @inline
    def free_part(self, length: u64, is_packet: bool) -> MutableSlice[u8]:
        """Where the first of `length` bytes go: to the page that was written last, or to the spare one."""
        rest = self.room_in_last(length, is_packet)
        self.fills_last = rest > 0
        if rest > 0:
            last = self.page_at(self.used - 1)
            end = last.start + last.length
            return frames.contents(last.frame)[end : end + rest]
        return frames.contents(self.spare)[0 : min(PAGE, length)]

    @inline
    def enqueue(self, length: u64, is_packet: bool) -> None:
        """The `length` bytes that were written to where `free_part` said are queued."""
        if self.fills_last:
            self.queued += length
            last = self.page_at(self.used - 1)
            self.pages[self.place_of(self.used - 1)] = to_raw(replace(last, length=last.length + length))
            return
        self.add_page(length, is_packet)

    @inline
    def add_page(self, length: u64, is_packet: bool) -> None:
        """The `length` bytes that were written to the spare page are queued, as a page more."""
        page = PipePage(frame=self.spare, length=length, is_packet=is_packet)
        self.pages[self.place_of(self.used)] = to_raw(page)
        self.queued += length
        self.spare = HOLE
        self.used += 1

    def make_spare(self, account: Account) -> Fallible[None]:
        """Have a page for the next write, charged to `account`. ENOMEM."""
        self.spare = frames.allocate_uncleared(account, 0, FrameUse.FILE)

    # Size and end.

    def resize(self, places: u64, account: Account) -> Fallible[None]:
        """Have `places` places. EBUSY for fewer than are in use, ENOMEM."""
        if places < self.used:
            raise EBUSY
        memory = account.heap.allocate_bytes(places * WORD)
        made = view(u64, memory)
        for number in range(self.used):
            made[number] = self.pages[self.place_of(number)]
        self.free_places(account)
        self.pages = made
        self.memory = memory
        self.has_memory = True
        self.head = 0

    def free_places(self, account: Account) -> None:
        """Give back the places, if they are not the first ones."""
        if self.has_memory:
            self.has_memory = False
            account.heap.free_bytes(self.memory)

    def free_all(self, account: Account) -> None:
        """Give back everything."""
        for number in range(self.used):
            frames.release(self.page_at(number).frame)
        self.used = 0
        if self.spare != HOLE:
            frames.release(self.spare)
            self.spare = HOLE
        self.free_places(account)


@inline
def content_of(page: PipePage, limit: u64) -> MutableSlice[u8]:
    """The bytes of a page, at most `limit`."""
    return frames.contents(page.frame)[page.start : page.start + min(page.length, limit)]
