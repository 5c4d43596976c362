"""The end of threads and processes (_exit(2), exit_group(2)).

Interface: `exit_thread` `exit_process`; how others are told to end is in ending.py.

A thread only ever ends itself, in the kernel, on its way to ring 3: to end another one is to mark it and to wake it.
The last thread of a process gives back what the process used; pid and status stay for whoever waits.
"""

from __future__ import annotations

from typing import Never

from codegen.lang import UserAddr, u32, u64
from kernel.base.errno import EFAULT
from kernel.files.content import release_dying
from kernel.files.poll import readiness_changed
from kernel.memory import user
from kernel.memory.space import NOTHING
from kernel.process import job_control, priority_futex, robust, timers
from kernel.process.changes import drop_space
from kernel.process.clock_watch import forget_process, forget_thread
from kernel.process.ending import end_threads
from kernel.process.process import Process, ProcessState
from kernel.process.send import retarget, send_child_change, send_to_process
from kernel.process.signal_queue import discard
from kernel.process.signal_table import IGNORE, ActionFlags, Signal
from kernel.process.tracer import tell_of_end
from kernel.process.usage import add_thread, keep_largest
from kernel.sched import switch
from kernel.sched.cpu import current
from kernel.sched.preemption import give_way
from kernel.sched.scheduler import exit_current
from kernel.sched.thread import Thread
from kernel.sched.times import leave_process

ALL_SIGNALS: u64 = 0xFFFF_FFFF_FFFF_FFFF


def exit_process(status: u32) -> Never:
    """End the process of the running thread with `status`."""
    end_threads(current().process, status)
    exit_thread(status)


def exit_thread(status: u32) -> Never:
    """End the running thread, and with the last one its process, with `status` unless that was told before."""
    thread = current()
    process = thread.process
    if thread.is_traced:
        tell_of_end(thread, status)
    priority_futex.leave_locks(thread)
    thread.has_left_locks = True
    forget_child_tid(thread)
    drop_signals(thread)
    if process.threads.count == 1:
        end_threads(process, status)
        release_space(process)
        drop_shared(process)
        process.files.close_all_unless_shared()
        drop_signals(thread)
    forget_thread(thread)
    process.threads.remove(thread)
    process.container.numbers.remove_thread(thread)
    process.thread_ended.wake_all()
    retarget(process)
    if thread.id != process.pid:
        process.return_thread()
    add_thread(process.used.used, thread)
    leave_process()
    if process.threads.is_empty:
        end_process(process)
    else:
        job_control.tell_of_stop(process)
    thread.is_user = False
    release_dying()
    exit_current()


def drop_signals(thread: Thread) -> None:
    """Drop what is pending for a thread that ends. There may be much: others run meanwhile."""
    while not discard(thread.signal_queue, ALL_SIGNALS):
        give_way()


def drop_shared(process: Process) -> None:
    """Drop the timers of a process whose last thread ends, and what is pending for it. Others run meanwhile."""
    timers.delete_all(process, False)
    while not discard(process.signals.queue, ALL_SIGNALS):
        give_way()


def forget_child_tid(thread: Thread) -> None:
    """CLONE_CHILD_CLEARTID: zero the word where the C library looks, and wake who joins (set_tid_address(2))."""
    address = thread.clear_child_tid
    if u64(address) == 0 or thread.process.threads.count == 1:
        return
    thread.clear_child_tid = UserAddr(0)
    try:
        user.put(u32, address, 0)
        robust.wake_one(thread, address)
    except EFAULT:
        return


def end_process(process: Process) -> None:
    """The last thread has ended: give back what the process used, and tell who waits for it."""
    process.processor_limit.watch.cancel()
    forget_process(process)
    process.files.drop()
    process.paths.drop()
    process.signals.drop_table()
    executable = process.executable
    if executable is not None:
        process.executable = None
        executable.drop()
    process.state = ProcessState.ZOMBIE
    process.stopped = False
    process.session.disconnect(has_ended=True)
    job_control.release_orphans(process)
    give_away_children(process)
    for handle in process.handles:
        handle.finish(process)
    process.ended.wake_all()
    readiness_changed()
    container = process.container
    parent = process.parent
    if container.process_ended(process) and parent is not None and not parent.exiting:
        tell_parent(parent, process)
    else:
        process.release()


def release_space(process: Process) -> None:
    """Leave the address space of `process`; a parent that lent it may go on."""
    space = process.space
    keep_largest(process)
    process.space = NOTHING
    switch.leave_space()
    process.return_space()
    drop_space(space)


def heir_of(process: Process) -> Process | None:
    """Who becomes the parent of the children of `process`: the nearest above it that asked for orphans (prctl(2),
    PR_SET_CHILD_SUBREAPER), or the first process of the container; nobody when that ends, too.
    """
    above = process.parent
    while above is not None:
        if above.settings.reaps_orphans and not above.exiting and not above.is_zombie:
            return above
        above = above.parent
    first = process.container.init
    if first is None or first is process or first.exiting or first.is_zombie:
        return None
    return first


def give_away_children(process: Process) -> None:
    """Orphans get the parent that `heir_of` names and the signal that they asked for; zombies nobody waits for go."""
    heir = heir_of(process)
    for orphan in process.children:
        if orphan.settings.parent_death_signal != 0:
            send_to_process(orphan, orphan.settings.parent_death_signal)
    while True:
        child = process.children.first
        if child is None:
            return
        process.abandon(child)
        if heir is not None:
            child.exit_signal = u32(Signal.CHILD)
            heir.adopt(child)
            if child.is_zombie:
                tell_parent(heir, child)
        elif child.is_zombie:
            child.release()


def tell_parent(parent: Process, process: Process) -> None:
    """SIGCHLD and wait(2): or nothing, when the parent does not want to know (wait(2), notes)."""
    action = parent.signals.action(u32(Signal.CHILD))
    unwanted = action.handler == IGNORE or action.flags & u64(ActionFlags.NO_CHILD_WAIT) != 0
    if process.exit_signal != 0:
        send_child_change(parent, process, process.exit_signal, process.status)
    if unwanted:
        process.release()
    parent.child_ended.wake_all()
