"""Policy: how a thread asks to be scheduled (sched(7)).

Containers share the processors by weight, and the threads of one by the weights that their nice values and SCHED_IDLE
give them. The real-time policies are kept and shown, and weigh most.
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


WEIGHTS = (
    *(88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916),
    *(9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277),
    *(1024, 820, 655, 526, 423, 335, 272, 215, 172, 137),
    *(110, 87, 70, 56, 45, 36, 29, 23, 18, 15),
)
"""By nice value, from -20 on: each step is a quarter more or less, as Linux has it (kernel/sched/core.c)."""
STANDARD_THREAD_WEIGHT: u64 = 1024
"""That of nice value 0."""
IDLE_WEIGHT: u64 = 3
"""That of SCHED_IDLE."""


@struct
class Policy:
    """What one thread asked for."""

    kind: PolicyKind = PolicyKind.OTHER
    priority: u32 = 0
    """1 to 99 of a real-time policy, kept and told; 0 of others."""
    nice: i32 = 0
    resets_on_fork: bool = False
    """SCHED_RESET_ON_FORK: what only the superuser may ask for, children do not have."""
    processors: u64 = EVERY_PROCESSOR
    """Where it may run, a bit for each processor by its number (sched_setaffinity(2))."""
    io_priority: u32 = 0
    """ioprio_set(2); 0: none."""
    timer_slack: u64 = DEFAULT_SLACK
    """No sleep is made longer by it: the tick does that."""
    default_slack: u64 = DEFAULT_SLACK
    """What 0 sets it to: that of the thread that made this one."""

    @property
    def is_real_time(self) -> bool:
        """Whether the policy is SCHED_FIFO or SCHED_RR."""
        return self.kind == PolicyKind.FIFO or self.kind == PolicyKind.ROUND_ROBIN

    @property
    def is_standard(self) -> bool:
        """Whether the weight is the standard one, as most are."""
        return self.nice == 0 and self.kind == PolicyKind.OTHER

    @property
    def weight(self) -> u64:
        """What share a thread has among those of its container."""
        match self.kind:
            case PolicyKind.OTHER | PolicyKind.BATCH:
                return WEIGHTS[u64(self.nice - LEAST_NICE)]
            case PolicyKind.IDLE:
                return IDLE_WEIGHT
            case _:
                return WEIGHTS[0]

    def inherit(self, other: Policy) -> None:
        """Begin as a child of a thread with the policy `other` (sched(7), "The SCHED_RESET_ON_FORK flag")."""
        self.processors = other.processors
        self.timer_slack = other.timer_slack
        self.default_slack = other.timer_slack
        self.io_priority = other.io_priority
        if not other.resets_on_fork:
            self.kind = other.kind
            self.priority = other.priority
            self.nice = other.nice
        elif other.is_real_time:
            self.kind = PolicyKind.OTHER
            self.nice = 0
        else:
            self.kind = other.kind
            self.nice = max(other.nice, 0)
