"""Preemption points: where a long system call lets others run, ends when its process is killed, and freezes.

Interface: `preemption_point`; `give_way` in what cannot be given up; `sleep_while_frozen` and `THAWED` for who freezes
and thaws.

Kernel code is never preempted, so a call whose length a program chooses is made of steps, each of a bounded length (a
fraction of a millisecond), with a preemption point between them. There the kernel lock may be given up and taken
again, as in any call that sleeps: whatever was looked up before has to be held, or looked up again.
"""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import Fallible, inline, noinline, sleeps, struct, u8, width
from kernel.base.errno import EINTR
from kernel.sched.cpu import current, this_cpu
from kernel.sched.kernel_lock import KERNEL_LOCK
from kernel.sched.scheduler import end_turn
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER
from kernel.sched.wait import WaitQueue


@struct
class Thawed:
    """Where threads of frozen containers sleep: woken when any container is thawed."""

    queue: WaitQueue = inline()


THAWED = Thawed()


@width(u8)
class Freezing(IntEnum):
    """What a preemption point does in a container that is frozen."""

    HERE = 0
    LATER = 1
    """The call goes on: it holds a mutex for which threads of other containers may wait."""


@sleeps
@inline
def preemption_point(freezing: Freezing = Freezing.HERE) -> Fallible[None]:
    """Let others run if it is their turn. EINTR once the running thread is to end: the call gives up what it does."""
    thread = current()
    if this_cpu().need_resched or thread.killed or thread.group.frozen or KERNEL_LOCK.is_claimed:
        pause(thread, freezing)


@sleeps
@noinline
def pause(thread: Thread, freezing: Freezing) -> Fallible[None]:
    """`preemption_point`, when something is to be done at it."""
    if thread.group.frozen and freezing == Freezing.HERE:
        sleep_while_frozen(thread)
    if thread.killed:
        raise EINTR
    let_others_run()


@sleeps
@inline
def give_way() -> None:
    """Let others run if it is their turn, in what has to be done to its end: freezing and killing come after it."""
    if this_cpu().need_resched or KERNEL_LOCK.is_claimed:
        let_others_run()


@sleeps
@noinline
def let_others_run() -> None:
    """End the turn if it is over, and give the kernel lock to a thread that has claimed it."""
    if this_cpu().need_resched:
        end_turn()
    elif KERNEL_LOCK.is_claimed and KERNEL_LOCK.is_mine:
        KERNEL_LOCK.leave()
        KERNEL_LOCK.enter()


@sleeps
def sleep_while_frozen(thread: Thread) -> None:
    """Sleep until the container of the running `thread` is thawed, or the thread is to end. Signals stay for later."""
    interrupted = False
    while thread.group.frozen and not thread.killed:
        seen = THAWED.queue.observe()
        interrupted = interrupted or thread.interrupted
        thread.interrupted = False
        if thread.group.frozen and not thread.killed:
            THAWED.queue.wait(seen, NEVER, True)
    thread.interrupted = interrupted or thread.interrupted or thread.killed
