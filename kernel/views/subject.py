"""Subject: the process, thread or descriptor that a file under /proc/PID is about.

Interface: `process_of` and `descriptor_of` for an inode; `subject_of_descriptor` makes the number that inodes keep. The
low 32 bits are a pid or tid; the high ones a descriptor plus one.

Invariant: only processes of the container whose file system the inode is in are found, and only from inside of it.
"""

from __future__ import annotations

from codegen.lang import Fallible, Fd, Pid, u64
from kernel.base.errno import ESRCH
from kernel.files.inode import Inode
from kernel.process.process import Process
from kernel.sched.cpu import current
from kernel.sched.thread import Thread

PID_BITS: u64 = 0xFFFF_FFFF
DESCRIPTOR_SHIFT: u64 = 32


def subject_of_descriptor(subject: u64, number: u64) -> u64:
    """The subject of the entry of descriptor `number` in a directory about `subject`."""
    return (subject & PID_BITS) | (number + 1) << DESCRIPTOR_SHIFT


def descriptor_of(inode: Inode) -> Fd:
    """The descriptor that `inode` is about."""
    return Fd((inode.subject >> DESCRIPTOR_SHIFT) - 1)


def is_inside(inode: Inode) -> bool:
    """Whether `inode` is in the /proc of the container that asks."""
    return inode.fs is current().process.container.file_system


def process_of(inode: Inode) -> Fallible[Process]:
    """The process that `inode` is about, be it by its own number or that of a thread. ESRCH once it is gone."""
    if not is_inside(inode):
        raise ESRCH
    return current().process.container.numbers.process_of(Pid(inode.subject & PID_BITS))


def find_thread(process: Process, wanted: Pid) -> Thread | None:
    """The thread of `process` called `wanted`."""
    for thread in process.threads:
        if thread.id == wanted:
            return thread
    return None
