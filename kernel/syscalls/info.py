"""What a program asks of its machine and sets for itself: uname(2), sysinfo(2), getrandom(2), prctl(2), limits."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    UserSlice,
    copy,
    i32,
    local_array,
    store,
    u8,
    u16,
    u32,
    u64,
)
from kernel.base.errno import EFAULT, EINVAL, EPERM, ESRCH
from kernel.devices.random import fill_random
from kernel.files.table import DESCRIPTORS_MAX
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.machine.msr import write_gs_base_user
from kernel.memory import frames, user
from kernel.memory.account import NO_LIMIT
from kernel.memory.user_layout import STACK_SIZE
from kernel.sched import switch
from kernel.sched.thread import Thread
from kernel.sched.timer import SECOND, now
from kernel.syscalls.declare import syscall

UTS_FIELD: u64 = 65
UTS_SIZE: u64 = 390
SYSINFO_SIZE: u64 = 112
RANDOM_CHUNK: u64 = 256
GETRANDOM_BITS: u32 = 7
COUNT_MAX: u64 = 0x7FFF_F000
NAME_LENGTH: u64 = 16

ARCH_SET_GS = 0x1001
ARCH_SET_FS = 0x1002
ARCH_GET_FS = 0x1003
ARCH_GET_GS = 0x1004
"""arch_prctl(2)."""

PR_SET_PDEATHSIG = 1
PR_GET_DUMPABLE = 3
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_GET_NAME = 16
PR_CAPBSET_READ = 23
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39
"""prctl(2)."""
HIGHEST_CAPABILITY: u64 = 40

RLIMIT_STACK: u32 = 3
RLIMIT_NPROC: u32 = 6
RLIMIT_NOFILE: u32 = 7
RLIMIT_MEMLOCK: u32 = 8
RLIMIT_COUNT: u32 = 16
UNLIMITED: u64 = 0xFFFF_FFFF_FFFF_FFFF
"""getrlimit(2)."""


@syscall(63)
def uname(task: Thread, out: UserAddr) -> Fallible[None]:
    """uname(2). The release is that of the Linux whose calls are meant: C libraries refuse to run on an old one."""
    container = task.process.container
    buffer = local_array(u8, UTS_SIZE)
    put_field(buffer, 0, b"Linux")
    put_field(buffer, 1, container.hostname[0 : container.hostname_length])
    put_field(buffer, 2, b"6.1.0-pithos")
    put_field(buffer, 3, b"#1 Pithos")
    put_field(buffer, 4, b"x86_64")
    put_field(buffer, 5, b"(none)")
    user.copy_out(UserSlice(out, UTS_SIZE), buffer)


def put_field(buffer: MutableSlice[u8], index: u64, text: Slice[u8]) -> None:
    """Write one field of struct utsname."""
    start = index * UTS_FIELD
    copy(buffer[start : start + len(text)], text)


@syscall(170)
def sethostname(task: Thread, name: UserAddr, length: u64) -> Fallible[None]:
    """sethostname(2): of the caller's container."""
    if task.process.credentials.user != 0:
        raise EPERM
    if length >= UTS_FIELD:
        raise EINVAL
    buffer = local_array(u8, UTS_FIELD)
    user.copy_in(buffer[0:length], UserSlice(name, length))
    task.process.container.set_hostname(buffer[0:length])


@syscall(99)
def sysinfo(task: Thread, out: UserAddr) -> Fallible[None]:
    """sysinfo(2): memory as far as the container may use it."""
    container = task.process.container
    free, total = frames.counts()
    limit = container.account.pages.limit
    if limit != NO_LIMIT and limit < total:
        total = limit
        free = min(free, limit - min(limit, container.account.pages.used.load()))
    buffer = local_array(u8, SYSINFO_SIZE)
    store(u64, buffer, 0, u64(now()) // SECOND)
    store(u64, buffer, 32, total)
    store(u64, buffer, 40, free)
    store(u16, buffer, 80, u16(min(container.processes.count, 0xFFFF)))
    store(u32, buffer, 104, u32(PAGE_SIZE))
    user.copy_out(UserSlice(out, SYSINFO_SIZE), buffer)


@syscall(318)
def getrandom(task: Thread, out: UserAddr, length: u64, flags: u32) -> Fallible[u64]:
    """getrandom(2): never waits."""
    if flags & GETRANDOM_BITS != flags or flags & 6 == 6:
        raise EINVAL
    wanted = min(length, COUNT_MAX)
    buffer = local_array(u8, RANDOM_CHUNK)
    done: u64 = 0
    while done < wanted:
        amount = min(wanted - done, RANDOM_CHUNK)
        fill_random(buffer[0:amount])
        if u64(out) > USER_END - done:
            raise EFAULT
        user.copy_out(UserSlice(UserAddr(out + done), amount), buffer[0:amount])
        done += amount
    return done


@syscall(158)
def arch_prctl(task: Thread, code: u32, address: UserAddr) -> Fallible[None]:
    """arch_prctl(2): the FS base of the thread, where a C library keeps its thread pointer, and the GS base."""
    if code == ARCH_SET_FS or code == ARCH_SET_GS:
        if u64(address) >= USER_END:
            raise EPERM
        if code == ARCH_SET_FS:
            task.fs_base = u64(address)
            switch.load_fs_base(task)
        else:
            task.gs_base = u64(address)
            write_gs_base_user(task.gs_base)
    elif code == ARCH_GET_FS:
        user.put(u64, address, task.fs_base)
    elif code == ARCH_GET_GS:
        user.put(u64, address, task.gs_base)
    else:
        raise EINVAL


@syscall(157)
def prctl(task: Thread, option: u32, argument: u64, third: u64, fourth: u64, fifth: u64) -> Fallible[u64]:
    """prctl(2): names, dumpable, no_new_privs, capabilities; everything else is EINVAL."""
    process = task.process
    if option == PR_SET_NAME:
        set_name(task, UserAddr(argument))
        return 0
    if option == PR_GET_NAME:
        user.copy_out(UserSlice(UserAddr(argument), NAME_LENGTH), process.name[0:NAME_LENGTH])
        return 0
    if option == PR_GET_DUMPABLE:
        return 1 if process.dumpable else 0
    if option == PR_SET_DUMPABLE and argument < 2:
        process.dumpable = argument == 1
        return 0
    if option == PR_CAPBSET_READ and argument <= HIGHEST_CAPABILITY:
        return 1 if process.credentials.user == 0 else 0
    if option == PR_SET_NO_NEW_PRIVS and argument == 1:
        process.no_new_privileges = True
        return 0
    if option == PR_GET_NO_NEW_PRIVS:
        return 1 if process.no_new_privileges else 0
    raise EINVAL


def set_name(task: Thread, name: UserAddr) -> Fallible[None]:
    """PR_SET_NAME: at most 15 bytes count."""
    buffer = local_array(u8, NAME_LENGTH)
    length: u64 = 0
    while length < NAME_LENGTH - 1:
        character = user.get(u8, UserAddr(name + length))
        if character == 0:
            break
        buffer[length] = character
        length += 1
    task.process.set_name(buffer[0:length])


def limit_of(task: Thread, resource: u32) -> u64:
    """What a process may use of one resource; both soft and hard limit."""
    if resource == RLIMIT_STACK:
        return STACK_SIZE
    if resource == RLIMIT_NOFILE:
        return DESCRIPTORS_MAX
    if resource == RLIMIT_NPROC:
        return task.process.container.account.processes.limit
    return UNLIMITED


@syscall(302)
def prlimit64(task: Thread, pid: i32, resource: u32, new: UserAddr, old: UserAddr) -> Fallible[None]:
    """prlimit(2): limits are the container's, so a process can ask for them and change none (EPERM)."""
    if resource >= RLIMIT_COUNT:
        raise EINVAL
    if pid != 0 and pid != task.process.pid:
        raise ESRCH
    limit = limit_of(task, resource)
    if u64(new) != 0:
        soft = user.get(u64, new)
        hard = user.get(u64, UserAddr(new + 8))
        if soft > hard:
            raise EINVAL
        if soft != limit or hard != limit:
            raise EPERM
    if u64(old) != 0:
        user.put(u64, old, limit)
        user.put(u64, UserAddr(old + 8), limit)


@syscall(97)
def getrlimit(task: Thread, resource: u32, out: UserAddr) -> Fallible[None]:
    """getrlimit(2)."""
    prlimit64(task, 0, resource, UserAddr(0), out)


@syscall(309)
def getcpu(task: Thread, cpu: UserAddr, node: UserAddr) -> Fallible[None]:
    """getcpu(2)."""
    if u64(cpu) != 0:
        user.put(u32, cpu, 0)
    if u64(node) != 0:
        user.put(u32, node, 0)
