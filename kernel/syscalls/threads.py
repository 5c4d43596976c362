"""Threads: set_tid_address(2), set_robust_list(2), sched_yield(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Pid, UserAddr, i32, u64
from kernel.base.errno import EINVAL, EPERM, ESRCH
from kernel.memory import user
from kernel.process.access import LookAs, may_look_into
from kernel.sched.scheduler import yield_now
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall

ROBUST_LIST_SIZE: u64 = 24


@syscall(218)
def set_tid_address(task: Thread, address: UserAddr) -> u64:
    """set_tid_address(2)."""
    task.clear_child_tid = address
    return u64(task.id)


@syscall(273)
def set_robust_list(task: Thread, head: UserAddr, length: u64) -> Fallible[None]:
    """set_robust_list(2)."""
    if length != ROBUST_LIST_SIZE:
        raise EINVAL
    task.robust_list = head


@syscall(274)
def get_robust_list(task: Thread, thread_id: i32, head: UserAddr, length: UserAddr) -> Fallible[None]:
    """get_robust_list(2). ESRCH; EPERM for a thread of somebody else."""
    thread = task if thread_id == 0 else thread_of(task, thread_id)
    if not may_look_into(thread.process, LookAs.REAL):
        raise EPERM
    list_head = u64(thread.robust_list)  # the thread may end while the length is written
    user.put(u64, length, ROBUST_LIST_SIZE)
    user.put(u64, head, list_head)


def thread_of(task: Thread, thread_id: i32) -> Fallible[Thread]:
    """The thread with a number in the caller's container. ESRCH."""
    if thread_id <= 0:
        raise ESRCH
    return task.process.container.numbers.thread(Pid(thread_id))


@syscall(24, unlocked=True)
def sched_yield(task: Thread) -> None:
    """sched_yield(2)."""
    yield_now()
