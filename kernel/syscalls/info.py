"""What a program asks of its machine: uname(2), sysinfo(2), getrandom(2)."""

from __future__ import annotations

from codegen.lang import (
    Errno,
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    UserSlice,
    copy,
    fill,
    local_array,
    store,
    u8,
    u16,
    u32,
    u64,
)
from kernel.base.errno import EINVAL, EPERM
from kernel.base.release import DOMAIN, RELEASE, SYSTEM, VERSION
from kernel.devices.random import fill_random
from kernel.files.capability import Capability
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.machine.msr import write_gs_base_user
from kernel.memory import frames, user
from kernel.memory.account import NO_LIMIT
from kernel.sched import switch
from kernel.sched.preemption import preemption_point
from kernel.sched.thread import Thread
from kernel.sched.timer import SECOND, now
from kernel.syscalls.declare import syscall

UTS_FIELD: u64 = 65
UTS_SIZE: u64 = 390
SYSINFO_SIZE: u64 = 112
SMALL_CHUNK = 256
LARGE_CHUNK = 2048
GETRANDOM_BITS: u32 = 7
COUNT_MAX: u64 = 0x7FFF_F000

ARCH_SET_GS = 0x1001
ARCH_SET_FS = 0x1002
ARCH_GET_FS = 0x1003
ARCH_GET_GS = 0x1004
"""arch_prctl(2)."""


@syscall(63)
def uname(task: Thread, out: UserAddr) -> Fallible[None]:
    """uname(2)."""
    container = task.process.container
    buffer = local_array(u8, UTS_SIZE)
    put_field(buffer, 0, SYSTEM)
    put_field(buffer, 1, container.hostname[0 : container.hostname_length])
    put_field(buffer, 2, RELEASE)
    put_field(buffer, 3, VERSION)
    put_field(buffer, 4, b"x86_64")
    put_field(buffer, 5, DOMAIN)
    user.copy_out(UserSlice(out, UTS_SIZE), buffer)


def put_field(buffer: MutableSlice[u8], index: u64, text: Slice[u8]) -> None:
    """Write one field of struct utsname."""
    start = index * UTS_FIELD
    copy(buffer[start : start + len(text)], text)


@syscall(170, needs="CAP_SYS_ADMIN")
def sethostname(task: Thread, name: UserAddr, length: u64) -> Fallible[None]:
    """sethostname(2): of the caller's container."""
    if not task.process.credentials.has(Capability.SYS_ADMIN):
        raise EPERM
    if length >= UTS_FIELD:
        raise EINVAL
    buffer = local_array(u8, UTS_FIELD)
    user.copy_in(buffer[0:length], UserSlice(name, length))
    task.process.container.set_hostname(buffer[0:length])


@syscall(99, missing="load averages are 0; there is no swap")
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
    """getrandom(2): never waits; a signal ends a long request."""
    if flags & GETRANDOM_BITS != flags or flags & 6 == 6:
        raise EINVAL
    wanted = min(length, COUNT_MAX)
    if wanted <= SMALL_CHUNK:
        return give_random(task, out, wanted, local_array(u8, SMALL_CHUNK))
    return give_random(task, out, wanted, local_array(u8, LARGE_CHUNK))


def give_random(task: Thread, out: UserAddr, wanted: u64, buffer: MutableSlice[u8]) -> Fallible[u64]:
    """Write random bytes to a program's memory through `buffer`. How many; fewer once there is a signal."""
    user.check_range(out, wanted)
    done: u64 = 0
    while done < wanted and (done == 0 or not task.interrupted):
        amount = min(wanted - done, u64(len(buffer)))
        fill_random(buffer[0:amount])
        try:
            user.copy_out(UserSlice(UserAddr(out + done), amount), buffer[0:amount])
            done += amount
            preemption_point()
        except Errno:
            if done == 0:
                raise
            break
    fill(buffer, 0)
    return done


@syscall(158, missing="ARCH_GET_CPUID, ARCH_SET_CPUID, ARCH_REQ_XCOMP_PERM and the like: EINVAL")
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
