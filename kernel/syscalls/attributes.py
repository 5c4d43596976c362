"""Scheduling attributes: sched_setattr(2), sched_getattr(2)."""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, UserSlice, address_of, i32, local, size_of, slice_at, struct, u8, u32, u64
from kernel.base.errno import E2BIG, EINVAL, EOPNOTSUPP
from kernel.machine.layout import PAGE_SIZE
from kernel.memory import user
from kernel.sched.policy import LEAST_NICE, NICEST
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.process import take_grown_struct
from kernel.syscalls.scheduling import NO_PRECEDENCE, kind_of, set_policy, thread_or_self

FIRST_SIZE: u64 = 48
"""SCHED_ATTR_SIZE_VER0."""
FLAG_RESET_ON_FORK: u64 = 0x01
FLAG_KEEP_POLICY: u64 = 0x08
FLAG_KEEP_PARAMS: u64 = 0x10
FLAG_CLAMPS: u64 = 0x60
FLAG_BITS: u64 = 0x7F
"""SCHED_FLAG_*."""


@struct
class SchedulingAttributes:
    """struct sched_attr."""

    size: u32 = 0
    policy: i32 = 0
    flags: u64 = 0
    nice: i32 = 0
    priority: u32 = 0
    runtime: u64 = 0
    deadline: u64 = 0
    period: u64 = 0
    least_clamp: u32 = 0
    highest_clamp: u32 = 0


@syscall(314, missing=NO_PRECEDENCE + "; clamps: EOPNOTSUPP")
def sched_setattr(task: Thread, pid: i32, attributes: UserAddr, flags: u32) -> Fallible[None]:
    """sched_setattr(2)."""
    if u64(attributes) == 0 or pid < 0 or flags != 0:
        raise EINVAL
    wanted = local(SchedulingAttributes)
    told_size = u64(user.get(u32, attributes))
    size = FIRST_SIZE if told_size == 0 else told_size
    try:
        if size < FIRST_SIZE:
            raise E2BIG
        take_grown_struct(slice_at(u8, address_of(wanted), size_of(SchedulingAttributes)), attributes, size, FIRST_SIZE)
    except E2BIG:
        user.put(u32, attributes, u32(size_of(SchedulingAttributes)))
        raise
    if wanted.flags & FLAG_CLAMPS != 0 and size < size_of(SchedulingAttributes):
        raise EINVAL
    if wanted.policy < 0:
        raise EINVAL
    thread = thread_or_self(task, pid)
    policy = thread.policy
    kind = policy.kind if wanted.flags & FLAG_KEEP_POLICY != 0 else kind_of(wanted.policy)
    if wanted.flags & FLAG_BITS != wanted.flags:
        raise EINVAL
    if wanted.flags & FLAG_CLAMPS != 0:
        raise EOPNOTSUPP
    keeps = wanted.flags & FLAG_KEEP_PARAMS != 0
    nice = policy.nice if keeps else min(max(wanted.nice, LEAST_NICE), NICEST)
    resets = wanted.flags & FLAG_RESET_ON_FORK != 0
    set_policy(task, thread, kind, resets, nice, policy.priority if keeps else wanted.priority)


@syscall(315)
def sched_getattr(task: Thread, pid: i32, attributes: UserAddr, size: u32, flags: u32) -> Fallible[None]:
    """sched_getattr(2)."""
    if u64(attributes) == 0 or pid < 0 or flags != 0 or u64(size) < FIRST_SIZE or u64(size) > PAGE_SIZE:
        raise EINVAL
    policy = thread_or_self(task, pid).policy
    told = local(SchedulingAttributes)
    length = min(u64(size), size_of(SchedulingAttributes))
    told.size = u32(length)
    told.policy = i32(policy.kind)
    told.flags = FLAG_RESET_ON_FORK if policy.resets_on_fork else 0
    if policy.is_real_time:
        told.priority = policy.priority
    else:
        told.nice = policy.nice
    user.copy_out(UserSlice(attributes, length), slice_at(u8, address_of(told), length))
