"""The scheduler: which thread runs, and the switch from one to the next.

Interface: `start` `yield_now` `end_turn` `block` `wake` `exit_current` `tick` `run_idle`; `current` is in cpu.py.

Round robin twice: over the groups that have ready threads, by weight (group.py), then over a group's threads.
A tick only sets `need_resched`; the switch happens when a thread blocks or is about to return to ring 3, so
kernel code is never preempted, but runs with interrupts on whenever it holds no spinlock.
"""

from __future__ import annotations

from typing import Never

from codegen.lang import inline, sleeps, struct, unreachable
from kernel.base.list import List
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.machine.instructions import disable_interrupts, enable_interrupts, interrupts_enabled
from kernel.machine.stubs import interrupt_window
from kernel.sched import switch
from kernel.sched.cpu import current, this_cpu
from kernel.sched.group import TICK_COST, RunGroup
from kernel.sched.thread import Thread, ThreadState


@struct
class Scheduler:
    """The ready threads of the machine, by group."""

    lock: SpinLock = inline(SpinLock(LockRank.SCHEDULER))
    turns: List[RunGroup] = inline(List(RunGroup.turn_link))

    def enqueue(self, thread: Thread) -> None:
        """Make `thread` ready. The lock is held."""
        group = thread.group
        thread.state = ThreadState.READY
        group.ready.push_last(thread)
        if not group.queued:
            group.queued = True
            self.turns.push_last(group)

    def continue_turn(self, thread: Thread) -> None:
        """Make `thread` ready after a tick; its group goes on first if it has credit for more. The lock is held."""
        group = thread.group
        self.enqueue(thread)
        self.turns.remove(group)
        if group.credit >= TICK_COST:
            self.turns.push_first(group)
        else:
            self.turns.push_last(group)

    def pick_next(self) -> Thread | None:
        """Take the thread that runs next, or None when none is ready. The lock is held.

        Ends: each group that is passed over gains at least one credit, and needs at most `TICK_COST`.
        """
        while True:
            group = self.turns.pop_first()
            if group is None:
                return None
            if group.credit < TICK_COST:
                group.credit += group.weight
            if group.credit < TICK_COST:
                self.turns.push_last(group)
                continue
            thread = group.ready.pop_first()
            assert thread is not None, "a queued group has a ready thread"
            if group.ready.is_empty:
                group.queued = False
            else:
                self.turns.push_first(group)
            return thread


SCHEDULER = Scheduler()


def start(thread: Thread) -> None:
    """Let a new thread run for the first time; its stack was prepared by `switch.prepare`."""
    with SCHEDULER.lock:
        assert thread.state == ThreadState.NEW, "a thread starts once"
        SCHEDULER.enqueue(thread)


def wake(thread: Thread) -> None:
    """Make a blocked thread ready; a thread that is not blocked keeps its state."""
    with SCHEDULER.lock:
        wake_locked(thread)


def wake_locked(thread: Thread) -> None:
    """`wake`, for who holds the lock of the scheduler."""
    if thread.state != ThreadState.BLOCKED:
        return
    if thread is current():
        # It announced that it will block, but has not switched yet: it simply goes on.
        thread.state = ThreadState.RUNNING
        return
    SCHEDULER.enqueue(thread)
    running = current()
    if running is this_cpu().idle or running.group is not thread.group:
        # Who slept has not used its turn: it need not wait for the end of another container's.
        this_cpu().need_resched = True


def end_turn() -> None:
    """Switch because a tick, or a thread that woke, asks for it: what credit is left is not lost."""
    cpu = this_cpu()
    with SCHEDULER.lock:
        if cpu.ticked:
            SCHEDULER.continue_turn(cpu.current)
        else:
            SCHEDULER.enqueue(cpu.current)
    reschedule()


def yield_now() -> None:
    """Let the others have their turn; comes back when this thread's turn comes."""
    with SCHEDULER.lock:
        thread = current()
        if thread is not this_cpu().idle:
            SCHEDULER.enqueue(thread)
    reschedule()


def block() -> None:
    """Switch away, unless a wake-up came since the thread announced (state BLOCKED) that it would block."""
    if current().state == ThreadState.BLOCKED:
        reschedule()


def exit_current() -> Never:
    """End the running thread. Its stack and its object are given back by who runs next."""
    with SCHEDULER.lock:
        current().state = ThreadState.DEAD
    reschedule()
    unreachable()


@sleeps
def reschedule() -> None:
    """Switch to the next ready thread. The state of the current one says what becomes of it."""
    were_on = interrupts_enabled()
    disable_interrupts()
    cpu = this_cpu()
    thread = cpu.current
    cpu.need_resched = False
    cpu.ticked = False
    with SCHEDULER.lock:
        if thread.state == ThreadState.BLOCKED or thread.state == ThreadState.DEAD or thread is cpu.idle:
            following = SCHEDULER.pick_next()
        else:
            following = SCHEDULER.pick_next() if thread.state == ThreadState.READY else thread
        chosen = cpu.idle if following is None else following
        chosen.state = ThreadState.RUNNING
    if chosen is not thread:
        switch.to(cpu, chosen)
    if were_on:
        enable_interrupts()


def tick() -> None:
    """The clock ticked on this processor: charge the running group and end the turn of the thread."""
    cpu = this_cpu()
    cpu.ticks += 1
    thread = cpu.current
    if thread is cpu.idle:
        cpu.idle_ticks += 1
        return
    thread.cpu_ticks += 1
    with SCHEDULER.lock:
        thread.group.charge_tick()
    cpu.need_resched = True
    cpu.ticked = True


def run_idle() -> Never:
    """The boot thread ends here: it runs what is ready, and halts the processor until an interrupt."""
    while True:
        disable_interrupts()
        with SCHEDULER.lock:
            nothing_ready = SCHEDULER.turns.is_empty
        if nothing_ready:
            interrupt_window()
        enable_interrupts()
        reschedule()
