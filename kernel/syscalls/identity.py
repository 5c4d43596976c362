"""Who a process is: getpid(2) and the like, user and group ids (credentials(7)), process groups and sessions."""

from __future__ import annotations

from codegen.lang import Fallible, Pid, UserAddr, i32, inline, u32, u64
from kernel.base.errno import EACCES, EINVAL, EPERM, ESRCH
from kernel.files.credentials import GROUPS_MAX, Credentials
from kernel.memory import user
from kernel.process.process import Process
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall

KEEP: u32 = 0xFFFF_FFFF
"""-1: an id that setresuid(2) leaves as it is."""


@syscall(39)
def getpid(task: Thread) -> Pid:
    """getpid(2): the number that the process has in its container."""
    return task.process.pid


@syscall(186)
def gettid(task: Thread) -> Pid:
    """gettid(2)."""
    return task.id


@syscall(110)
@inline
def getppid(task: Thread) -> Pid:
    """getppid(2): 0 for a process that came from outside of the container."""
    parent = task.process.parent
    return Pid(0) if parent is None else parent.pid


@syscall(102)
def getuid(task: Thread) -> u32:
    """getuid(2)."""
    return task.process.credentials.real_user


@syscall(104)
def getgid(task: Thread) -> u32:
    """getgid(2)."""
    return task.process.credentials.real_group


@syscall(107)
def geteuid(task: Thread) -> u32:
    """geteuid(2)."""
    return task.process.credentials.user


@syscall(108)
def getegid(task: Thread) -> u32:
    """getegid(2)."""
    return task.process.credentials.group


def is_one_of(id: u32, first: u32, second: u32, third: u32) -> bool:
    """Whether `id` is one of three."""
    return id == first or id == second or id == third


def may_be_user(credentials: Credentials, user_id: u32) -> bool:
    """Whether an unprivileged process may take this user id."""
    return (
        user_id == KEEP
        or credentials.user == 0
        or is_one_of(user_id, credentials.real_user, credentials.user, credentials.saved_user)
    )


def may_be_group(credentials: Credentials, group: u32) -> bool:
    """Whether an unprivileged process may take this group id."""
    return (
        group == KEEP
        or credentials.user == 0
        or is_one_of(group, credentials.real_group, credentials.group, credentials.saved_group)
    )


@syscall(105)
def setuid(task: Thread, user_id: u32) -> Fallible[None]:
    """setuid(2)."""
    credentials = task.process.credentials
    if user_id == KEEP:
        raise EINVAL
    if credentials.user == 0:
        credentials.real_user = user_id
        credentials.saved_user = user_id
    elif user_id != credentials.real_user and user_id != credentials.saved_user:
        raise EPERM
    credentials.user = user_id


@syscall(106)
def setgid(task: Thread, group: u32) -> Fallible[None]:
    """setgid(2)."""
    credentials = task.process.credentials
    if group == KEEP:
        raise EINVAL
    if credentials.user == 0:
        credentials.real_group = group
        credentials.saved_group = group
    elif group != credentials.real_group and group != credentials.saved_group:
        raise EPERM
    credentials.group = group


@syscall(117)
def setresuid(task: Thread, real: u32, effective: u32, saved: u32) -> Fallible[None]:
    """setresuid(2)."""
    credentials = task.process.credentials
    if not (may_be_user(credentials, real) and may_be_user(credentials, effective) and may_be_user(credentials, saved)):
        raise EPERM
    if real != KEEP:
        credentials.real_user = real
    if effective != KEEP:
        credentials.user = effective
    if saved != KEEP:
        credentials.saved_user = saved


@syscall(119)
def setresgid(task: Thread, real: u32, effective: u32, saved: u32) -> Fallible[None]:
    """setresgid(2)."""
    credentials = task.process.credentials
    if not (
        may_be_group(credentials, real) and may_be_group(credentials, effective) and may_be_group(credentials, saved)
    ):
        raise EPERM
    if real != KEEP:
        credentials.real_group = real
    if effective != KEEP:
        credentials.group = effective
    if saved != KEEP:
        credentials.saved_group = saved


@syscall(118)
def getresuid(task: Thread, real: UserAddr, effective: UserAddr, saved: UserAddr) -> Fallible[None]:
    """getresuid(2)."""
    credentials = task.process.credentials
    user.put(u32, real, credentials.real_user)
    user.put(u32, effective, credentials.user)
    user.put(u32, saved, credentials.saved_user)


@syscall(120)
def getresgid(task: Thread, real: UserAddr, effective: UserAddr, saved: UserAddr) -> Fallible[None]:
    """getresgid(2)."""
    credentials = task.process.credentials
    user.put(u32, real, credentials.real_group)
    user.put(u32, effective, credentials.group)
    user.put(u32, saved, credentials.saved_group)


@syscall(115)
def getgroups(task: Thread, size: i32, list: UserAddr) -> Fallible[u64]:
    """getgroups(2)."""
    credentials = task.process.credentials
    count = credentials.group_count
    if size < 0 or (size > 0 and u64(size) < count):
        raise EINVAL
    if size > 0:
        for index in range(count):
            user.put(u32, UserAddr(list + 4 * index), credentials.groups[index])
    return count


@syscall(116)
def setgroups(task: Thread, size: u64, list: UserAddr) -> Fallible[None]:
    """setgroups(2)."""
    credentials = task.process.credentials
    if credentials.user != 0:
        raise EPERM
    if size > GROUPS_MAX:
        raise EINVAL
    for index in range(size):
        credentials.groups[index] = user.get(u32, UserAddr(list + 4 * index))
    credentials.group_count = size


@syscall(111)
def getpgrp(task: Thread) -> Pid:
    """getpgrp(2)."""
    return task.process.group_id


def process_or_self(task: Thread, pid: i32) -> Fallible[Process]:
    """The process `pid`; 0 means the caller's. EINVAL, ESRCH."""
    if pid < 0:
        raise ESRCH
    return task.process if pid == 0 else task.process.container.find_process(Pid(pid))


@syscall(121)
def getpgid(task: Thread, pid: i32) -> Fallible[Pid]:
    """getpgid(2)."""
    return process_or_self(task, pid).group_id


@syscall(124)
def getsid(task: Thread, pid: i32) -> Fallible[Pid]:
    """getsid(2)."""
    return process_or_self(task, pid).session_id


@syscall(109)
def setpgid(task: Thread, pid: i32, group: i32) -> Fallible[None]:
    """setpgid(2)."""
    if group < 0:
        raise EINVAL
    process = process_or_self(task, pid)
    if process is not task.process and process.parent is not task.process:
        raise ESRCH
    if process is not task.process and process.session_id == task.process.session_id and process.executed:
        raise EACCES
    if process.session_id == process.pid or process.session_id != task.process.session_id:
        raise EPERM
    wanted = process.pid if group == 0 else Pid(group)
    if wanted != process.pid and not group_exists(process, wanted):
        raise EPERM
    process.group_id = wanted


def group_exists(process: Process, group: Pid) -> bool:
    """Whether the session of `process` has a process group `group`."""
    for other in process.container.processes:
        if other.group_id == group and other.session_id == process.session_id:
            return True
    return False


@syscall(112)
def setsid(task: Thread) -> Fallible[Pid]:
    """setsid(2)."""
    process = task.process
    for other in process.container.processes:
        if other.group_id == process.pid:
            raise EPERM
    process.session_id = process.pid
    process.group_id = process.pid
    return process.pid
