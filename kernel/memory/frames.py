"""Frames: every 4 KiB frame of memory has one owner, a use, and a number of holders.

Interface: `allocate` `allocate_run` `allocate_uncleared` `share` `release` `owner_of` `transfer` `contents` `counts`.

Single frames come from and go to a cache of the processor (frame_cache.py); runs, and what the caches lack or cannot
hold, from and to the free blocks of the table (frame_table.py).

Invariants: a frame in use has an owner, and its `references` (of a run: those of its first frame) is above 0; the
free blocks and the caches together hold `free_count` frames; frame 0 is never free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import (
    Fallible,
    FrameNumber,
    MutableSlice,
    Order,
    fill,
    inline,
    must_use,
    noinline,
    on_error,
    slice_at,
    u8,
    u32,
    u64,
)
from kernel.base.errno import ENOMEM
from kernel.machine.instructions import disable_interrupts, enable_interrupts, interrupts_enabled
from kernel.machine.layout import PAGE_SIZE, frame_address
from kernel.machine.stubs import clear_page, copy_page
from kernel.memory.frame_cache import BATCH, CACHES, CAPACITY, this_cache
from kernel.memory.frame_table import ORDERS, Frame, FrameTable, FrameUse
from kernel.memory.pressure import PRESSURE

if TYPE_CHECKING:
    from kernel.memory.account import Account

__all__ = ["FRAMES", "ORDERS", "Frame", "FrameTable", "FrameUse"]
"""What a user of frames needs of the table."""

FRAMES = FrameTable()


@must_use
def allocate(owner: Account, use: FrameUse) -> Fallible[FrameNumber]:
    """One zeroed frame, charged to `owner`. ENOMEM at a limit of the account, or when memory is full."""
    frame = allocate_single(owner, use)
    clear_page(frame_address(frame))
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
    if order == 0:
        return allocate_single(owner, use)
    count = u64(1) << order
    owner.charge_pages(count)
    with on_error(owner.return_pages, count):
        number = take_run(order)
    FRAMES.assign(number, order, owner, use)
    return FrameNumber(number)


@must_use
def allocate_single(owner: Account, use: FrameUse) -> Fallible[FrameNumber]:
    """One frame with whatever it held before. ENOMEM."""
    owner.charge_pages(1)
    number = take_single()
    if number == 0:
        number = take_last(owner)
    frame = FRAMES.frames[number]
    frame.owner = owner
    frame.use = use
    frame.order = 0
    frame.references.store(1, Order.RELAXED)
    return FrameNumber(number)


@noinline
def take_last(owner: Account) -> Fallible[u64]:
    """`take_single` of what other processors have cached; ENOMEM, and `owner` has its charge back."""
    drain_caches()
    number = take_single()
    if number == 0:
        owner.return_pages(1)
        PRESSURE.refused_by = None
        raise ENOMEM
    return number


@inline
def take_single() -> u64:
    """Take a free frame from the cache of this processor, filled if need be; 0 when there is none."""
    enabled = interrupts_enabled()
    disable_interrupts()
    cache = this_cache()
    cache.enter()
    if cache.count == 0:
        FRAMES.fill_cache(cache)
    number: u64 = 0
    if cache.count != 0:
        number = cache.pop()
        FRAMES.free_count.fetch_sub(1, Order.RELAXED)
    cache.leave()
    if enabled:
        enable_interrupts()
    return number


def put_single(number: u64) -> None:
    """Make a frame that nobody owns free."""
    enabled = interrupts_enabled()
    disable_interrupts()
    cache = this_cache()
    cache.enter()
    if cache.count == CAPACITY:
        FRAMES.empty_cache(cache, BATCH)
    cache.push(number)
    FRAMES.free_count.fetch_add(1, Order.RELAXED)
    cache.leave()
    if enabled:
        enable_interrupts()


def take_run(order: u64) -> Fallible[u64]:
    """Take a free block; what is cached may complete one. ENOMEM."""
    try:
        with FRAMES.lock:
            number = FRAMES.take_block(order)
    except ENOMEM:
        drain_caches()
        PRESSURE.refused_by = None
        with FRAMES.lock:
            number = FRAMES.take_block(order)
    FRAMES.free_count.fetch_sub(u64(1) << order, Order.RELAXED)
    return number


def drain_caches() -> None:
    """Give what all processors have cached back to the free blocks, where it may become part of larger ones."""
    enabled = interrupts_enabled()
    disable_interrupts()
    for cache in CACHES.of[:]:
        cache.enter()
        FRAMES.empty_cache(cache, cache.count)
        cache.leave()
    if enabled:
        enable_interrupts()


def share(frame: FrameNumber) -> None:
    """Hold `frame` once more; each hold ends with a `release`."""
    before = FRAMES.frames[frame].references.fetch_add(1, Order.RELAXED)
    assert before != 0, "the frame is not in use"


def release(frame: FrameNumber) -> None:
    """Let go of `frame`, or of the run that begins with it; the last one to do so gives it back to the owner."""
    head = FRAMES.frames[frame]
    before = head.references.fetch_sub(1, Order.ACQ_REL)
    assert before != 0, "the frame is not in use"
    if before != 1:
        return
    owner = head.owner
    assert owner is not None, "a frame in use has an owner"
    if head.order == 0:
        head.owner = None
        head.use = FrameUse.NONE
        put_single(frame)
        owner.return_pages(1)
    else:
        count = FRAMES.disown(frame)
        FRAMES.put_back(frame, u64(head.order))
        owner.return_pages(count)


def is_shared(frame: FrameNumber) -> bool:
    """Whether more than one holds `frame`."""
    return FRAMES.frames[frame].references.load(Order.RELAXED) > 1


def owner_of(frame: FrameNumber) -> Account:
    """Who pays for `frame`, which is in use."""
    owner = FRAMES.frames[frame].owner
    assert owner is not None, "a frame in use has an owner"
    return owner


def holders_of(frame: FrameNumber) -> u32:
    """How many hold `frame`."""
    return FRAMES.frames[frame].references.load(Order.RELAXED)


def use_of(frame: FrameNumber) -> FrameUse:
    """What `frame` is used for."""
    return FRAMES.frames[frame].use


def transfer(frame: FrameNumber, owner: Account, use: FrameUse) -> Fallible[None]:
    """Make `owner` the owner of `frame`, without copying it. ENOMEM, and nothing changed, at its limit."""
    owner.charge_pages(1)
    head = FRAMES.frames[frame]
    assert head.references.load(Order.RELAXED) != 0 and head.order == 0, "only single frames in use change owners"
    before = owner_of(frame)
    head.owner = owner
    head.use = use
    before.return_pages(1)


def contents(frame: FrameNumber) -> MutableSlice[u8]:
    """The 4096 bytes of `frame`."""
    return slice_at(u8, frame_address(frame), PAGE_SIZE)


def contents_run(frame: FrameNumber, order: u64) -> MutableSlice[u8]:
    """The bytes of the 2^order frames from `frame` on."""
    return slice_at(u8, frame_address(frame), PAGE_SIZE << order)


def copy_contents(destination: FrameNumber, source: FrameNumber) -> None:
    """Let a frame hold what another one holds."""
    copy_page(frame_address(destination), frame_address(source))


def free_blocks_of(order: u64) -> u64:
    """How many free blocks of 2**order frames there are."""
    with FRAMES.lock:
        return u64(len(FRAMES.free_blocks[order]))


def counts() -> tuple[u64, u64]:
    """(free, total) frames."""
    with FRAMES.lock:
        return FRAMES.free_count.load(), FRAMES.total_count
