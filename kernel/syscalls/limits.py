"""Limits of processes: prlimit(2), getrlimit(2), setrlimit(2)."""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, i32, u32, u64
from kernel.base.errno import EINVAL, EPERM
from kernel.files.capability import Capability
from kernel.files.table import DESCRIPTORS_MAX
from kernel.memory import user
from kernel.memory.space import NOTHING
from kernel.process.access import LookAs, has_ids_of_caller
from kernel.process.limits import RESOURCES, Resource
from kernel.process.process import Process
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import advance
from kernel.syscalls.threads import thread_of

MISSING = (
    "counted are NOFILE, CPU, FSIZE, NPROC, SIGPENDING, NICE, RTPRIO, AS, DATA, MEMLOCK and STACK; there is nothing "
    "for CORE, LOCKS, MSGQUEUE and RTTIME to count; RSS is kept and not counted"
)


@syscall(302, missing=MISSING)
def prlimit64(task: Thread, pid: i32, resource: u32, new: UserAddr, old: UserAddr) -> Fallible[None]:
    """prlimit(2)."""
    soft: u64 = 0
    hard: u64 = 0
    if u64(new) != 0:
        soft = user.get(u64, new)
        hard = user.get(u64, advance(new, 8))
    process = task.process if pid == 0 else thread_of(task, pid).process
    if not may_limit(task, process):
        raise EPERM
    limits = process.settings.limits
    if u64(resource) >= RESOURCES:
        raise EINVAL
    old_soft = limits.soft[resource]
    old_hard = limits.hard[resource]
    if u64(new) != 0:
        set_limit(task, process, resource, soft, hard)
    if u64(old) != 0:
        user.put(u64, old, old_soft)
        user.put(u64, advance(old, 8), old_hard)


def may_limit(task: Thread, process: Process) -> bool:
    """prlimit(2), "Errors": all ids of the other process are those of the caller, or CAP_SYS_RESOURCE."""
    if process is task.process or has_ids_of_caller(process, LookAs.REAL):
        return True
    return task.process.credentials.has(Capability.SYS_RESOURCE)


def set_limit(task: Thread, process: Process, resource: u32, soft: u64, hard: u64) -> Fallible[None]:
    """Set both limits of a resource, and let who counts it know.

    EINVAL for a soft limit above the hard one; EPERM for who may not raise it, or above what there can be.
    """
    limits = process.settings.limits
    if soft > hard:
        raise EINVAL
    if resource == u32(Resource.FILES) and hard > DESCRIPTORS_MAX:
        raise EPERM
    if hard > limits.hard[resource] and not task.process.credentials.has(Capability.SYS_RESOURCE):
        raise EPERM
    limits.soft[resource] = soft
    limits.hard[resource] = hard
    if resource == u32(Resource.PROCESSOR_TIME):
        process.processor_limit.begin(process)
    elif resource == u32(Resource.FILES) and not process.is_zombie:
        process.files.limit = soft
    elif process.space is not NOTHING:
        limits.apply_to(process.space)


@syscall(97, missing="as prlimit64")
def getrlimit(task: Thread, resource: u32, out: UserAddr) -> Fallible[None]:
    """getrlimit(2)."""
    if u64(resource) >= RESOURCES:
        raise EINVAL
    limits = task.process.settings.limits
    user.put(u64, out, limits.soft[resource])
    user.put(u64, advance(out, 8), limits.hard[resource])


@syscall(160, missing="as prlimit64")
def setrlimit(task: Thread, resource: u32, new: UserAddr) -> Fallible[None]:
    """setrlimit(2)."""
    soft = user.get(u64, new)
    hard = user.get(u64, advance(new, 8))
    if u64(resource) >= RESOURCES:
        raise EINVAL
    set_limit(task, task.process, resource, soft, hard)
