"""Nice values: getpriority(2), setpriority(2). They are per thread, as on Linux (getpriority(2), "C library/kernel
differences").
"""

from __future__ import annotations

from codegen.lang import Fallible, Pid, i32, truncate, u32, u64
from kernel.base.errno import EACCES, EINVAL, EPERM, ESRCH
from kernel.files.capability import Capability
from kernel.process.limits import Resource
from kernel.sched.policy import LEAST_NICE, NICEST
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall

PRIO_PROCESS: u32 = 0
PRIO_PGRP: u32 = 1
PRIO_USER: u32 = 2
TOLD_OF_ZERO: i32 = 20
"""getpriority(2) tells a nice value of 0 as 20, and others from 1 (nicest) to 40, so that none looks like an error."""


def may_change(task: Thread, thread: Thread) -> bool:
    """Whether `task` may change how `thread` is scheduled: the same user, or CAP_SYS_NICE (setpriority(2))."""
    mine = task.process.credentials
    theirs = thread.process.credentials
    is_same = mine.effective_user == theirs.real_user or mine.effective_user == theirs.effective_user
    return is_same or mine.has(Capability.SYS_NICE)


def may_be_nice(thread: Thread, nice: i32) -> bool:
    """Whether RLIMIT_NICE lets a thread of a user have this nice value (getrlimit(2))."""
    return u64(TOLD_OF_ZERO - nice) <= thread.process.settings.limits.soft_of(Resource.NICE)


def is_meant(task: Thread, thread: Thread, which: u32, who: i32) -> bool:
    """Whether the first two arguments of getpriority(2) mean `thread`."""
    process = thread.process
    if which == PRIO_PROCESS:
        return thread is task if who == 0 else i32(thread.id) == who
    if which == PRIO_PGRP:
        return process.group_id == (task.process.group_id if who == 0 else Pid(who))
    wanted = task.process.credentials.real_user if who == 0 else truncate(u32, who)
    return process.credentials.real_user == wanted


@syscall(140)
def getpriority(task: Thread, which: u32, who: i32) -> Fallible[u64]:
    """getpriority(2)."""
    if which > PRIO_USER:
        raise EINVAL
    told: i32 = 0
    for process in task.process.container.processes:
        for thread in process.threads:
            if is_meant(task, thread, which, who):
                told = max(told, TOLD_OF_ZERO - thread.policy.nice)
    if told == 0:
        raise ESRCH
    return u64(told)


@syscall(141)
def setpriority(task: Thread, which: u32, who: i32, nice: i32) -> Fallible[None]:
    """setpriority(2)."""
    if which > PRIO_USER:
        raise EINVAL
    wanted = min(max(nice, LEAST_NICE), NICEST)
    found = False
    refused = False
    unprivileged = False
    is_free = task.process.credentials.has(Capability.SYS_NICE)
    for process in task.process.container.processes:
        for thread in process.threads:
            if not is_meant(task, thread, which, who):
                continue
            found = True
            if not may_change(task, thread):
                unprivileged = True
            elif wanted < thread.policy.nice and not is_free and not may_be_nice(thread, wanted):
                refused = True
            else:
                thread.policy.nice = wanted
    if not found:
        raise ESRCH
    if refused:
        raise EACCES
    if unprivileged:
        raise EPERM
