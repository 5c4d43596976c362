"""The frame table: for every 4 KiB frame of memory its one owner, its use, and how many hold it.

Interface: `allocate` `allocate_run` `allocate_uncleared` `share` `release` `transfer` `reclaim` `contents` `counts`.

A binary buddy system (Knuth, The Art of Computer Programming 1, section 2.5): a free block of 2^order frames is
aligned to its size, and merges with its neighbour when both are free. A run of more than one frame is handled by its
first frame; all of its frames name the owner.

Invariants: a frame in use is on its owner's list (a run: its first frame), and `references` is above 0; the owner's
`own_pages` is the number of frames that name it; the free counts of all orders add up to `free_count`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from codegen.lang import (
    Array,
    Fallible,
    FrameNumber,
    MutableSlice,
    count_leading_zeros,
    count_trailing_zeros,
    field_offset,
    fill,
    inline,
    inline_array,
    must_use,
    on_error,
    slice_at,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
    width,
)
from kernel.base.errno import ENOMEM
from kernel.base.list import Link, List
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.machine.layout import PAGE_SIZE, frame_address

if TYPE_CHECKING:
    from kernel.memory.account import Account

ORDERS: u64 = 11
"""Blocks of 1 to 1024 frames: at most 4 MiB."""


@width(u8)
class FrameUse(IntEnum):
    """What a frame is used for."""

    NONE = 0
    """Not memory, kept by the firmware, or inside a free block."""
    FREE = 1
    """The first frame of a free block."""
    IMAGE = 2
    """The kernel's text and data."""
    FRAME_TABLE = 3
    ARCHIVE = 4
    """The boot archive as the loader left it."""
    PAGE_TABLE = 5
    STACK = 6
    HEAP = 7
    """A slab of small objects."""
    HEAP_RUN = 8
    """One large object."""
    USER = 9
    """A page of a program's private memory."""
    FILE = 10
    """A page of a file."""


@struct
class Frame:
    """One frame. Everything here is under `FRAMES.lock`."""

    owner: Account | None = None
    link: Link[Frame] = inline()
    """In the owner's list, or in the free list of its order."""
    references: u32 = 0
    number: u32 = 0
    """Set in the first frame of every block."""
    use: FrameUse = FrameUse.NONE
    order: u8 = 0


@struct
class FrameTable:
    """All frames, from physical address 0 on, and the free ones by order."""

    frames: MutableSlice[Frame] = uninitialised()
    lock: SpinLock = inline(SpinLock(LockRank.FRAMES))
    free_blocks: Array[List[Frame]] = inline_array(11)
    free_count: u64 = 0
    total_count: u64 = 0

    def prepare(self, frames: MutableSlice[Frame]) -> None:
        """Take `frames` (fresh, all NONE) as the table; no frame is free yet."""
        self.frames = frames
        with self.lock:
            for order in range(ORDERS):
                self.free_blocks[order].offset = field_offset(Frame.link)

    def donate(self, first: FrameNumber, end: FrameNumber) -> None:
        """Make the frames from `first` up to `end` free. They are memory, and have no owner."""
        number: u64 = first
        with self.lock:
            while number < end:
                size_order = u64(63 - count_leading_zeros(u64, end - number))
                alignment = u64(count_trailing_zeros(u64, number))
                order = min(size_order, alignment, ORDERS - 1)
                self.put_block(number, order)
                self.total_count += u64(1) << order
                number += u64(1) << order

    def put_block(self, number: u64, order: u64) -> None:
        """Add a block to the free ones, merged with its free neighbours. Under the lock."""
        self.free_count += u64(1) << order
        while order < ORDERS - 1:
            buddy = number ^ u64(1) << order
            if buddy >= len(self.frames):
                break
            other = self.frames[buddy]
            if other.use != FrameUse.FREE or u64(other.order) != order:
                break
            self.free_blocks[order].remove(other)
            other.use = FrameUse.NONE
            number = min(number, buddy)
            order += 1
        head = self.frames[number]
        head.use = FrameUse.FREE
        head.order = u8(order)
        head.number = u32(number)
        head.owner = None
        self.free_blocks[order].push_first(head)

    def take_block(self, order: u64) -> Fallible[u64]:
        """Take a block of 2^order frames off the free ones; ENOMEM if there is none. Under the lock."""
        found = order
        while found < ORDERS and self.free_blocks[found].is_empty:
            found += 1
        if found >= ORDERS:
            raise ENOMEM
        head = self.free_blocks[found].pop_first()
        assert head is not None, "a list that is not empty has a first member"
        number = u64(head.number)
        self.free_count -= u64(1) << found
        head.use = FrameUse.NONE
        while found > order:
            found -= 1
            self.put_block(number + (u64(1) << found), found)
        return number

    def assign(self, number: u64, order: u64, owner: Account, use: FrameUse) -> None:
        """Give a block to `owner`, held once. Under the lock; the pages are charged already."""
        for index in range(number, number + (u64(1) << order)):
            frame = self.frames[index]
            frame.owner = owner
            frame.use = use
        head = self.frames[number]
        head.number = u32(number)
        head.order = u8(order)
        head.references = 1
        owner.frames.push_last(head)
        owner.own_pages += u64(1) << order

    def disown(self, head: Frame) -> u64:
        """Take a block from its owner, whoever holds it; returns how many frames. Under the lock."""
        owner = head.owner
        assert owner is not None, "the frame has no owner"
        owner.frames.remove(head)
        number = u64(head.number)
        count = u64(1) << head.order
        owner.own_pages -= count
        for index in range(number, number + count):
            frame = self.frames[index]
            frame.owner = None
            frame.use = FrameUse.NONE
        head.references = 0
        return count

    def claim(self, first: FrameNumber, end: FrameNumber, owner: Account, use: FrameUse) -> Fallible[None]:
        """Say that memory which was never free belongs to `owner`, frame by frame."""
        number: u64 = first
        owner.charge_pages(end - first)
        with self.lock:
            while number < end:
                assert self.frames[number].use == FrameUse.NONE, "the frame is in use"
                self.assign(number, 0, owner, use)
                self.total_count += 1
                number += 1


FRAMES = FrameTable()


@must_use
def allocate(owner: Account, use: FrameUse) -> Fallible[FrameNumber]:
    """One zeroed frame, charged to `owner`. ENOMEM at a limit of the account, or when memory is full."""
    frame = allocate_uncleared(owner, 0, use)
    fill(contents(frame), 0)
    return frame


@must_use
def allocate_run(owner: Account, order: u64, use: FrameUse) -> Fallible[FrameNumber]:
    """2^order zeroed frames in a row, aligned to their size; returns the first. ENOMEM."""
    frame = allocate_uncleared(owner, order, use)
    fill(contents_run(frame, order), 0)
    return frame


@must_use
def allocate_uncleared(owner: Account, order: u64, use: FrameUse) -> Fallible[FrameNumber]:
    """Like `allocate_run`, with whatever the frames held before: the caller overwrites all of it. ENOMEM."""
    count = u64(1) << order
    owner.charge_pages(count)
    with on_error(owner.return_pages, count), FRAMES.lock:
        number = FRAMES.take_block(order)
        FRAMES.assign(number, order, owner, use)
    return FrameNumber(number)


def share(frame: FrameNumber) -> None:
    """Hold `frame` once more; each hold ends with a `release`."""
    with FRAMES.lock:
        head = FRAMES.frames[frame]
        assert head.references != 0, "the frame is not in use"
        head.references += 1


def release(frame: FrameNumber) -> None:
    """Let go of `frame`, or of the run that begins with it; the last one to do so gives it back to the owner."""
    with FRAMES.lock:
        head = FRAMES.frames[frame]
        assert head.references != 0, "the frame is not in use"
        head.references -= 1
        if head.references != 0:
            return
        owner = head.owner
        assert owner is not None, "a frame in use has an owner"
        count = FRAMES.disown(head)
        FRAMES.put_block(frame, u64(head.order))
    owner.return_pages(count)


def release_run(frame: FrameNumber) -> None:
    """Let go of the run that begins with `frame`."""
    release(frame)


def is_shared(frame: FrameNumber) -> bool:
    """Whether more than one holds `frame`."""
    with FRAMES.lock:
        return FRAMES.frames[frame].references > 1


def use_of(frame: FrameNumber) -> FrameUse:
    """What `frame` is used for."""
    return FRAMES.frames[frame].use


def transfer(frame: FrameNumber, owner: Account, use: FrameUse) -> Fallible[None]:
    """Make `owner` the owner of `frame`, without copying it. ENOMEM, and nothing changed, at its limit."""
    owner.charge_pages(1)
    with FRAMES.lock:
        head = FRAMES.frames[frame]
        assert head.references != 0 and head.order == 0, "only single frames in use change owners"
        before = head.owner
        assert before is not None, "a frame in use has an owner"
        references = head.references
        FRAMES.disown(head)
        FRAMES.assign(frame, 0, owner, use)
        head.references = references
    before.return_pages(1)


def reclaim(owner: Account) -> u64:
    """Give back every frame of `owner`, whoever holds it; returns how many there were.

    For the end of a container: nothing that could touch the frames runs any more.
    """
    reclaimed: u64 = 0
    with FRAMES.lock:
        head = owner.frames.first
        while head is not None:
            reclaimed += FRAMES.disown(head)
            FRAMES.put_block(u64(head.number), u64(head.order))
            head = owner.frames.first
    owner.return_pages(reclaimed)
    return reclaimed


def contents(frame: FrameNumber) -> MutableSlice[u8]:
    """The 4096 bytes of `frame`."""
    return slice_at(u8, frame_address(frame), PAGE_SIZE)


def contents_run(frame: FrameNumber, order: u64) -> MutableSlice[u8]:
    """The bytes of the 2^order frames from `frame` on."""
    return slice_at(u8, frame_address(frame), PAGE_SIZE << order)


def counts() -> tuple[u64, u64]:
    """(free, total) frames."""
    with FRAMES.lock:
        return FRAMES.free_count, FRAMES.total_count
