"""Priorities of input and output: ioprio_get(2), ioprio_set(2). Files are in memory: the value is kept and told."""

from __future__ import annotations

from codegen.lang import Fallible, bits, from_raw, i32, u32, u64
from kernel.base.errno import EINVAL, EPERM, ESRCH
from kernel.files.capability import Capability
from kernel.sched.policy import Policy
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.nice import PRIO_USER, is_meant, may_change

CLASS_NONE: u32 = 0
CLASS_REAL_TIME: u32 = 1
CLASS_BEST_EFFORT: u32 = 2
CLASS_IDLE: u32 = 3
"""IOPRIO_CLASS_*."""
WHO_PROCESS: u32 = 1


@bits(u32)
class IoPriority:
    """A priority (linux/ioprio.h)."""

    level: u32 = bits(0, 3)
    hint: u32 = bits(3, 13)
    kind: u32 = bits(13, 16)


def effective(policy: Policy) -> u32:
    """The priority that counts: without one of its own, best effort by the nice value."""
    if policy.io_priority != 0:
        return policy.io_priority
    return CLASS_BEST_EFFORT << 13 | u32((20 + policy.nice) // 5)


@syscall(252)
def ioprio_get(task: Thread, which: u32, who: i32) -> Fallible[u64]:
    """ioprio_get(2)."""
    if which < WHO_PROCESS or which > PRIO_USER + WHO_PROCESS:
        raise EINVAL
    best: u32 = 0
    found = False
    for process in task.process.container.processes:
        for thread in process.threads:
            if is_meant(task, thread, which - WHO_PROCESS, who):
                if which == WHO_PROCESS:
                    return u64(thread.policy.io_priority)
                value = effective(thread.policy)
                best = min(best, value) if found else value
                found = True
    if not found:
        raise ESRCH
    return u64(best)


@syscall(251)
def ioprio_set(task: Thread, which: u32, who: i32, value: u32) -> Fallible[None]:
    """ioprio_set(2)."""
    wanted = from_raw(IoPriority, value & 0xFFFF)
    mine = task.process.credentials
    if wanted.kind == CLASS_REAL_TIME and not (mine.has(Capability.SYS_NICE) or mine.has(Capability.SYS_ADMIN)):
        raise EPERM
    if wanted.kind > CLASS_IDLE or (wanted.kind == CLASS_NONE and wanted.level != 0):
        raise EINVAL
    if which < WHO_PROCESS or which > PRIO_USER + WHO_PROCESS:
        raise EINVAL
    found = False
    for process in task.process.container.processes:
        for thread in process.threads:
            if is_meant(task, thread, which - WHO_PROCESS, who):
                found = True
                if not may_change(task, thread):
                    raise EPERM
                thread.policy.io_priority = value & 0xFFFF
    if not found:
        raise ESRCH
