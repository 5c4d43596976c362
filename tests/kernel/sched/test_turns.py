"""Who runs next: round robin over groups by weight, then over a group's threads."""

from __future__ import annotations

from collections import Counter

from kernel.sched.group import RunGroup
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread, ThreadState


def make_group(scheduler: Scheduler, weight: int, threads: int) -> RunGroup:
    """A group whose threads are all ready."""
    group = RunGroup()
    group.weight = weight
    for _ in range(threads):
        thread = Thread()
        thread.group = group
        scheduler.enqueue(thread)
    return group


def run_tick(scheduler: Scheduler) -> Thread:
    """Let the next thread run for one tick, and be ready again, as `end_turn` does it."""
    thread = scheduler.pick_next()
    assert thread is not None
    thread.group.charge_tick()
    scheduler.continue_turn(thread)
    return thread


def test_nothing_ready_is_none() -> None:
    assert Scheduler().pick_next() is None


def test_a_picked_thread_is_ready_no_more() -> None:
    scheduler = Scheduler()
    make_group(scheduler, 100, 1)
    thread = scheduler.pick_next()
    assert thread is not None and thread.state == ThreadState.READY
    assert scheduler.pick_next() is None
    assert not thread.group.queued


def test_groups_share_by_weight_not_by_number_of_threads() -> None:
    scheduler = Scheduler()
    groups = [make_group(scheduler, 100, 1), make_group(scheduler, 300, 1), make_group(scheduler, 100, 5)]
    ticks = Counter(groups.index(run_tick(scheduler).group) for _ in range(500))
    assert ticks == {0: 100, 1: 300, 2: 100}


def test_a_light_group_waits_for_its_credit_but_runs() -> None:
    scheduler = Scheduler()
    light, heavy = make_group(scheduler, 10, 1), make_group(scheduler, 100, 1)
    ticks = Counter("light" if run_tick(scheduler).group is light else "heavy" for _ in range(220))
    assert heavy.ticks == ticks["heavy"] == 200
    assert ticks["light"] == 20


def test_threads_of_a_group_take_turns() -> None:
    scheduler = Scheduler()
    make_group(scheduler, 100, 3)
    picked = [run_tick(scheduler) for _ in range(9)]
    assert picked[:3] == picked[3:6] == picked[6:]
    assert len({id(thread) for thread in picked}) == 3
