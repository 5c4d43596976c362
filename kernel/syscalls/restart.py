"""restart_syscall(2): how a call goes on that was interrupted while it waited until a moment."""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, i32, truncate, u32, u64
from kernel.base.errno import EINTR
from kernel.process.restart import forget
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_poll import POLL, poll_to
from kernel.syscalls.threads import FUTEX, wait_again
from kernel.syscalls.time import CLOCK_NANOSLEEP, NANOSLEEP, go_on_sleeping, sleep_to


@syscall(219)
def restart_syscall(
    task: Thread, first: u64, second: u64, third: u64, fourth: u64, fifth: u64, sixth: u64
) -> Fallible[u64]:
    """restart_syscall(2): ring 3 makes it in place of the call that was interrupted, with the arguments of that."""
    call = task.kept_call
    deadline = task.kept_deadline
    forget(task)
    if call == NANOSLEEP:
        sleep_to(task, NANOSLEEP, deadline, UserAddr(second))
    elif call == CLOCK_NANOSLEEP:
        go_on_sleeping(task, truncate(i32, first), deadline, UserAddr(fourth))
    elif call == POLL:
        return poll_to(task, UserAddr(first), truncate(u32, second), deadline)
    elif call == FUTEX:
        wait_again(task, UserAddr(first), truncate(u32, second), truncate(u32, third), truncate(u32, sixth), deadline)
    else:
        raise EINTR
    return 0
