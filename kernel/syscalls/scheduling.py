"""What programs ask of the scheduler: sched_setscheduler(2), sched_setaffinity(2) and their family, mincore(2).

Containers share the processor by weight, and the threads of one by turns; so there is one policy, SCHED_OTHER.
"""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, i32, u8, u32, u64
from kernel.base.errno import EINVAL, ENOMEM, EPERM
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.machine.paging import index_at
from kernel.memory import page_tables, user
from kernel.memory.space import AddressSpace
from kernel.sched.thread import Thread
from kernel.sched.timer import TICK
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import advance
from kernel.syscalls.identity import process_or_self
from kernel.syscalls.time import put_timespec

SCHED_OTHER = 0
SCHED_FIFO = 1
SCHED_RR = 2
SCHED_BATCH = 3
SCHED_IDLE = 5
SCHED_DEADLINE = 6
REAL_TIME_HIGHEST: u32 = 99


def check_pid(task: Thread, pid: i32) -> Fallible[None]:
    """EINVAL for a negative number, ESRCH for that of nobody."""
    if pid < 0:
        raise EINVAL
    process_or_self(task, pid)


def take_priority(param: UserAddr) -> Fallible[u32]:
    """The one field of a struct sched_param. EINVAL without one, EFAULT."""
    if u64(param) == 0:
        raise EINVAL
    return user.get(u32, param)


@syscall(142)
def sched_setparam(task: Thread, pid: i32, param: UserAddr) -> Fallible[None]:
    """sched_setparam(2): the priority of SCHED_OTHER is 0."""
    priority = take_priority(param)
    check_pid(task, pid)
    if priority != 0:
        raise EINVAL


@syscall(143)
def sched_getparam(task: Thread, pid: i32, param: UserAddr) -> Fallible[None]:
    """sched_getparam(2)."""
    if u64(param) == 0:
        raise EINVAL
    check_pid(task, pid)
    user.put(u32, param, 0)


@syscall(144)
def sched_setscheduler(task: Thread, pid: i32, policy: i32, param: UserAddr) -> Fallible[None]:
    """sched_setscheduler(2): SCHED_OTHER; no program may have another policy (EPERM)."""
    if policy < 0:
        raise EINVAL
    priority = take_priority(param)
    check_pid(task, pid)
    highest, _ = priorities(u32(policy))
    if priority > highest or (priority == 0) != (highest == 0):
        raise EINVAL
    if policy != SCHED_OTHER:
        raise EPERM


@syscall(145)
def sched_getscheduler(task: Thread, pid: i32) -> Fallible[u64]:
    """sched_getscheduler(2)."""
    check_pid(task, pid)
    return SCHED_OTHER


def priorities(policy: u32) -> Fallible[tuple[u32, u32]]:
    """The highest and the lowest priority of a policy (sched_get_priority_max(2)). EINVAL."""
    if policy == SCHED_FIFO or policy == SCHED_RR:
        return REAL_TIME_HIGHEST, 1
    if policy == SCHED_OTHER or policy == SCHED_BATCH or policy == SCHED_IDLE or policy == SCHED_DEADLINE:
        return 0, 0
    raise EINVAL


@syscall(146)
def sched_get_priority_max(task: Thread, policy: u32) -> Fallible[u32]:
    """sched_get_priority_max(2)."""
    highest, _ = priorities(policy)
    return highest


@syscall(147)
def sched_get_priority_min(task: Thread, policy: u32) -> Fallible[u32]:
    """sched_get_priority_min(2)."""
    _, lowest = priorities(policy)
    return lowest


@syscall(148)
def sched_rr_get_interval(task: Thread, pid: i32, out: UserAddr) -> Fallible[None]:
    """sched_rr_get_interval(2): a turn is a tick."""
    check_pid(task, pid)
    put_timespec(out, u64(TICK))


@syscall(203)
def sched_setaffinity(task: Thread, pid: i32, length: u64, mask: UserAddr) -> Fallible[None]:
    """sched_setaffinity(2): the one processor has to be among those asked for (EINVAL)."""
    wanted: u8 = 0
    if length > 0:
        wanted = user.get(u8, mask)
    process_or_self(task, pid)
    if wanted & 1 == 0:
        raise EINVAL


@syscall(27)
def mincore(task: Thread, address: UserAddr, length: u64, out: UserAddr) -> Fallible[None]:
    """mincore(2): what this process has touched is in memory. ENOMEM where nothing is mapped."""
    start = u64(address)
    if start % PAGE_SIZE != 0:
        raise EINVAL
    if length > USER_END or start > USER_END - length:
        raise ENOMEM
    count = (length + PAGE_SIZE - 1) // PAGE_SIZE
    for index in range(count):
        is_there = is_resident(task.process.space, start + index * PAGE_SIZE)
        user.put(u8, advance(out, index), 1 if is_there else 0)


def is_resident(space: AddressSpace, page: u64) -> Fallible[bool]:
    """Whether a page is mapped to a frame now. ENOMEM where nothing is mapped at all."""
    with space.lock:
        if space.region_at(page) is None:
            raise ENOMEM
        table = page_tables.find_table(space.root, page)
        return table is not None and table.entries[index_at(page, 1)].present
