"""Who a process is: getpid(2) and the like, user and group ids (credentials(7)), process groups and sessions."""

from __future__ import annotations

from codegen.lang import Fallible, Pid, UserAddr, i32, inline, local, struct, u32, u64
from kernel.base.errno import EACCES, EINVAL, EPERM, ESRCH
from kernel.files.credentials import GROUPS_MAX, Credentials
from kernel.memory import user
from kernel.process.process import Process
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall

KEEP: u32 = 0xFFFF_FFFF
"""-1: an id that setresuid(2) leaves as it is."""


@syscall(39, unlocked=True)
def getpid(task: Thread) -> Pid:
    """getpid(2): the number that the process has in its container."""
    return task.process.pid


@syscall(186, unlocked=True)
def gettid(task: Thread) -> Pid:
    """gettid(2)."""
    return task.id


@syscall(110, unlocked=True)
@inline
def getppid(task: Thread) -> Pid:
    """getppid(2): 0 for a process that came from outside of the container."""
    return task.process.parent_pid


@syscall(102, unlocked=True)
def getuid(task: Thread) -> u32:
    """getuid(2)."""
    return task.process.credentials.real_user


@syscall(104, unlocked=True)
def getgid(task: Thread) -> u32:
    """getgid(2)."""
    return task.process.credentials.real_group


@syscall(107, unlocked=True)
def geteuid(task: Thread) -> u32:
    """geteuid(2)."""
    return task.process.credentials.user


@syscall(108, unlocked=True)
def getegid(task: Thread) -> u32:
    """getegid(2)."""
    return task.process.credentials.group


@struct
class Ids:
    """The three user ids of a process, or its three group ids, while a call changes them."""

    real: u32 = 0
    effective: u32 = 0
    saved: u32 = 0
    privileged: bool = False

    def load_users(self, credentials: Credentials) -> None:
        """Begin with the user ids."""
        self.real = credentials.real_user
        self.effective = credentials.user
        self.saved = credentials.saved_user
        self.privileged = credentials.user == 0

    def load_groups(self, credentials: Credentials) -> None:
        """Begin with the group ids."""
        self.real = credentials.real_group
        self.effective = credentials.group
        self.saved = credentials.saved_group
        self.privileged = credentials.user == 0

    def store_users(self, process: Process) -> None:
        """Let `process` have these user ids."""
        credentials = process.credentials
        if credentials.user != self.effective:
            process.settings.change_user()
        credentials.real_user = self.real
        credentials.user = self.effective
        credentials.saved_user = self.saved

    def store_groups(self, process: Process) -> None:
        """Let `process` have these group ids."""
        credentials = process.credentials
        if credentials.group != self.effective:
            process.settings.change_user()
        credentials.real_group = self.real
        credentials.group = self.effective
        credentials.saved_group = self.saved

    def set_one(self, id: u32) -> Fallible[None]:
        """setuid(2): the effective id, for the superuser all of them. EINVAL, EPERM."""
        if id == KEEP:
            raise EINVAL
        if self.privileged:
            self.real = id
            self.saved = id
        elif id != self.real and id != self.saved:
            raise EPERM
        self.effective = id

    def set_two(self, real: u32, effective: u32) -> Fallible[None]:
        """setreuid(2): the saved id follows when the real one is set, or the effective one to another. EPERM."""
        before = self.real
        if real != KEEP and not self.privileged and real != self.real and real != self.effective:
            raise EPERM
        if not self.may_be(effective):
            raise EPERM
        if real != KEEP:
            self.real = real
        if effective != KEEP:
            self.effective = effective
        if real != KEEP or (effective != KEEP and effective != before):
            self.saved = self.effective

    def set_three(self, real: u32, effective: u32, saved: u32) -> Fallible[None]:
        """setresuid(2). EPERM."""
        if not (self.may_be(real) and self.may_be(effective) and self.may_be(saved)):
            raise EPERM
        if real != KEEP:
            self.real = real
        if effective != KEEP:
            self.effective = effective
        if saved != KEEP:
            self.saved = saved

    def may_be(self, id: u32) -> bool:
        """Whether an id may be set to this one: the superuser any, others one of the three that they have."""
        return self.privileged or id == KEEP or id == self.real or id == self.effective or id == self.saved


@syscall(105)
def setuid(task: Thread, user_id: u32) -> Fallible[None]:
    """setuid(2)."""
    ids = local(Ids)
    ids.load_users(task.process.credentials)
    ids.set_one(user_id)
    ids.store_users(task.process)


@syscall(106)
def setgid(task: Thread, group: u32) -> Fallible[None]:
    """setgid(2)."""
    ids = local(Ids)
    ids.load_groups(task.process.credentials)
    ids.set_one(group)
    ids.store_groups(task.process)


@syscall(113)
def setreuid(task: Thread, real: u32, effective: u32) -> Fallible[None]:
    """setreuid(2)."""
    ids = local(Ids)
    ids.load_users(task.process.credentials)
    ids.set_two(real, effective)
    ids.store_users(task.process)


@syscall(114)
def setregid(task: Thread, real: u32, effective: u32) -> Fallible[None]:
    """setregid(2)."""
    ids = local(Ids)
    ids.load_groups(task.process.credentials)
    ids.set_two(real, effective)
    ids.store_groups(task.process)


@syscall(117)
def setresuid(task: Thread, real: u32, effective: u32, saved: u32) -> Fallible[None]:
    """setresuid(2)."""
    ids = local(Ids)
    ids.load_users(task.process.credentials)
    ids.set_three(real, effective, saved)
    ids.store_users(task.process)


@syscall(119)
def setresgid(task: Thread, real: u32, effective: u32, saved: u32) -> Fallible[None]:
    """setresgid(2)."""
    ids = local(Ids)
    ids.load_groups(task.process.credentials)
    ids.set_three(real, effective, saved)
    ids.store_groups(task.process)


@syscall(122, missing="no id is taken, as when it is not permitted: that for files is the effective one")
def setfsuid(task: Thread, user_id: u32) -> u32:
    """setfsuid(2): tells the id, whatever comes of it."""
    return task.process.credentials.user


@syscall(123, missing="as setfsuid")
def setfsgid(task: Thread, group: u32) -> u32:
    """setfsgid(2)."""
    return task.process.credentials.group


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


@syscall(116, missing="more than 32 groups: EINVAL", needs="user 0")
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


def may_look_into(task: Thread, process: Process) -> bool:
    """ptrace(2), "Ptrace access mode checking": the superuser; or all ids are the caller's, and it may be dumped."""
    if process is task.process or task.process.credentials.user == 0:
        return True
    return process.settings.is_dumpable and has_ids_of(task, process)


def has_ids_of(task: Thread, process: Process) -> bool:
    """Whether all ids of `process` are the real ones of the caller."""
    mine = task.process.credentials
    theirs = process.credentials
    return (
        mine.real_user == theirs.user == theirs.real_user == theirs.saved_user
        and mine.real_group == theirs.group == theirs.real_group == theirs.saved_group
    )


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
    process.has_given_terminal_up = False
    process.group_id = process.pid
    return process.pid
