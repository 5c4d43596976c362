"""Futexes: who waits for what is woken, in order, and nobody else is."""

from __future__ import annotations

import pytest

from kernel.process import futex
from kernel.process.futex import MATCH_ANY, FutexKey, is_waiting, requeue, wake
from kernel.sched import scheduler
from kernel.sched.thread import Thread


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[Thread]:
    """The threads that were woken, in order."""
    threads: list[Thread] = []
    monkeypatch.setattr(scheduler, "wake", threads.append)
    return threads


def key(owner: int, place: int) -> FutexKey:
    made = FutexKey()
    made.object = owner
    made.place = place
    return made


def waiters(wanted: FutexKey, count: int, bits: int = MATCH_ANY) -> list[Thread]:
    threads = [Thread() for _ in range(count)]
    for thread in threads:
        wanted.give(thread)
        thread.futex_bits = bits
    return threads


def test_the_first_are_woken(woken: list[Thread]) -> None:
    one, same_bucket, other_owner = key(64, 0x1000), key(64, 0x1000 + 4 * futex.BUCKETS * 4096), key(128, 0x1000)
    threads = waiters(one, 3)
    others = waiters(same_bucket, 1) + waiters(other_owner, 1)
    assert wake(one, 2) == 2 and woken == threads[:2]
    assert [is_waiting(thread) for thread in threads + others] == [False, False, True, True, True]
    assert wake(one, 5) == 1 and woken == threads
    assert wake(one, 5) == 0
    for wanted in (same_bucket, other_owner):
        assert wake(wanted, 1) == 1


def test_only_those_with_a_bit_are_woken(woken: list[Thread]) -> None:
    wanted = key(0, 0x2004)
    first, second = waiters(wanted, 1, 1)[0], waiters(wanted, 1, 2)[0]
    assert wake(wanted, 9, 2) == 1 and woken == [second]
    assert wake(wanted, 9, 1) == 1 and woken == [second, first]


def test_those_who_move_wait_behind_those_who_are_there(woken: list[Thread]) -> None:
    source = key(64, 0x3000)
    for target in (key(64, 0x3004), key(64, 0x3000 + 4 * futex.BUCKETS * 4096), source):
        woken.clear()
        there = [] if target is source else waiters(target, 1)
        moving = waiters(source, 3)
        assert requeue(source, target, 2) == 2
        assert wake(source, 1) == 1
        assert woken == [moving[2]]
        assert wake(target, 9) == len(there) + 2
        assert woken == [moving[2], *there, *moving[:2]]
