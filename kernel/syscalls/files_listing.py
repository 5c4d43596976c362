"""getdents64(2), and getdents(2) with the records of before."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Fd,
    MutableSlice,
    Slice,
    UserAddr,
    align_up,
    copy,
    deferred,
    fill,
    load,
    local,
    local_array,
    store,
    u8,
    u16,
    u32,
    u64,
)
from kernel.base.errno import EBADF, EFAULT, EINVAL, ENOENT, ENOTDIR
from kernel.files.file import OpenFile
from kernel.files.flags import OpenFlags
from kernel.files.inode import Inode
from kernel.files.listing import Cursor
from kernel.files.watch import Happening, notify
from kernel.sched.preemption import Freezing, preemption_point
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import advance, put_bytes

NAME_OFFSET = 19
"""Where the name is in a `struct linux_dirent64`: after d_ino, d_off, d_reclen and d_type (getdents(2))."""
OLD_NAME_OFFSET = 18
"""Where it is in a `struct linux_dirent`, whose d_type is the last byte of the record."""

RECORD_MAX: u64 = 280
"""The longest record: NAME_OFFSET, a name, its zero byte, rounded up to 8."""
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
            if file.position == 0:
                inode.populate(b"")
            notify(inode, Happening.ACCESS)
            if OpenFlags.NO_ACCESS_TIME not in file.flags:
                inode.described.note_access()
            return list_entries(file, inode, buffer, count, is_old)


def list_entries(file: OpenFile, directory: Inode, buffer: UserAddr, count: u32, is_old: bool) -> Fallible[u64]:
    """Tell the entries that follow the position of `file`, as many as have room. EINVAL if not even one has."""
    records = local_array(u8, RECORDS_SIZE)
    done: u64 = 0
    while True:
        room = min(RECORDS_SIZE, count - done)
        made = make_records(directory, file.position, records[0:room], is_old)
        told = put_records(file, buffer, done, records[0:made])
        done += told
        if told < made or made + RECORD_MAX <= room or room < RECORDS_SIZE:
            break
        preemption_point(Freezing.LATER)
    if done == 0 and has_next(directory, file.position):
        raise EINVAL
    return done


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


def make_records(directory: Inode, position: u64, records: MutableSlice[u8], is_old: bool) -> u64:
    """Make the records that follow `position`, `.` and `..` first, until one has no room; returns how many bytes."""
    made: u64 = 0
    if position == 0:
        made += make_record(records, directory, b".", 1, is_old)
        position = 1 if made > 0 else 0
    if position == 1:
        above = directory.parent
        size = make_record(records[made:], directory if above is None else above, b"..", 2, is_old)
        made += size
        position = 2 if size > 0 else 1
    if position < 2:
        return made
    cursor = local(Cursor)
    cursor.start(directory, position)
    while True:
        entry = cursor.advance()
        if entry is None:
            return made
        inode = entry.inode
        assert inode is not None, "the entry is shown"
        size = make_record(records[made:], inode, entry.name, cursor.position, is_old)
        if size == 0:
            return made
        made += size


def has_next(directory: Inode, position: u64) -> bool:
    """Whether something follows `position`."""
    if position < 2:
        return True
    cursor = local(Cursor)
    cursor.start(directory, position)
    return cursor.advance() is not None


def make_record(records: MutableSlice[u8], inode: Inode, name: Slice[u8], next_position: u64, is_old: bool) -> u64:
    """Write one record at the beginning of `records`; returns its size, 0 if there is no room."""
    length = u64(len(name))
    size = align_up((OLD_NAME_OFFSET if is_old else NAME_OFFSET) + length + (2 if is_old else 1), 8)
    if size > len(records):
        return 0
    record = records[0:size]
    fill(record, 0)
    store(u64, record, 0, inode.described.number)
    store(u64, record, 8, next_position)
    store(u16, record, 16, u16(size))
    start: u64 = OLD_NAME_OFFSET if is_old else NAME_OFFSET
    record[size - 1 if is_old else 18] = u8(inode.described.kind)
    copy(record[start : start + length], name)
    return size
