"""RunGroup: the threads of one container that compete for the processors as one.

Who has had least runs next, as in fair queueing (Demers, Keshav and Shenker, 1989): a group that runs grows older by
the time it takes, divided by its weight, and the youngest group that has a ready thread is taken. So two busy groups of
weight 100 and 300 get a quarter and three quarters of the machine, however many threads each has.

Within a group it is the same with threads, whose weight comes from their nice value. Each is queued where it ran last.
A processor takes from its own queue, and from another's if that thread is younger by half a turn, or if it has none
itself.

A thread that was killed, and one that holds a mutex for which others wait, is urgent: it runs before the others of its
group, and even if that has used up its limit, which it pays back later.

Times and ages here are on the time-stamp counter. An age that comes to the end of its numbers stays there.
"""

from __future__ import annotations

from codegen.lang import Array, Atomic, field_offset, hot, inline, inline_array, struct, u32, u64
from kernel.base.list import List
from kernel.base.saturating import saturating_add
from kernel.base.tree import Tree, TreeNode
from kernel.machine.segments import MAXIMUM_CPUS
from kernel.sched.bandwidth import LIMITS, Bandwidth
from kernel.sched.thread import Thread

DEFAULT_WEIGHT: u64 = 100
HIGHEST_WEIGHT: u64 = 10_000
STANDARD_WEIGHT: u64 = 100
"""A group of this weight grows older as fast as time passes."""
LONGEST_TIME: u64 = 1 << 40
"""No turn counts for more, so that its weighing does not overflow; a tick ends each long before."""
MOST_LOOKS: u64 = 8
"""How many threads of another queue a processor looks at for one that it may run."""


@struct
class RunGroup:
    """The ready threads of one container. Everything here is under `SCHEDULER.lock`."""

    ready: Array[Tree[Thread]] = inline_array(MAXIMUM_CPUS)
    """By `Thread.processor`, and by age."""
    urgent: List[Thread] = inline(List(Thread.urgent_link))
    """The ready threads that are urgent, in the order in which they became so."""
    ready_count: u64 = 0
    """Both."""
    weight: u64 = DEFAULT_WEIGHT
    age: u64 = 0
    floor: u64 = 0
    """The age of the thread that was taken last: who comes back after a pause is not much younger."""
    queued: bool = False
    """It has ready threads."""
    is_waiting: bool = False
    """It is queued, but has used up its limit."""
    frozen: bool = False
    threads: Atomic[u64] = inline()
    used: u64 = 0
    """How long its threads have run in all."""
    bandwidth: Bandwidth = inline()
    parent: RunGroup | None = None
    """That of the container around, whose limit counts too."""
    turn_node: TreeNode[RunGroup] = inline()

    def prepare(self, parent: RunGroup | None) -> None:
        """Make a new group ready for use."""
        for number in range(MAXIMUM_CPUS):
            self.ready[number].offset = field_offset(Thread.run_node)
        self.parent = parent

    @hot
    def put(self, thread: Thread) -> None:
        """Queue a ready thread at its processor, behind those of its age; or with those that are urgent."""
        self.ready_count += 1
        if thread.killed or thread.awaited != 0:
            self.urgent.push_last(thread)
        else:
            self.ready[thread.processor].insert_last(thread, thread.age)

    @inline
    def remove(self, thread: Thread) -> None:
        """Take a ready thread off its queue."""
        if self.urgent.contains_link(thread):
            self.urgent.remove(thread)
        else:
            self.ready[thread.processor].remove(thread)
        self.ready_count -= 1

    def oldest_age(self) -> u64:
        """The age of the oldest ready thread; 0 if there is none."""
        oldest: u64 = 0
        for number in range(MAXIMUM_CPUS):
            last = self.ready[number].last
            if last is not None:
                oldest = max(oldest, last.age)
        return oldest

    @inline
    def take(self, thread: Thread) -> None:
        """Take a ready thread off its queue, to run."""
        self.remove(thread)
        self.floor = max(self.floor, thread.age)

    @hot
    def next_for(self, processor: u32, processors: u32, patience: u64) -> Thread | None:
        """The ready thread that `processor`, one of `processors`, is to run next; None if there is none for it.

        A thread of another processor's queue is preferred when it is younger than the own one by `patience`.
        """
        if not self.urgent.is_empty:
            urgent = self.next_urgent(processor)
            if urgent is not None:
                return urgent
        best = self.ready[processor].first
        for number in range(processors):
            if number != processor:
                other = self.movable(self.ready[number], processor)
                if other is not None and (best is None or other.age + patience < best.age):
                    best = other
        return best

    def next_urgent(self, processor: u32) -> Thread | None:
        """The first urgent thread that may run on `processor`, among the first ones."""
        thread = self.urgent.first
        for _ in range(MOST_LOOKS):
            if thread is None or thread.policy.processors >> processor & 1 != 0:
                return thread
            thread = thread.urgent_link.next
        return None

    def movable(self, queue: Tree[Thread], processor: u32) -> Thread | None:
        """The first thread of another processor's queue that may run on `processor`, among the first ones.

        One behind those is not forgotten: it may run where it is queued.
        """
        thread = queue.first
        for _ in range(MOST_LOOKS):
            if thread is None or thread.policy.processors >> processor & 1 != 0:
                return thread
            thread = queue.after(thread)
        return None

    @hot
    def charge(self, time: u64, now: u64) -> None:
        """Its thread ran for `time`, until `now`."""
        self.used += time
        counted = min(time, LONGEST_TIME)
        grown = counted if self.weight == STANDARD_WEIGHT else counted * STANDARD_WEIGHT // self.weight
        self.age = saturating_add(self.age, grown)
        if LIMITS.count == 0:
            return
        payer: RunGroup | None = self
        while payer is not None:
            payer.bandwidth.charge(time, now)
            payer = payer.parent

    @hot
    def is_throttled(self, now: u64) -> bool:
        """Whether it has to wait, as a limit of its own or of a container around is used up."""
        if LIMITS.count == 0:
            return False
        payer: RunGroup | None = self
        while payer is not None:
            if payer.bandwidth.is_used_up(now):
                return True
            payer = payer.parent
        return False

    def resumes_at(self) -> u64:
        """When a group that is throttled may go on at the earliest."""
        latest: u64 = 0
        payer: RunGroup | None = self
        while payer is not None:
            if payer.bandwidth.is_limited:
                latest = max(latest, payer.bandwidth.period_end)
            payer = payer.parent
        return latest
