"""What programs ask of the scheduler: sched_setscheduler(2), sched_setaffinity(2) and their family.

Containers share the processors by weight, and the threads of one by their nice values (sched/policy.py).
nice.py has the calls for nice values and struct sched_attr.
"""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, UserSlice, i32, load, local_array, u8, u32, u64
from kernel.base.errno import EINVAL, EPERM
from kernel.files.capability import Capability
from kernel.memory import user
from kernel.process.limits import Resource
from kernel.sched.control import restrict_to
from kernel.sched.cpu import CPUS, this_cpu
from kernel.sched.policy import PolicyKind
from kernel.sched.thread import Thread
from kernel.sched.timer import TICK
from kernel.syscalls.declare import syscall
from kernel.syscalls.nice import may_be_nice, may_change
from kernel.syscalls.threads import thread_of
from kernel.syscalls.time import put_timespec

RESET_ON_FORK: i32 = 0x4000_0000
REAL_TIME_HIGHEST: u32 = 99
ROUND_ROBIN_INTERVAL: u64 = 100_000_000
"""RR_TIMESLICE of Linux, in nanoseconds."""
NO_PRECEDENCE = "SCHED_DEADLINE: EINVAL; the real-time policies weigh most in their container and go before nobody"

CPU_SET_BYTES: u64 = 8
"""Sets of processors are made of words of this size."""


def thread_or_self(task: Thread, thread_id: i32) -> Fallible[Thread]:
    """The thread with a number, 0 for the caller. EINVAL for a negative one, ESRCH."""
    if thread_id < 0:
        raise EINVAL
    return task if thread_id == 0 else thread_of(task, thread_id)


def take_priority(param: UserAddr) -> Fallible[u32]:
    """The one field of a struct sched_param. EINVAL without one, EFAULT."""
    if u64(param) == 0:
        raise EINVAL
    return user.get(u32, param)


def kind_of(policy: i32) -> Fallible[PolicyKind]:
    """The policy with a number. EINVAL."""
    for kind in PolicyKind:
        if policy == i32(kind):
            return kind
    raise EINVAL


def priorities(kind: PolicyKind) -> tuple[u32, u32]:
    """The highest and the lowest priority of a policy (sched_get_priority_max(2))."""
    if kind == PolicyKind.FIFO or kind == PolicyKind.ROUND_ROBIN:
        return REAL_TIME_HIGHEST, 1
    return 0, 0


def set_policy(
    task: Thread, thread: Thread, kind: PolicyKind, resets: bool, nice: i32, priority: u32
) -> Fallible[None]:
    """Give `thread` a policy. EINVAL for a priority that it does not have; EPERM for whom `may_set_policy` refuses."""
    highest, _ = priorities(kind)
    if priority > highest or (priority == 0) != (highest == 0) or kind == PolicyKind.DEADLINE:
        raise EINVAL
    if not may_set_policy(task, thread, kind, resets, nice, priority):
        raise EPERM
    policy = thread.policy
    policy.kind = kind
    policy.priority = priority
    policy.resets_on_fork = resets
    policy.nice = nice


def may_set_policy(task: Thread, thread: Thread, kind: PolicyKind, resets: bool, nice: i32, priority: u32) -> bool:
    """What sched(7) allows without CAP_SYS_NICE: nothing for other users, and to run more only within limits."""
    if task.process.credentials.has(Capability.SYS_NICE):
        return True
    policy = thread.policy
    if not may_change(task, thread) or (policy.resets_on_fork and not resets):
        return False
    if priority != 0:
        most = thread.process.settings.limits.soft_of(Resource.REAL_TIME_PRIORITY)
        if kind != policy.kind and most == 0:
            return False
        if priority > policy.priority and u64(priority) > most:
            return False
    elif nice < policy.nice and not may_be_nice(thread, nice):
        return False
    return policy.kind != PolicyKind.IDLE or kind == PolicyKind.IDLE or may_be_nice(thread, policy.nice)


@syscall(142)
def sched_setparam(task: Thread, pid: i32, param: UserAddr) -> Fallible[None]:
    """sched_setparam(2)."""
    priority = take_priority(param)
    thread = thread_or_self(task, pid)
    policy = thread.policy
    set_policy(task, thread, policy.kind, policy.resets_on_fork, policy.nice, priority)


@syscall(143)
def sched_getparam(task: Thread, pid: i32, param: UserAddr) -> Fallible[None]:
    """sched_getparam(2)."""
    if u64(param) == 0:
        raise EINVAL
    user.put(u32, param, thread_or_self(task, pid).policy.priority)


@syscall(144, missing=NO_PRECEDENCE)
def sched_setscheduler(task: Thread, pid: i32, policy: i32, param: UserAddr) -> Fallible[None]:
    """sched_setscheduler(2)."""
    if policy < 0:
        raise EINVAL
    priority = take_priority(param)
    thread = thread_or_self(task, pid)
    resets = policy & RESET_ON_FORK != 0
    kind = kind_of(policy - RESET_ON_FORK if resets else policy)
    set_policy(task, thread, kind, resets, thread.policy.nice, priority)


@syscall(145)
def sched_getscheduler(task: Thread, pid: i32) -> Fallible[u64]:
    """sched_getscheduler(2)."""
    policy = thread_or_self(task, pid).policy
    return u64(policy.kind) | (u64(RESET_ON_FORK) if policy.resets_on_fork else 0)


@syscall(146)
def sched_get_priority_max(task: Thread, policy: i32) -> Fallible[u32]:
    """sched_get_priority_max(2)."""
    highest, _ = priorities(kind_of(policy))
    return highest


@syscall(147)
def sched_get_priority_min(task: Thread, policy: i32) -> Fallible[u32]:
    """sched_get_priority_min(2)."""
    _, lowest = priorities(kind_of(policy))
    return lowest


@syscall(148)
def sched_rr_get_interval(task: Thread, pid: i32, out: UserAddr) -> Fallible[None]:
    """sched_rr_get_interval(2): told as Linux does for its policies; in truth a turn is a tick."""
    kind = thread_or_self(task, pid).policy.kind
    interval = u64(TICK)
    if kind == PolicyKind.FIFO:
        interval = 0
    elif kind == PolicyKind.ROUND_ROBIN:
        interval = ROUND_ROBIN_INTERVAL
    put_timespec(out, interval)


def any_thread(task: Thread, thread_id: i32) -> Fallible[Thread]:
    """The thread with a number, 0 for the caller. ESRCH, for negative ones too."""
    return task if thread_id == 0 else thread_of(task, thread_id)


@syscall(203)
def sched_setaffinity(task: Thread, pid: i32, length: u64, mask: UserAddr) -> Fallible[None]:
    """sched_setaffinity(2): at least one of the processors has to run (EINVAL)."""
    content = local_array(u8, CPU_SET_BYTES)
    given = min(length, CPU_SET_BYTES)
    user.copy_in(content[:given], UserSlice(mask, given))
    thread = any_thread(task, pid)
    if not may_change(task, thread):
        raise EPERM
    wanted = load(u64, content, 0) & running_processors()
    if wanted == 0:
        raise EINVAL
    restrict_to(thread, wanted)


@syscall(204)
def sched_getaffinity(task: Thread, pid: i32, length: u64, mask: UserAddr) -> Fallible[u64]:
    """sched_getaffinity(2): the words of the set that the kernel has."""
    if length < CPU_SET_BYTES or length % CPU_SET_BYTES != 0:
        raise EINVAL
    thread = any_thread(task, pid)
    user.put(u64, mask, thread.policy.processors & running_processors())
    return CPU_SET_BYTES


def running_processors() -> u64:
    """A bit for each processor that runs, by its number."""
    return (1 << u64(CPUS.started)) - 1


@syscall(309, unlocked=True)
def getcpu(task: Thread, cpu: UserAddr, node: UserAddr) -> Fallible[None]:
    """getcpu(2): there is one node of memory."""
    number = this_cpu().number
    if u64(cpu) != 0:
        user.put(u32, cpu, number)
    if u64(node) != 0:
        user.put(u32, node, 0)
