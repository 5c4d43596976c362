"""The scheduler: which thread runs where, and the switch from one to the next.

Interface: `start` `yield_now` `end_turn` `block` `wake` `exit_current` `tick`; `current` is in cpu.py, `run_idle` in
idle.py, and control.py changes where and how much threads and groups run.

Fair twice: between the groups that have ready threads, by weight, and between the threads of a group, by turns
(group.py). A tick only sets `need_resched`; the switch happens when a thread blocks or is about to return to ring 3, so
kernel code is never preempted, but runs with interrupts on whenever it holds no spinlock. A thread that wakes goes to a
processor that has nothing to do, or else to where it ran last; a processor without work takes what waits elsewhere.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Never

from codegen.lang import (
    Nanoseconds,
    count_trailing_zeros,
    hot,
    inline,
    invert,
    sleeps,
    struct,
    u8,
    u32,
    u64,
    unreachable,
    width,
)
from kernel.base.lock_rank import LockRank
from kernel.base.saturating import saturating_add
from kernel.base.spinlock import SpinLock
from kernel.base.tree import Tree
from kernel.machine.instructions import disable_interrupts, enable_interrupts, interrupts_enabled, read_time_stamp
from kernel.machine.local_apic import send_interrupt
from kernel.machine.trap import Vector
from kernel.memory.pressure import PRESSURE
from kernel.sched import switch
from kernel.sched.cpu import CPUS, Cpu, current, this_cpu
from kernel.sched.group import LONGEST_TIME, RunGroup
from kernel.sched.kernel_lock import KERNEL_LOCK
from kernel.sched.policy import STANDARD_THREAD_WEIGHT
from kernel.sched.thread import Thread, ThreadState
from kernel.sched.turns import is_younger, turn_length, without_lag
from kernel.sched.usage import Usage

TICK: Nanoseconds = Nanoseconds(4_000_000)
NEVER: Nanoseconds = Nanoseconds(0xFFFF_FFFF_FFFF_FFFF)


@width(u8)
class Leaving(IntEnum):
    """Why the running thread gives its processor up."""

    BLOCKS = 0
    """Unless it was woken meanwhile."""
    TURN_ENDS = 1
    YIELDS = 2
    """Behind all that are ready, whatever they have had."""
    ENDS = 3


@struct
class Scheduler:
    """The groups that have ready threads, and the processors that have nothing to run."""

    lock: SpinLock = inline(SpinLock(LockRank.SCHEDULER))
    turns: Tree[RunGroup] = inline(Tree(RunGroup.turn_node))
    """The groups that may run, the youngest first."""
    throttled: Tree[RunGroup] = inline(Tree(RunGroup.turn_node))
    """The groups with ready threads that have used up their limit, by when they go on."""
    floor: u64 = 0
    """The age of the group that was taken last: who comes back after a pause is not younger."""
    idle: u64 = 0
    """The processors that halt, a bit each."""
    next_deadline: Nanoseconds = NEVER
    """When the first sleeper is to be woken (timer.py)."""
    watched: Nanoseconds = NEVER
    """For when the processor `watcher`, which halts, has set its timer (idle.py)."""
    watcher: u32 = 0

    @property
    def has_ready(self) -> bool:
        """Whether any thread is ready, be it that its group has to wait."""
        return not (self.turns.is_empty and self.throttled.is_empty)

    @hot
    def enqueue(self, thread: Thread) -> None:
        """Make `thread` ready at its processor. The lock is held."""
        group = thread.group
        thread.state = ThreadState.READY
        thread.age = without_lag(thread.age, group.floor)
        group.put(thread)
        if not group.queued:
            group.age = without_lag(group.age, self.floor)
            self.insert(group)
        elif group.is_waiting and not group.urgent.is_empty:
            self.discard(group)
            self.insert(group)

    @inline
    def insert(self, group: RunGroup) -> None:
        """Put a group into the order of ages, behind those of its age. The lock is held."""
        group.queued = True
        self.turns.insert_last(group, group.age)

    def discard(self, group: RunGroup) -> None:
        """Take a group out of the order of ages, or from those that wait. The lock is held."""
        if group.is_waiting:
            group.is_waiting = False
            self.throttled.remove(group)
        else:
            self.turns.remove(group)
        group.queued = False

    def suspend(self, group: RunGroup) -> None:
        """Let a group that has used up its limit wait for its next period. The lock is held."""
        self.turns.remove(group)
        group.is_waiting = True
        self.throttled.insert_last(group, group.resumes_at())

    def resume(self, until: u64) -> None:
        """Let the groups go on whose waiting ends until then. The lock is held."""
        while True:
            group = self.throttled.first
            if group is None or group.turn_node.key > until:
                return
            self.discard(group)
            self.insert(group)

    @hot
    def charge(self, cpu: Cpu, now: u64) -> None:
        """Let who runs on `cpu` pay for the time until `now`. The lock is held."""
        time = cpu.elapsed(now)
        cpu.turn_start = now
        thread = cpu.current
        if thread is cpu.idle:
            cpu.idle_time += time
            return
        cpu.busy_time += time
        thread.usage.time += time
        thread.shared_time.time += time
        counted = min(time, LONGEST_TIME)
        if not thread.policy.is_standard:
            counted = counted * STANDARD_THREAD_WEIGHT // thread.policy.weight
        thread.age = saturating_add(thread.age, counted)
        group = thread.group
        group.charge(time, now)
        if group.queued and not group.is_waiting:
            self.discard(group)
            self.insert(group)

    @inline
    def next_for(self, processor: u32, now: u64) -> Thread | None:
        """The thread that `processor` is to run next; None when none is ready for it. The lock is held."""
        if not self.throttled.is_empty:
            self.resume(now)
        group = self.turns.first
        while group is not None:
            is_throttled = group.is_throttled(now)
            if is_throttled:
                thread = group.next_urgent(processor)
            else:
                thread = group.next_for(processor, CPUS.started, turn_length() // 2)
            if thread is not None:
                return thread
            following = self.turns.after(group)
            if is_throttled and group.urgent.is_empty:
                self.suspend(group)
            group = following
        return None

    @inline
    def take_next(self, processor: u32, now: u64) -> Thread | None:
        """Take the thread that `processor` is to run next off its queue. The lock is held."""
        thread = self.next_for(processor, now)
        if thread is not None:
            group = thread.group
            group.take(thread)
            self.floor = max(self.floor, group.age)
            if group.ready_count == 0:
                self.turns.remove(group)
                group.queued = False
        return thread

    def first_refill(self) -> u64:
        """When the first throttled group with ready threads goes on, on the time-stamp counter; 0: there is none."""
        first = self.throttled.first
        return 0 if first is None else first.turn_node.key

    def hasten(self, thread: Thread) -> None:
        """`thread` has become urgent: if it is ready, it is so in another way. The lock is held."""
        group = thread.group
        if thread.state == ThreadState.READY and not group.urgent.contains_link(thread):
            group.remove(thread)
            self.enqueue(thread)
            self.alert(thread, read_time_stamp())

    def place(self, thread: Thread) -> None:
        """Choose the processor that a thread which wakes is queued at. The lock is held."""
        last = u64(thread.processor)
        allowed = thread.policy.processors
        idle = self.idle & allowed
        if idle >> last & 1 != 0:
            return
        if idle != 0:
            thread.processor = u32(count_trailing_zeros(u64, idle))
        elif allowed >> last & 1 == 0:
            thread.processor = u32(count_trailing_zeros(u64, allowed))

    @hot
    def alert(self, thread: Thread, now: u64) -> None:
        """`thread` has become ready: let its processor run it, if that has nothing better to do. The lock is held."""
        cpu = CPUS.of[thread.processor]
        bit = u64(1) << cpu.number
        if self.idle & bit != 0 or cpu.running is cpu.idle:
            self.idle = self.idle & invert(u64, bit)
        elif not is_younger(thread, cpu, now):
            return
        cpu.need_resched = True
        notify(cpu)


SCHEDULER = Scheduler()


def notify(cpu: Cpu) -> None:
    """Let another processor look at `need_resched` and at its thread's signals: now, if it is in ring 3 or halted."""
    if cpu is not this_cpu():
        send_interrupt(cpu.apic_id, Vector.RESCHEDULE)


def start(thread: Thread) -> None:
    """Let a new thread run for the first time; its stack was prepared by `switch.prepare`."""
    with SCHEDULER.lock:
        assert thread.state == ThreadState.NEW, "a thread starts once"
        now = read_time_stamp()
        thread.processor = this_cpu().number
        thread.age = thread.group.floor
        SCHEDULER.place(thread)
        SCHEDULER.enqueue(thread)
        if thread.processor != this_cpu().number:
            SCHEDULER.alert(thread, now)


@hot
def wake(thread: Thread) -> None:
    """Make a blocked thread ready; a thread that is not blocked keeps its state."""
    with SCHEDULER.lock:
        wake_locked(thread)


@hot
def wake_locked(thread: Thread) -> None:
    """`wake`, for who holds the lock of the scheduler."""
    if thread.state != ThreadState.BLOCKED:
        return
    if thread.has_cpu:
        # It announced that it will block, but has not switched yet: it simply goes on.
        thread.state = ThreadState.RUNNING
        return
    now = read_time_stamp()
    SCHEDULER.place(thread)
    SCHEDULER.enqueue(thread)
    SCHEDULER.alert(thread, now)


def interrupt_locked(thread: Thread) -> None:
    """Let `thread` look at what it has to do before it goes on in ring 3, soon. The lock of the scheduler is held."""
    thread.interrupted = True
    if thread.state == ThreadState.BLOCKED:
        if thread.interruptible:
            wake_locked(thread)
    elif thread.has_cpu:
        notify(CPUS.of[thread.processor])


def end_turn() -> None:
    """Switch because a tick, or a thread that woke, asks for it."""
    reschedule(Leaving.TURN_ENDS)


def yield_now() -> None:
    """Let the others have their turn; comes back when this thread's turn comes."""
    reschedule(Leaving.YIELDS)


def block() -> None:
    """Switch away, unless a wake-up came since the thread announced (state BLOCKED) that it would block."""
    if current().state == ThreadState.BLOCKED:
        reschedule(Leaving.BLOCKS)


def exit_current() -> Never:
    """End the running thread. Its stack and its object are given back by who runs next."""
    reschedule(Leaving.ENDS)
    unreachable()


@sleeps
@hot
def reschedule(leaving: Leaving) -> None:
    """Give up the kernel lock, run the thread whose turn it is, and come back when it is this one's turn again."""
    holds_kernel = KERNEL_LOCK.is_mine
    if holds_kernel:
        KERNEL_LOCK.leave()
    were_on = interrupts_enabled()
    disable_interrupts()
    cpu = this_cpu()
    with SCHEDULER.lock:
        following = choose(cpu, leaving)
    if following is not cpu.current:
        count_switch(cpu.current.usage, leaving)
        cpu.switches += 1
        switch.to(cpu, following)
    if were_on:
        enable_interrupts()
    if holds_kernel:
        KERNEL_LOCK.enter()


@inline
def count_switch(usage: Usage, leaving: Leaving) -> None:
    """Count a switch for getrusage(2)."""
    if leaving == Leaving.BLOCKS:
        usage.voluntary_switches += 1
    else:
        usage.involuntary_switches += 1


@hot
def choose(cpu: Cpu, leaving: Leaving) -> Thread:
    """Take the processor from the running thread and give it to the next one, which is returned. The lock is held."""
    thread = cpu.current
    now = read_time_stamp()
    if leaving == Leaving.BLOCKS and thread.state != ThreadState.BLOCKED:
        note_duties(cpu, thread)
        return thread
    SCHEDULER.charge(cpu, now)
    thread.has_cpu = False
    if leaving == Leaving.ENDS:
        thread.state = ThreadState.DEAD
    elif leaving != Leaving.BLOCKS and thread is not cpu.idle:
        if leaving == Leaving.YIELDS:
            thread.age = max(thread.age, thread.group.oldest_age())
        if thread.policy.processors >> cpu.number & 1 == 0:
            SCHEDULER.place(thread)
        SCHEDULER.enqueue(thread)
        if thread.processor != cpu.number:
            SCHEDULER.alert(thread, now)
    following = SCHEDULER.take_next(cpu.number, now)
    chosen = cpu.idle if following is None else following
    chosen.state = ThreadState.RUNNING
    chosen.has_cpu = True
    cpu.running = chosen
    chosen.processor = cpu.number
    note_duties(cpu, chosen)
    return chosen


@inline
def note_duties(cpu: Cpu, thread: Thread) -> None:
    """`thread` goes on here: let it do on its way to ring 3 what is left to do (process/deliver.py).

    That is to tell of a limit, though the one that hit it now waits, and to look at its watched processor time.
    """
    cpu.need_resched = PRESSURE.limit_hit or thread.shared_time.is_look_due


def tick(in_kernel: bool) -> None:
    """The clock ticked on this processor: the turn of the running thread ends if anyone else is ready.

    `in_kernel`: what was interrupted, for the time that getrusage(2) tells.
    """
    cpu = this_cpu()
    thread = cpu.current
    if thread is cpu.idle:
        return
    with SCHEDULER.lock:
        now = read_time_stamp()
        SCHEDULER.charge(cpu, now)
        if in_kernel:
            thread.usage.kernel_ticks += 1
        else:
            thread.usage.user_ticks += 1
        if thread.shared_time.is_watched:
            thread.shared_time.is_look_due = True
            cpu.need_resched = True
        elif SCHEDULER.has_ready or thread.group.is_throttled(now):
            cpu.need_resched = True
