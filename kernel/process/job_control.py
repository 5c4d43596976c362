"""Job control: processes that are stopped, and process groups that nobody could continue (credentials(7), setpgid(2)).

Interface: `stop`, `sleep_while_stopped`, `tell_of_stop` (send.py has the other half, `resume`); `is_orphaned`,
`release_orphans`.
"""

from __future__ import annotations

from codegen.lang import Errno, Pid, u32
from kernel.process.process import Process
from kernel.process.send import send_to_process, tell_of_change
from kernel.process.signal_table import Signal
from kernel.sched.thread import Thread
from kernel.sched.wait import interrupt


def stop(process: Process, signal: u32) -> None:
    """Every thread of `process` sleeps on its way to ring 3, until SIGCONT; when all do, the parent hears of it."""
    if process.stopped or process.exiting:
        return
    process.stopped = True
    process.stop_told = False
    process.stop_signal = signal
    for thread in process.threads:
        interrupt(thread)


def tell_of_stop(process: Process) -> None:
    """Tell the parent that `process` was stopped, once all threads have been: others may run in ring 3 until then."""
    if process.stopped and not process.stop_told and process.halted_threads == process.threads.count:
        process.stop_told = True
        process.stop_untold = True
        process.continue_untold = False
        tell_of_change(process)


def sleep_while_stopped(thread: Thread) -> None:
    """Sleep until SIGCONT is sent or the process is killed."""
    process = thread.process
    if not process.stopped or thread.killed:
        return
    process.halted_threads += 1
    tell_of_stop(process)
    while process.stopped and not thread.killed:
        seen = process.continued.observe()
        try:
            process.continued.sleep(seen)
        except Errno:
            thread.interrupted = False
    process.halted_threads -= 1


def is_orphaned(process: Process, leaving: Process | None) -> bool:
    """Whether the group of `process` is orphaned, or will be once `leaving` has ended: no member has a parent in
    another group of the session, so no shell would continue it.
    """
    for member in process.container.numbers.group(process.group_id):
        if member is not leaving and not member.is_zombie:
            parent = member.parent
            if parent is not None and parent is leaving:
                parent = process.container.init
            if parent is not None and parent is not leaving and is_guardian(parent, process):
                return False
    return True


def is_guardian(parent: Process, process: Process) -> bool:
    """Whether `parent` is of the same session as `process`, but of another group."""
    return parent.session_id == process.session_id and parent.group_id != process.group_id


def release_orphans(leaving: Process) -> None:
    """`leaving` ends: groups that this leaves without a shell, and that are stopped, get SIGHUP and SIGCONT (_exit(2)).

    Its children still are its own.
    """
    parent = leaving.parent
    if parent is not None and is_guardian(parent, leaving):
        release_if_orphaned(leaving, leaving)
    for child in leaving.children:
        if is_guardian(leaving, child):
            release_if_orphaned(child, leaving)


def release_if_orphaned(process: Process, leaving: Process) -> None:
    """Wake the group of `process` if it will be orphaned and is stopped."""
    if is_orphaned(process, leaving) and has_stopped(process):
        signal_group(process, process.group_id, u32(Signal.HANGUP))
        signal_group(process, process.group_id, u32(Signal.CONTINUE))


def has_stopped(process: Process) -> bool:
    """Whether a member of the group of `process` is stopped."""
    for member in process.container.numbers.group(process.group_id):
        if member.stopped:
            return True
    return False


def signal_group(process: Process, group: Pid, signal: u32) -> None:
    """Send `signal` to a group of the container that `process` is in."""
    for member in process.container.numbers.group(group):
        send_to_process(member, signal)
