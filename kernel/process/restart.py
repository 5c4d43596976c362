"""What becomes of a system call that a signal interrupted (signal(7), "Interruption of system calls").

A call that fails with EINTR is made again where the thread takes no signal that a handler sees, or one whose action
has SA_RESTART. Some never are after a handler, some never at all. One that waits until a moment keeps that moment
(`keep`): it goes on as restart_syscall(2), so that a stop and SIGCONT do not make it begin anew.
"""

from __future__ import annotations

from codegen.lang import Nanoseconds, u64
from kernel.base.errno import EINTR
from kernel.machine.trap import NO_CALL
from kernel.process.signal_table import ActionFlags, SignalAction
from kernel.sched.thread import Thread

SYSCALL_LENGTH: u64 = 2
"""The bytes of the SYSCALL instruction."""
RESTART_SYSCALL: u64 = 219
NEVER_AFTER_HANDLERS = (23, 34, 130, 230, 270, 271)
"""select pause rt_sigsuspend clock_nanosleep pselect6 ppoll: EINTR after a handler, whatever SA_RESTART says."""
NEVER = (128, 232, 281, 441)
"""rt_sigtimedwait epoll_wait epoll_pwait epoll_pwait2: EINTR, even if a stop or no signal at all interrupted them."""
MINUS_EINTR: u64 = (1 << 64) - EINTR.code


def keep(thread: Thread, call: u64, deadline: Nanoseconds) -> None:
    """The running `thread` is about to fail with EINTR in a call with this number, which may go on to `deadline`."""
    thread.kept_call = call
    thread.kept_deadline = deadline


def forget(thread: Thread) -> None:
    """There is no call that restart_syscall(2) would go on with."""
    thread.kept_call = NO_CALL


def is_interrupted(thread: Thread) -> bool:
    """Whether the system call that is about to return was interrupted, and has not been replaced (rt_sigreturn(2))."""
    if thread.frame.rax != MINUS_EINTR or thread.frame.error == NO_CALL:
        return False
    for number in NEVER:
        if thread.frame.error == number:
            return False
    return True


def restart_after_handler(thread: Thread, action: SignalAction) -> None:
    """Make the interrupted call again after the handler, if SA_RESTART is set and the call is one that may be."""
    may_restart = action.flags & u64(ActionFlags.RESTART) != 0 and thread.kept_call == NO_CALL
    forget(thread)
    if not may_restart:
        return
    for number in NEVER_AFTER_HANDLERS:
        if thread.frame.error == number:
            return
    again(thread, thread.frame.error)


def restart(thread: Thread) -> None:
    """Make the interrupted call again, as if nothing had been."""
    again(thread, thread.frame.error if thread.kept_call == NO_CALL else RESTART_SYSCALL)


def again(thread: Thread, call: u64) -> None:
    """Let ring 3 make a call with this number in place of the one that returns, with the same arguments."""
    frame = thread.frame
    frame.rip -= SYSCALL_LENGTH
    frame.rax = call
    frame.return_fully()
