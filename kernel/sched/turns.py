"""Turns: how long one is, and who is younger by enough to have one at once."""

from __future__ import annotations

from codegen.lang import hot, u64
from kernel.machine.clock import CLOCK
from kernel.sched.cpu import Cpu
from kernel.sched.group import STANDARD_WEIGHT
from kernel.sched.thread import Thread

TURNS_PER_SECOND_ORDER: u64 = 8
"""A turn is 1/256 s, about a tick."""


def turn_length() -> u64:
    """How long a turn is, on the time-stamp counter."""
    return CLOCK.tsc_hertz >> TURNS_PER_SECOND_ORDER


def without_lag(age: u64, floor: u64) -> u64:
    """The age of who becomes ready where the youngest has the age `floor`: a long pause is not made up for."""
    lag = turn_length()
    return max(age, floor - lag) if floor > lag else age


@hot
def is_younger(thread: Thread, cpu: Cpu, now: u64) -> bool:
    """Whether `thread` should run at once in place of what runs on `cpu`.

    In its own group, only if it is younger by half a turn: who wakes others often waits for them soon after.
    """
    running = cpu.running
    group = running.group
    if thread.group is group:
        return thread.age + turn_length() // 2 < running.age
    return thread.group.age <= group.age + cpu.elapsed(now) * STANDARD_WEIGHT // group.weight
