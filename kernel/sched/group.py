"""RunGroup: the threads of one container that compete for the processor as one.

Groups take turns by deficit round robin (Shreedhar and Varghese, 1995): a turn adds `weight` to the credit of
the group, a tick of the clock costs `TICK_COST`, and a group without enough credit waits for another turn. So two
busy groups of weight 100 and 300 get a quarter and three quarters of the processor, however many threads each has.
"""

from __future__ import annotations

from codegen.lang import inline, struct, u64
from kernel.base.list import Link, List
from kernel.sched.thread import Thread

TICK_COST: u64 = 100
DEFAULT_WEIGHT: u64 = 100
HIGHEST_WEIGHT: u64 = 10_000


@struct
class RunGroup:
    """The ready threads of one container. Everything here is under `SCHEDULER.lock`."""

    ready: List[Thread] = inline(List(Thread.run_link))
    weight: u64 = DEFAULT_WEIGHT
    credit: u64 = 0
    queued: bool = False
    frozen: bool = False
    ticks: u64 = 0
    threads: u64 = 0
    turn_link: Link[RunGroup] = inline()

    def charge_tick(self) -> None:
        """Pay for one tick of the clock, as far as the credit goes."""
        self.ticks += 1
        self.credit = self.credit - TICK_COST if self.credit >= TICK_COST else 0
