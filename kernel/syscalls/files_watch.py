"""inotify_init(2), inotify_add_watch(2), inotify_rm_watch(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, UserAddr, deferred, i32, u32
from kernel.base.errno import EBADF, EEXIST, EINVAL
from kernel.files.attributes import Access
from kernel.files.file import OpenFile
from kernel.files.flags import AT_FDCWD, AtFlags, OpenFlags, Resolve
from kernel.files.inotify import Inotify, open_inotify
from kernel.files.watch import ALL_EVENTS, EventQueue, Happening
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import find_at

ONLY_DIRECTORY: u32 = 0x0100_0000
DONT_FOLLOW: u32 = 0x0200_0000
MASK_CREATE: u32 = 0x1000_0000
MASK_ADD: u32 = 0x2000_0000
KNOWN: u32 = 0xF700_EFFF
"""All bits of IN_* (ALL_INOTIFY_BITS of Linux)."""


@syscall(253)
def inotify_init(task: Thread) -> Fallible[Fd]:
    """inotify_init(2)."""
    return inotify_init1(task, 0)


@syscall(294)
def inotify_init1(task: Thread, flags: u32) -> Fallible[Fd]:
    """inotify_init1(2)."""
    if flags & u32(OpenFlags.CLOSE_ON_EXEC | OpenFlags.NONBLOCK) != flags:
        raise EINVAL
    process = task.process
    is_nonblocking = flags & u32(OpenFlags.NONBLOCK) != 0
    made = open_inotify(process.container.files, process.credentials.user, is_nonblocking)
    with deferred(made.drop):
        return task.process.files.install(made, flags & u32(OpenFlags.CLOSE_ON_EXEC) != 0)


def queue_of(file: OpenFile) -> Fallible[EventQueue]:
    """The queue that is open; EINVAL for any other file."""
    ops = file.ops
    if not isinstance(ops, Inotify):
        raise EINVAL
    return ops.queue


@syscall(254)
def inotify_add_watch(task: Thread, fd: Fd, path: UserAddr, mask: u32) -> Fallible[i32]:
    """inotify_add_watch(2)."""
    if mask & KNOWN == 0:
        raise EINVAL
    file = task.process.files.pin(fd)
    with deferred(file.drop):
        if file.is_path_only:
            raise EBADF
        if mask & MASK_ADD != 0 and mask & MASK_CREATE != 0:
            raise EINVAL
        return watch(task, queue_of(file), path, mask)


def watch(task: Thread, queue: EventQueue, path: UserAddr, mask: u32) -> Fallible[i32]:
    """Let `queue`, which is held, watch what `path` names; returns the number of the watch."""
    how = Resolve.NONE if mask & DONT_FOLLOW != 0 else Resolve.FOLLOW
    if mask & ONLY_DIRECTORY != 0:
        how = how | Resolve.DIRECTORY
    inode = find_at(task, AT_FDCWD, path, AtFlags.NONE, how)
    inode.check(task.process.credentials, Access.READ)
    kept = mask & (ALL_EVENTS | u32(Happening.ONE_SHOT | Happening.EXCLUDE_UNLINKED))
    known = queue.watch_of(inode)
    if known is None:
        return queue.add(inode, kept).number
    if mask & MASK_CREATE != 0:
        raise EEXIST
    known.mask = known.mask | kept if mask & MASK_ADD != 0 else kept
    return known.number


@syscall(255)
def inotify_rm_watch(task: Thread, fd: Fd, number: i32) -> Fallible[None]:
    """inotify_rm_watch(2)."""
    file = task.process.files.get(fd)
    if file.is_path_only:
        raise EBADF
    queue = queue_of(file)
    watch = queue.find(number)
    if watch is None:
        raise EINVAL
    queue.drop(watch)
