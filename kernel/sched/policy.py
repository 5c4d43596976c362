"""Policy: how a thread asks to be scheduled (sched(7)).

Containers share the processor by weight, and the threads of one by turns, so a policy and a nice value are kept and
shown, and change nothing.
"""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import i32, struct, u32, u64, width

NICEST: i32 = 19
LEAST_NICE: i32 = -20
DEFAULT_SLACK: u64 = 50_000
"""Nanoseconds (prctl(2), PR_SET_TIMERSLACK)."""

EVERY_PROCESSOR: u64 = 0xFFFF_FFFF_FFFF_FFFF


@width(u32)
class PolicyKind(IntEnum):
    """SCHED_* (sched(7))."""

    OTHER = 0
    FIFO = 1
    ROUND_ROBIN = 2
    BATCH = 3
    IDLE = 5
    DEADLINE = 6


@struct
class Policy:
    """What one thread asked for."""

    kind: PolicyKind = PolicyKind.OTHER
    nice: i32 = 0
    resets_on_fork: bool = False
    """SCHED_RESET_ON_FORK: what only the superuser may ask for, children do not have."""
    processors: u64 = EVERY_PROCESSOR
    """Where it may run, a bit for each processor by its number (sched_setaffinity(2))."""
    timer_slack: u64 = DEFAULT_SLACK
    """No sleep is made longer by it: the tick does that."""

    def inherit(self, other: Policy) -> None:
        """Begin as a child of a thread with the policy `other` (sched(7), "The SCHED_RESET_ON_FORK flag")."""
        self.processors = other.processors
        self.timer_slack = other.timer_slack
        self.kind = other.kind
        self.nice = max(other.nice, 0) if other.resets_on_fork else other.nice
