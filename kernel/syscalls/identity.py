"""Who a process is: getpid(2) and the like, user and group ids (credentials(7)), process groups and sessions."""

from __future__ import annotations

from codegen.lang import Fallible, Pid, UserAddr, i32, inline, local, local_array, struct, u32, u64
from kernel.base.errno import EACCES, EAGAIN, EINVAL, ENOMEM, EPERM, ESRCH
from kernel.files.capability import Capability
from kernel.files.credentials import GROUPS_MAX, Credentials
from kernel.memory import user
from kernel.process.limits import Resource
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
    return task.process.credentials.effective_user


@syscall(108, unlocked=True)
def getegid(task: Thread) -> u32:
    """getegid(2)."""
    return task.process.credentials.effective_group


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
        self.effective = credentials.effective_user
        self.saved = credentials.saved_user
        self.privileged = credentials.has(Capability.SETUID)

    def load_groups(self, credentials: Credentials) -> None:
        """Begin with the group ids."""
        self.real = credentials.real_group
        self.effective = credentials.effective_group
        self.saved = credentials.saved_group
        self.privileged = credentials.has(Capability.SETGID)

    def store_users(self, process: Process) -> Fallible[None]:
        """Let `process` have these user ids; that for files is the effective one. EAGAIN when there is no memory."""
        credentials = process.credentials
        if credentials.real_user != self.real:
            change_owner(process, self.real)
        if credentials.effective_user != self.effective or credentials.user != self.effective:
            process.settings.change_user()
        was_any_root, was_root = credentials.is_any_root, credentials.effective_user == 0
        credentials.real_user = self.real
        credentials.effective_user = self.effective
        credentials.saved_user = self.saved
        credentials.user = self.effective
        credentials.capabilities.follow_users(was_any_root, credentials.is_any_root, was_root, self.effective == 0)

    def store_groups(self, process: Process) -> None:
        """Let `process` have these group ids; that for files is the effective one."""
        credentials = process.credentials
        if credentials.effective_group != self.effective or credentials.group != self.effective:
            process.settings.change_user()
        credentials.real_group = self.real
        credentials.effective_group = self.effective
        credentials.saved_group = self.saved
        credentials.group = self.effective

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


def change_owner(process: Process, user_id: u32) -> Fallible[None]:
    """Let the real user of `process` be another. EAGAIN.

    One who has too many processes already may have this one, too, but not run a program in it (execve(2)).
    """
    try:
        process.change_owner(user_id)
    except ENOMEM:
        raise EAGAIN from None
    limit = process.settings.limits.soft_of(Resource.PROCESSES)
    process.settings.is_one_too_many = user_id != 0 and process.owner.threads > limit


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


@syscall(122)
def setfsuid(task: Thread, user_id: u32) -> u32:
    """setfsuid(2): tells the id from before, whatever comes of it."""
    credentials = task.process.credentials
    before = credentials.user
    mine = user_id == before or user_id == credentials.real_user
    mine = mine or user_id == credentials.effective_user or user_id == credentials.saved_user
    if user_id != before and user_id != KEEP and (mine or credentials.has(Capability.SETUID)):
        task.process.settings.change_user()
        credentials.user = user_id
        credentials.capabilities.follow_file_user(before == 0, user_id == 0)
    return before


@syscall(123)
def setfsgid(task: Thread, group: u32) -> u32:
    """setfsgid(2): tells the id from before, whatever comes of it."""
    credentials = task.process.credentials
    before = credentials.group
    mine = group == before or group == credentials.real_group
    mine = mine or group == credentials.effective_group or group == credentials.saved_group
    if group != before and group != KEEP and (mine or credentials.has(Capability.SETGID)):
        task.process.settings.change_user()
        credentials.group = group
    return before


@syscall(118)
def getresuid(task: Thread, real: UserAddr, effective: UserAddr, saved: UserAddr) -> Fallible[None]:
    """getresuid(2)."""
    credentials = task.process.credentials
    user.put(u32, real, credentials.real_user)
    user.put(u32, effective, credentials.effective_user)
    user.put(u32, saved, credentials.saved_user)


@syscall(120)
def getresgid(task: Thread, real: UserAddr, effective: UserAddr, saved: UserAddr) -> Fallible[None]:
    """getresgid(2)."""
    credentials = task.process.credentials
    user.put(u32, real, credentials.real_group)
    user.put(u32, effective, credentials.effective_group)
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


@syscall(116, missing="more than 32 groups: EINVAL", needs="CAP_SETGID")
def setgroups(task: Thread, size: u64, list: UserAddr) -> Fallible[None]:
    """setgroups(2)."""
    credentials = task.process.credentials
    if not credentials.has(Capability.SETGID):
        raise EPERM
    if size > GROUPS_MAX:
        raise EINVAL
    groups = local_array(u32, GROUPS_MAX)
    for index in range(size):
        groups[index] = user.get(u32, UserAddr(list + 4 * index))
    credentials.set_groups(groups[0:size])


@syscall(111)
def getpgrp(task: Thread) -> Pid:
    """getpgrp(2)."""
    return task.process.group_id


def process_or_self(task: Thread, pid: i32) -> Fallible[Process]:
    """The process that has the number `pid`, or a thread that does; 0 means the caller's. ESRCH."""
    if pid < 0:
        raise ESRCH
    return task.process if pid == 0 else task.process.container.numbers.process_of(Pid(pid))


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
    if pid != 0 and i32(process.pid) != pid:
        raise EINVAL
    if process is not task.process and process.parent is not task.process:
        raise ESRCH
    if process is not task.process and process.session_id == task.process.session_id and process.executed:
        raise EACCES
    if process.session_id == process.pid or process.session_id != task.process.session_id:
        raise EPERM
    wanted = process.pid if group == 0 else Pid(group)
    if wanted != process.pid and not group_exists(process, wanted):
        raise EPERM
    process.container.numbers.move(process, wanted)


def group_exists(process: Process, group: Pid) -> bool:
    """Whether the session of `process` has a process group `group`."""
    member = process.container.numbers.first_of(group)
    return member is not None and member.session_id == process.session_id


@syscall(112)
def setsid(task: Thread) -> Fallible[Pid]:
    """setsid(2)."""
    process = task.process
    if process.container.numbers.first_of(process.pid) is not None:
        raise EPERM
    process.container.numbers.begin_session(process)
    process.has_given_terminal_up = False
    return process.pid
