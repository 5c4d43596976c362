"""The frame table, accounts and heaps on the host: nothing is lost, nothing is used twice."""

from __future__ import annotations

import random

import pytest

from codegen.lang import FrameNumber, Panic, inline, struct, u64
from kernel.base.errno import EAGAIN, ENOMEM
from kernel.memory import frame_cache, frames, pressure
from kernel.memory.account import Account, LimitState
from kernel.memory.frames import ORDERS, FrameTable, FrameUse
from kernel.memory.heap import CLASS_SIZES, LARGEST, free, owner_of
from kernel.memory.reparent import reparent
from tests.kernel.memory.conftest import FRAMES


def account(parent: Account | None = None) -> Account:
    """A new account."""
    made = Account()
    made.prepare(parent, b"test")
    return made


def check(table: FrameTable, *owners: Account) -> None:
    """The invariants of the module."""
    free = sum(len(table.free_blocks[order]) << order for order in range(ORDERS))
    cached = [int(number) for cache in frame_cache.CACHES.of[:] for number in cache.numbers[0 : cache.count]]
    assert free + len(cached) == table.free_count.load()
    assert all(table.frames[number].owner is None for number in cached) and len(set(cached)) == len(cached)
    for order in range(ORDERS):
        for block in table.free_blocks[order]:
            assert (block.use, block.order, block.owner) == (FrameUse.FREE, order, None)
            assert block.number % (1 << order) == 0
    for owner in owners:
        named = [frame for frame in table.frames if frame.owner is owner]
        assert len(named) == owner.pages.used.load()
        assert sum(1 << frame.order for frame in named if frame.references.load() > 0) == len(named)
    assert free + len(cached) + sum(owner.pages.used.load() for owner in owners) == table.total_count


def shape(table: FrameTable) -> list[list[int]]:
    """The free blocks of each order."""
    return [sorted(block.number for block in table.free_blocks[order]) for order in range(ORDERS)]


def test_blocks_of_all_orders_come_from_the_donated_range(table: FrameTable) -> None:
    assert (table.total_count, table.free_count.load()) == (FRAMES - 1, FRAMES - 1)
    assert shape(table)[:8] == [[1], [2], [4], [8], [16], [32], [64], [128]]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_allocated_at_random_comes_back_whole(table: FrameTable, seed: int) -> None:
    before = shape(table)
    owners = [account(), account()]
    chance = random.Random(seed)
    held: list[tuple[FrameNumber, int]] = []
    for _ in range(120):
        if held and chance.random() < 0.45:
            frames.release(held.pop(chance.randrange(len(held)))[0])
            continue
        order = chance.choice([0, 0, 0, 1, 2, 4])
        try:
            frame = frames.allocate_run(chance.choice(owners), order, FrameUse.USER)
        except ENOMEM:
            continue
        taken = range(frame, frame + (1 << order))
        assert all(set(taken).isdisjoint(range(other, other + (1 << size))) for other, size in held)
        held.append((frame, order))
        check(table, *owners)
    for frame, _order in held:
        frames.release(frame)
    check(table, *owners)
    frames.drain_caches()
    assert shape(table) == before
    assert [owner.pages.used.load() for owner in owners] == [0, 0]


def test_fresh_frames_are_zero(table: FrameTable) -> None:
    owner = account()
    frame = frames.allocate(owner, FrameUse.USER)
    frames.contents(frame)[17] = 5
    frames.release(frame)
    assert frames.allocate(owner, FrameUse.USER) == frame
    assert bytes(frames.contents(frame)) == bytes(4096)


def test_a_shared_frame_stays_until_the_last_lets_go(table: FrameTable) -> None:
    owner = account()
    frame = frames.allocate(owner, FrameUse.USER)
    frames.share(frame)
    assert frames.is_shared(frame)
    frames.release(frame)
    assert not frames.is_shared(frame)
    check(table, owner)
    frames.release(frame)
    assert owner.pages.used.load() == 0
    with pytest.raises((AssertionError, Panic)):
        frames.release(frame)


def test_a_limit_above_refuses_and_changes_nothing(table: FrameTable) -> None:
    parent = account()
    child, sibling = account(parent), account(parent)
    parent.set_limits(10, 2)
    sibling.charge_pages(4)
    child.charge_pages(6)
    with pytest.raises(ENOMEM):
        child.charge_pages(1)
    assert (parent.pages.used.load(), child.pages.used.load(), parent.pages.refused) == (10, 6, 1)
    sibling.return_pages(4)
    child.charge_pages(4)
    assert (parent.pages.used.load(), parent.pages.peak) == (10, 10)
    child.charge_process()
    sibling.charge_process()
    with pytest.raises(EAGAIN):
        sibling.charge_process()
    assert parent.processes.used.load() == 2


def test_full_memory_gives_the_charge_back(table: FrameTable) -> None:
    owner = account()
    with pytest.raises(ENOMEM):
        frames.allocate_run(owner, 9, FrameUse.USER)
    assert owner.pages.used.load() == 0
    check(table, owner)


def test_a_frame_changes_owners(table: FrameTable) -> None:
    first, second = account(), account()
    frame = frames.allocate(first, FrameUse.ARCHIVE)
    frames.share(frame)
    frames.transfer(frame, second, FrameUse.FILE)
    assert (first.pages.used.load(), second.pages.used.load()) == (0, 1)
    assert frames.use_of(frame) == FrameUse.FILE and frames.is_shared(frame)
    check(table, first, second)
    second.set_limits(1, 0)
    other = frames.allocate(first, FrameUse.FILE)
    with pytest.raises(ENOMEM):
        frames.transfer(other, second, FrameUse.FILE)
    check(table, first, second)


def test_what_outlives_its_account_is_the_parents(table: FrameTable) -> None:
    parent = account()
    owner = account(parent)
    others = [owner.heap.new(Small) for _ in range(3)]
    kept, large = owner.heap.new(Small), owner.heap.allocate(3 * 4096)
    theirs = parent.heap.new(Small)
    frame = frames.allocate(owner, FrameUse.FILE)
    for other in others:
        free(other)
    used = parent.pages.used.load()
    assert reparent(owner, parent, 0) == 1 + 4 + 1
    assert (owner.pages.used.load(), parent.pages.used.load()) == (0, used)
    assert (owner.heap.objects, parent.heap.objects) == (0, 3)
    assert owner_of(kept) is parent and frames.owner_of(frame) is parent
    check(table, parent)
    assert reparent(owner, parent, 0) == 0
    frames.release(frame)
    parent.heap.release(large)
    more = [parent.heap.new(Small) for _ in range(200)]
    for thing in (kept, theirs, *more):
        free(thing)
    parent.heap.trim()
    assert (parent.pages.used.load(), parent.heap.objects) == (0, 0)


@struct
class Small:
    """An object."""

    value: u64 = 3
    rest: u64 = 0


@struct
class Holder:
    """An object with another in it."""

    first: u64 = 1
    inner: Small = inline()


def test_objects_begin_at_their_defaults(table: FrameTable) -> None:
    heap = account().heap
    small, holder = heap.new(Small), heap.new(Holder)
    assert (small.value, holder.inner.value) == (3, 3)
    assert heap.objects == 2


@pytest.mark.parametrize("seed", range(3))
def test_heap_memory_is_never_given_twice(table: FrameTable, seed: int) -> None:
    owner = account()
    heap = owner.heap
    chance = random.Random(seed)
    sizes = [1, 16, *CLASS_SIZES, LARGEST + 1, 4096, 9000]
    held: dict[int, int] = {}
    for _ in range(120):
        if held and chance.random() < 0.45:
            address = chance.choice(list(held))
            del held[address]
            heap.release(address)
            continue
        size = chance.choice(sizes)
        address = heap.allocate(size)
        assert address % 16 == 0
        assert all(address + size <= other or other + length <= address for other, length in held.items())
        held[address] = size
    assert heap.objects == len(held)
    check(table, owner)
    for address in held:
        heap.release(address)
    heap.trim()
    assert (heap.objects, owner.pages.used.load()) == (0, 0)
    check(table, owner)


def test_a_foreign_object_is_refused(table: FrameTable) -> None:
    one, other = account().heap, account().heap
    thing = one.new(Small)
    with pytest.raises((AssertionError, Panic)):
        other.free(thing)
    assert one.objects == 1


def test_what_the_cache_cannot_hold_becomes_whole_blocks_again(
    table: FrameTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "CAPACITY", 64)
    before = shape(table)
    owner = account()
    held = [frames.allocate_uncleared(owner, 0, FrameUse.USER) for _ in range(FRAMES - 1)]
    with pytest.raises(ENOMEM):
        frames.allocate_uncleared(owner, 0, FrameUse.USER)
    assert pressure.PRESSURE.refused_by is None
    for frame in held:
        frames.release(frame)
        check(table, owner)
    assert frame_cache.CACHES.of[0].count <= 64
    frames.drain_caches()
    assert shape(table) == before


def test_a_run_is_made_of_what_is_cached(table: FrameTable) -> None:
    owner = account()
    for frame in [frames.allocate_uncleared(owner, 0, FrameUse.USER) for _ in range(FRAMES - 1)]:
        frames.release(frame)
    assert frames.allocate_run(owner, 7, FrameUse.USER) == 128
    check(table, owner)


def test_a_limit_is_hit_once_until_there_is_room_again(table: FrameTable) -> None:
    owner = account()
    child = account(owner)
    owner.set_limits(16, 0)
    child.charge_pages(16)
    for expected in (LimitState.HIT, LimitState.HIT):
        with pytest.raises(ENOMEM):
            child.charge_pages(1)
        assert (owner.pages.state, child.pages.state) == (expected, LimitState.NOT_HIT)
        assert pressure.PRESSURE.refused_by is owner
    owner.pages.state = LimitState.TOLD
    child.return_pages(2)
    assert owner.pages.state == LimitState.TOLD
    child.return_pages(1)
    assert owner.pages.state == LimitState.NOT_HIT


def test_what_another_processor_has_cached_is_found_when_memory_is_full(
    table: FrameTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = account()
    for frame in [frames.allocate_uncleared(owner, 0, FrameUse.USER) for _ in range(FRAMES - 1)]:
        frames.release(frame)
    monkeypatch.setattr(frame_cache, "current_cpu_number", lambda: 1)
    for _ in range(FRAMES - 1):
        frames.allocate_uncleared(owner, 0, FrameUse.USER)
    check(table, owner)
