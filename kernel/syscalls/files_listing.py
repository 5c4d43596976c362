"""getdents64(2)."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Fd,
    MutableSlice,
    Slice,
    UserAddr,
    align_up,
    copy,
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
from kernel.base.errno import EBADF, EINVAL, ENOENT, ENOTDIR
from kernel.files.inode import Inode
from kernel.files.listing import Cursor
from kernel.files.watch import Happening, notify
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import advance, put_bytes

NAME_OFFSET = 19
"""Where the name is in a `struct linux_dirent64`: after d_ino, d_off, d_reclen and d_type (getdents(2))."""

RECORD_MAX = 280
"""The longest record: NAME_OFFSET, a name, its zero byte, rounded up to 8."""

ADVICE_MAX: u32 = 5


@syscall(217)
def getdents64(task: Thread, fd: Fd, buffer: UserAddr, count: u32) -> Fallible[u64]:
    """getdents64(2). The position of the open file is that of the listing (listing.py)."""
    file = task.process.files.get(fd)
    if file.is_path_only:
        raise EBADF
    inode = file.inode
    if inode is None or not inode.described.is_directory:
        raise ENOTDIR
    if inode.described.links == 0:
        raise ENOENT
    if file.position == 0:
        inode.populate(b"")
    notify(inode, Happening.ACCESS)
    record = local_array(u8, RECORD_MAX)
    cursor = local(Cursor)
    done: u64 = 0
    while True:
        size = next_record(inode, cursor, file.position, done == 0, record)
        if size == 0:
            return done
        if size > count - done:
            if done == 0:
                raise EINVAL
            return done
        put_bytes(advance(buffer, done), record[0:size])
        done += size
        file.position = load(u64, record, 8)


def next_record(directory: Inode, cursor: Cursor, position: u64, is_first: bool, record: MutableSlice[u8]) -> u64:
    """Make the record that follows `position`; returns its size, 0 at the end. `.` and `..` come first."""
    if position == 0:
        return make_record(record, directory, b".", 1)
    if position == 1:
        parent = directory.parent
        return make_record(record, directory if parent is None else parent, b"..", 2)
    if is_first or position == 2:
        cursor.start(directory, position)
    entry = cursor.advance()
    if entry is None:
        return 0
    inode = entry.inode
    assert inode is not None, "the entry is shown"
    return make_record(record, inode, entry.name, cursor.position)


def make_record(record: MutableSlice[u8], inode: Inode, name: Slice[u8], next_position: u64) -> u64:
    """Write one `struct linux_dirent64`; returns its size."""
    length = u64(len(name))
    size = align_up(NAME_OFFSET + length + 1, 8)
    fill(record, 0)
    store(u64, record, 0, inode.described.number)
    store(u64, record, 8, next_position)
    store(u16, record, 16, u16(size))
    record[18] = u8(inode.described.kind)
    copy(record[NAME_OFFSET : NAME_OFFSET + length], name)
    return size
