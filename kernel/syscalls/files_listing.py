"""getdents64(2), and getdents(2) with the records of before."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, MutableSlice, UserAddr, deferred, load, local, local_array, u8, u16, u32, u64
from kernel.base.errno import EBADF, EFAULT, EINVAL, ENOENT, ENOTDIR
from kernel.files import listing
from kernel.files.file import OpenFile
from kernel.files.flags import OpenFlags
from kernel.files.inode import Inode
from kernel.files.listing import Records
from kernel.files.watch import Happening, notify
from kernel.sched.preemption import Freezing, preemption_point
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import advance, put_bytes

RECORDS_SIZE: u64 = 4096
"""How many bytes of records are made before they are copied to the program: entries may go while that sleeps."""


@syscall(78)
def getdents(task: Thread, fd: Fd, buffer: UserAddr, count: u32) -> Fallible[u64]:
    """getdents(2)."""
    return list_directory(task, fd, buffer, count, True)


@syscall(217)
def getdents64(task: Thread, fd: Fd, buffer: UserAddr, count: u32) -> Fallible[u64]:
    """getdents64(2). The position of the open file is that of the listing (listing.py)."""
    return list_directory(task, fd, buffer, count, False)


def list_directory(task: Thread, fd: Fd, buffer: UserAddr, count: u32, is_old: bool) -> Fallible[u64]:
    """Both calls."""
    file = task.process.files.pin(fd)
    with deferred(file.drop):
        if file.is_path_only:
            raise EBADF
        inode = file.inode
        if inode is None or not inode.described.is_directory:
            raise ENOTDIR
        with file.position_lock:
            if inode.described.links == 0:
                raise ENOENT
            notify(inode, Happening.ACCESS)
            if OpenFlags.NO_ACCESS_TIME not in file.flags:
                inode.described.note_access()
            return list_entries(file, inode, buffer, count, is_old)


def list_entries(file: OpenFile, directory: Inode, buffer: UserAddr, count: u32, is_old: bool) -> Fallible[u64]:
    """Tell the entries that follow the position of `file`, as many as have room. EINVAL if not even one has."""
    content = local_array(u8, RECORDS_SIZE)
    records = local(Records)
    records.is_old = is_old
    done: u64 = 0
    while True:
        room = min(RECORDS_SIZE, count - done)
        records.begin(content[0:room], file.position)
        listing.list_directory(directory, records)
        if records.length == 0:
            if done == 0 and records.is_full:
                raise EINVAL
            return done
        told = put_records(file, buffer, done, content[0 : records.length])
        done += told
        if told < records.length or not records.is_full:
            return done
        preemption_point(Freezing.LATER)


def put_records(file: OpenFile, buffer: UserAddr, done: u64, records: MutableSlice[u8]) -> Fallible[u64]:
    """Copy records to a program, behind `done` bytes that it has, and move the position of `file` on with each.

    Returns how many bytes went before one that could not be written; EFAULT if that is the first of all.
    """
    start: u64 = 0
    while start < len(records):
        size = u64(load(u16, records, start + 16))
        try:
            put_bytes(advance(buffer, done + start), records[start : start + size])
        except EFAULT:
            if done + start == 0:
                raise
            return start
        file.position = load(u64, records, start + 8)
        start += size
    return start
