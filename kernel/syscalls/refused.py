"""Calls that change the machine itself, which belongs to no container: EPERM, as on Linux without the capability."""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, i32, u32, u64
from kernel.base.errno import EINVAL, EPERM
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall

HIGHEST_LEVEL: u32 = 3
PORTS: u64 = 65_536


@syscall(103, answer="EPERM")
def syslog(task: Thread, kind: i32, buffer: UserAddr, length: i32) -> Fallible[None]:
    """syslog(2): EPERM, the log of the kernel is the machine's."""
    raise EPERM


@syscall(153, answer="EPERM")
def vhangup(task: Thread) -> Fallible[None]:
    """vhangup(2): EPERM."""
    raise EPERM


@syscall(163, answer="EPERM")
def acct(task: Thread, path: UserAddr) -> Fallible[None]:
    """acct(2): EPERM."""
    raise EPERM


@syscall(167, answer="EPERM")
def swapon(task: Thread, path: UserAddr, flags: u32) -> Fallible[None]:
    """swapon(2): EPERM."""
    raise EPERM


@syscall(168, answer="EPERM")
def swapoff(task: Thread, path: UserAddr) -> Fallible[None]:
    """swapoff(2): EPERM."""
    raise EPERM


@syscall(169, answer="EPERM")
def reboot(task: Thread, magic: u32, second_magic: u32, command: u32, argument: UserAddr) -> Fallible[None]:
    """reboot(2): EPERM, a container is ended from outside."""
    raise EPERM


@syscall(172, answer="EPERM")
def iopl(task: Thread, level: u32) -> Fallible[None]:
    """iopl(2): level 0, which every program has; else EPERM."""
    if level > HIGHEST_LEVEL:
        raise EINVAL
    if level != 0:
        raise EPERM


@syscall(173, answer="EPERM")
def ioperm(task: Thread, first: u64, count: u64, allowed: i32) -> Fallible[None]:
    """ioperm(2): ports may be given up, which nobody has; else EPERM."""
    if first > PORTS or count == 0 or count > PORTS - first:
        raise EINVAL
    if allowed != 0:
        raise EPERM


@syscall(175, answer="EPERM")
def init_module(task: Thread, image: UserAddr, length: u64, parameters: UserAddr) -> Fallible[None]:
    """init_module(2): EPERM."""
    raise EPERM


@syscall(176, answer="EPERM")
def delete_module(task: Thread, name: UserAddr, flags: u32) -> Fallible[None]:
    """delete_module(2): EPERM."""
    raise EPERM


@syscall(246, answer="EPERM")
def kexec_load(task: Thread, entry: u64, count: u64, segments: UserAddr, flags: u64) -> Fallible[None]:
    """kexec_load(2): EPERM."""
    raise EPERM


@syscall(313, answer="EPERM")
def finit_module(task: Thread, fd: i32, parameters: UserAddr, flags: i32) -> Fallible[None]:
    """finit_module(2): EPERM."""
    raise EPERM


@syscall(320, answer="EPERM")
def kexec_file_load(
    task: Thread, kernel: i32, initrd: i32, length: u64, command_line: UserAddr, flags: u64
) -> Fallible[None]:
    """kexec_file_load(2): EPERM."""
    raise EPERM
