"""The frame table: what is known of every 4 KiB frame of memory, and the free ones in blocks.

A binary buddy system (Knuth, The Art of Computer Programming 1, section 2.5): a free block of 2^order frames is
aligned to its size, and merges with its neighbour when both are free. A run of more than one frame is handled by its
first frame; all of its frames name the owner. frames.py is the interface to all of this.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from codegen.lang import (
    Array,
    Atomic,
    Fallible,
    FrameNumber,
    MutableSlice,
    Order,
    count_leading_zeros,
    count_trailing_zeros,
    field_offset,
    inline,
    inline_array,
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
from kernel.memory.frame_cache import BATCH_ORDER, FrameCache

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
    """One frame. While it is in use it is its holders'; while it is in a free block, it is under `FRAMES.lock`."""

    owner: Account | None = None
    link: Link[Frame] = inline()
    """In the free list of its order."""
    references: Atomic[u32] = inline()
    number: u32 = 0
    """Set in the first frame of every free block."""
    use: FrameUse = FrameUse.NONE
    order: u8 = 0


@struct
class FrameTable:
    """All frames, from physical address 0 on, and the free ones by order."""

    frames: MutableSlice[Frame] = uninitialised()
    free_count: Atomic[u64] = inline()
    """How many frames nobody owns, those in the caches included."""
    lock: SpinLock = inline(SpinLock(LockRank.FRAMES))
    free_blocks: Array[List[Frame]] = inline_array(11)
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
                self.free_count.fetch_add(u64(1) << order)
                self.total_count += u64(1) << order
                number += u64(1) << order

    def put_block(self, number: u64, order: u64) -> None:
        """Add a block to the free ones, merged with its free neighbours. Under the lock."""
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
        head.use = FrameUse.NONE
        while found > order:
            found -= 1
            self.put_block(number + (u64(1) << found), found)
        return number

    def fill_cache(self, cache: FrameCache) -> None:
        """Move a batch of free frames into an empty cache, or as many as there are."""
        order = BATCH_ORDER
        with self.lock:
            while order > 0 and not self.has_block(order):
                order -= 1
            try:
                first = self.take_block(order)
            except ENOMEM:
                return
        for number in range(first, first + (u64(1) << order)):
            cache.push(number)

    def has_block(self, order: u64) -> bool:
        """Whether a block of 2^order frames could be taken. Under the lock."""
        for larger in range(order, ORDERS):
            if not self.free_blocks[larger].is_empty:
                return True
        return False

    def empty_cache(self, cache: FrameCache, count: u64) -> None:
        """Move `count` frames of a cache back to the free blocks."""
        with self.lock:
            for _ in range(count):
                self.put_block(cache.pop(), 0)

    def assign(self, number: u64, order: u64, owner: Account, use: FrameUse) -> None:
        """Give a block that nobody else can see to `owner`, held once; the pages are charged already."""
        for index in range(number, number + (u64(1) << order)):
            frame = self.frames[index]
            frame.owner = owner
            frame.use = use
        head = self.frames[number]
        head.order = u8(order)
        head.references.store(1, Order.RELAXED)

    def disown(self, number: u64) -> u64:
        """Take the block that begins with a frame in use from its owner; returns how many frames that are."""
        head = self.frames[number]
        head.references.store(0, Order.RELAXED)
        count = u64(1) << head.order
        for index in range(number, number + count):
            frame = self.frames[index]
            frame.owner = None
            frame.use = FrameUse.NONE
        return count

    def put_back(self, number: u64, order: u64) -> None:
        """Make a block that nobody owns free."""
        with self.lock:
            self.put_block(number, order)
        self.free_count.fetch_add(u64(1) << order)

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
