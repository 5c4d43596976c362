"""Transfers to and from several places at once: readv(2), writev(2), preadv(2), pwritev(2), preadv2(2), pwritev2(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, UserAddr, deferred, i64, local, u32, u64
from kernel.base.errno import EINVAL, EOPNOTSUPP
from kernel.files.flags import OpenFlags
from kernel.memory.buffer import Buffer
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_io import check_has_places
from kernel.syscalls.files_support import readable_file, writable_file
from kernel.syscalls.files_transfer import read_at, read_on, write_at, write_on

AT_POSITION: i64 = -1
"""In place of an offset: where the open file is, which then moves on."""

RWF_NOWAIT: u32 = 0x8
RWF_APPEND: u32 = 0x10
RWF_NOAPPEND: u32 = 0x20
READ_FLAGS: u32 = 0xF
WRITE_FLAGS: u32 = 0x3F
"""What preadv2(2) and pwritev2(2) know: besides these RWF_HIPRI, RWF_DSYNC and RWF_SYNC, which change nothing here."""


@syscall(19)
def readv(task: Thread, fd: Fd, vectors: UserAddr, count: u64) -> Fallible[u64]:
    """readv(2)."""
    return read_from(task, fd, vectors, count, AT_POSITION, 0)


@syscall(20)
def writev(task: Thread, fd: Fd, vectors: UserAddr, count: u64) -> Fallible[u64]:
    """writev(2)."""
    return write_to(task, fd, vectors, count, AT_POSITION, 0)


@syscall(295)
def preadv(task: Thread, fd: Fd, vectors: UserAddr, count: u64, offset: i64) -> Fallible[u64]:
    """preadv(2)."""
    if offset < 0:
        raise EINVAL
    return read_from(task, fd, vectors, count, offset, 0)


@syscall(296)
def pwritev(task: Thread, fd: Fd, vectors: UserAddr, count: u64, offset: i64) -> Fallible[u64]:
    """pwritev(2)."""
    if offset < 0:
        raise EINVAL
    return write_to(task, fd, vectors, count, offset, 0)


@syscall(327)
def preadv2(task: Thread, fd: Fd, vectors: UserAddr, count: u64, offset: i64, high: u64, flags: u32) -> Fallible[u64]:
    """preadv2(2)."""
    if offset < AT_POSITION:
        raise EINVAL
    return read_from(task, fd, vectors, count, offset, flags)


@syscall(328)
def pwritev2(task: Thread, fd: Fd, vectors: UserAddr, count: u64, offset: i64, high: u64, flags: u32) -> Fallible[u64]:
    """pwritev2(2)."""
    if offset < AT_POSITION:
        raise EINVAL
    return write_to(task, fd, vectors, count, offset, flags)


def read_from(task: Thread, fd: Fd, address: UserAddr, count: u64, offset: i64, flags: u32) -> Fallible[u64]:
    """One of the calls that read."""
    if offset != AT_POSITION:
        check_has_places(task.process.files.get(fd))
    file = readable_file(task, fd)
    with deferred(file.drop):
        buffer = local(Buffer)
        buffer.over_vectors(address, count)
        if flags & READ_FLAGS != flags:
            raise EOPNOTSUPP
        wait = file.may_wait and flags & RWF_NOWAIT == 0
        if offset == AT_POSITION:
            done = read_on(file, buffer, wait)
        else:
            done = read_at(file, u64(offset), buffer, wait)
        task.usage.note_read(done)
        return done


def write_to(task: Thread, fd: Fd, address: UserAddr, count: u64, offset: i64, flags: u32) -> Fallible[u64]:
    """One of the calls that write."""
    if offset != AT_POSITION:
        check_has_places(task.process.files.get(fd))
    file = writable_file(task, fd)
    with deferred(file.drop):
        buffer = local(Buffer)
        buffer.over_vectors(address, count)
        if flags & WRITE_FLAGS != flags:
            raise EOPNOTSUPP
        if flags & RWF_APPEND != 0 and flags & RWF_NOAPPEND != 0:
            raise EINVAL
        appends = (OpenFlags.APPEND in file.flags and flags & RWF_NOAPPEND == 0) or flags & RWF_APPEND != 0
        wait = file.may_wait and flags & RWF_NOWAIT == 0
        if offset == AT_POSITION:
            done = write_on(task, file, buffer, appends, wait)
        else:
            done = write_at(task, file, u64(offset), buffer, appends, wait)
        task.usage.note_write(done)
        return done
