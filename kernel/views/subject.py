"""Subject: the process, thread or descriptor that a file under /proc/PID is about.

Interface: `process_of` `thread_of` `descriptor_of` for an inode; `about_number` makes the number that inodes keep.
The low 32 bits of `Inode.about` are the number of a thread; the high ones a descriptor plus one.

Invariant: only processes of the container that asks are found.
"""

from __future__ import annotations

from codegen.lang import Fallible, Fd, Pid, u64
from kernel.base.errno import EACCES, ENOENT, ESRCH
from kernel.files.inode import ABOUT_THREAD, ABOUT_THREAD_BITS, Inode
from kernel.files.mount_kind import MountKind
from kernel.process.access import LookAs, may_look_into
from kernel.process.identity import ProcessIdentity
from kernel.process.process import Process
from kernel.sched.cpu import current
from kernel.sched.thread import Thread


def about_number(about: u64, number: u64) -> u64:
    """What an inode is about that is about descriptor or page `number` in a directory about `about`."""
    return (about & ABOUT_THREAD) | number << ABOUT_THREAD_BITS


def number_part(inode: Inode) -> u64:
    """The descriptor or page that `inode` is about."""
    return inode.about >> ABOUT_THREAD_BITS


def descriptor_of(inode: Inode) -> Fd:
    """The descriptor that `inode` is about."""
    return Fd(number_part(inode))


def number_of(inode: Inode) -> Pid:
    """The number of the thread that `inode` is about; that of a process is that of its first one."""
    return Pid(inode.about & ABOUT_THREAD)


def is_inside(inode: Inode) -> bool:
    """Whether `inode` is in the /proc of the container that asks."""
    fs = current().process.container.mounts.find(MountKind.PROC)
    return fs is not None and fs is inode.fs


def process_of(inode: Inode) -> Fallible[Process]:
    """The process that `inode` is about, be it by its own number or that of a thread. ESRCH once that is gone."""
    subject = inode.subject
    if subject is None or not isinstance(subject, ProcessIdentity):
        raise ESRCH
    process = subject.process
    if process is None or process.container is not current().process.container:
        raise ESRCH
    number = number_of(inode)
    if process.pid != number and thread_in(process, number) is None:
        raise ESRCH
    return process


def thread_of(inode: Inode) -> Fallible[Thread | None]:
    """The thread that `inode` is about; None for a process whose first thread has ended. ESRCH once that is gone."""
    return thread_in(process_of(inode), number_of(inode))


def thread_in(process: Process, wanted: Pid) -> Thread | None:
    """The thread of `process` called `wanted`."""
    thread = process.container.numbers.find_thread(wanted)
    return None if thread is None or thread.process is not process else thread


def find_by_number(wanted: Pid) -> Process | None:
    """The process of the container that asks which has this number, or a thread with it."""
    try:
        return current().process.container.numbers.process_of(wanted)
    except ESRCH:
        return None


def looked_into(inode: Inode) -> Fallible[Process]:
    """The process that `inode` is about, if the running thread may look into it. EACCES, ESRCH."""
    process = process_of(inode)
    if not may_look_into(process, LookAs.FILES):
        raise EACCES
    return process


def living(inode: Inode) -> Fallible[Process]:
    """`looked_into` for what is gone with the end of the process. ENOENT then."""
    try:
        process = looked_into(inode)
    except ESRCH:
        raise ENOENT from None
    if process.is_zombie:
        raise ENOENT
    return process
