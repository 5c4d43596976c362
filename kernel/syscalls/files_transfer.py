"""Transfers between open files and a program's memory, in steps between which others run: what read(2), write(2) and
their families share.
"""

from __future__ import annotations

from codegen.lang import (
    Errno,
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    UserSlice,
    hot,
    inline,
    local,
    local_array,
    noinline,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EFAULT, EFBIG, EINVAL, EPIPE
from kernel.files.attributes import Kind
from kernel.files.content import PAGE, SIZE_MAX
from kernel.files.fifo import FifoEnd, pipe_behind, send
from kernel.files.file import OpenFile
from kernel.files.flags import OpenFlags
from kernel.files.locks import described_by
from kernel.files.pipe_ends import PipeReader, PipeWriter
from kernel.files.privileges import remove_privileges
from kernel.files.timestamp import Timestamp
from kernel.files.watch import Happening, notify
from kernel.machine.clock import wall_time
from kernel.machine.layout import USER_END
from kernel.memory import user
from kernel.net.unix.socket import UnixSocket
from kernel.process.send import send_to_thread
from kernel.process.signal_table import Signal
from kernel.sched.cpu import current
from kernel.sched.mutex import Mutex
from kernel.sched.preemption import Freezing, preemption_point
from kernel.sched.thread import Thread
from kernel.syscalls.file_limit import within_limit
from kernel.syscalls.files_support import COUNT_MAX, HIGHEST_OFFSET, advance
from kernel.syscalls.sockets_transfer import read_from_socket, write_to_socket

SMALL = 256
LARGE = 4096
"""Sizes of the buffers on the stack through which user memory and files exchange bytes. A write of PIPE_BUF
bytes fits the large one, so that it stays in one piece."""


# What is asked for.


@inline
def checked_range(address: UserAddr, count: u64) -> Fallible[UserSlice]:
    """The memory of a transfer, which is cut off at COUNT_MAX. EFAULT when not all of it can be a program's."""
    if count > USER_END or u64(address) > USER_END - count:
        raise EFAULT
    return UserSlice(address, min(count, COUNT_MAX))


@hot
def check_span(offset: u64, count: u64) -> Fallible[None]:
    """EINVAL when a transfer would end beyond what an offset can tell (rw_verify_area())."""
    if count > HIGHEST_OFFSET - offset:
        raise EINVAL


@hot
def prepare_write(task: Thread, file: OpenFile, offset: u64, count: u64) -> Fallible[u64]:
    """What comes before a write of `count` bytes at `offset`: a file is not the same program any more.

    Returns how much may be written; EFBIG when nothing may, by the limit or as it is beyond the largest file. The
    write lock is held.
    """
    inode = file.inode
    if inode is None or not inode.described.is_regular:
        return count
    allowed = within_limit(file, offset, count)
    if offset >= SIZE_MAX:
        raise EFBIG
    remove_privileges(inode, task.process.credentials)
    return allowed


def write_lock_of(file: OpenFile) -> Mutex:
    """What a write to a file that has places holds."""
    inode = file.inode
    assert inode is not None, "what has places has an inode"
    return inode.write_lock


# What is told.


def tell_transfer(file: OpenFile, done: u64, what: Happening) -> None:
    """Let who watches the file know that it was read or written."""
    inode = file.inode
    if inode is not None and done > 0:
        notify(inode, what)


def tell_fifo_read(file: OpenFile, done: u64) -> None:
    """Bytes were taken out of a pipe: the file of a FIFO was accessed."""
    inode = file.inode
    if inode is not None:
        inode.described.note_access()
        tell_transfer(file, done, Happening.ACCESS)


def tell_fifo_write(file: OpenFile, done: u64) -> None:
    """Bytes were put into a pipe, likewise."""
    inode = file.inode
    if inode is not None and done > 0:
        inode.described.touch(wall_time())
        notify(inode, Happening.MODIFY)


def signal_if_broken(task: Thread, file: OpenFile) -> None:
    """SIGPIPE for a write to a pipe that was cut short, if that is as nobody reads any more."""
    pipe = pipe_behind(file)
    if pipe is not None and not pipe.reader.is_open:
        send_to_thread(task, u32(Signal.PIPE))


# Transfers at an offset.


@noinline
def read_at(file: OpenFile, offset: u64, destination: UserSlice, wait: bool) -> Fallible[u64]:
    """Read into user memory; returns how many bytes. An error after the first step ends a shorter transfer."""
    check_span(offset, destination.length)
    done: u64 = 0
    if destination.length <= SMALL:
        done = read_steps(file, offset, destination, wait, local_array(u8, SMALL))
    else:
        done = read_steps(file, offset, destination, wait, local_array(u8, LARGE))
    tell_transfer(file, done, Happening.ACCESS)
    return done


def read_steps(
    file: OpenFile, offset: u64, destination: UserSlice, wait: bool, buffer: MutableSlice[u8]
) -> Fallible[u64]:
    """`read_at` through `buffer`. Only the first step waits."""
    total = destination.length
    done: u64 = 0
    while True:
        step = min(u64(len(buffer)), total - done)
        put: u64 = 0
        try:
            if done > 0 and not may_read_on(file):
                return done
            got = read_bytes(file, offset + done, buffer[0:step], wait and done == 0)
            put = put_part(file, advance(destination.address, done), buffer[0:got])
        except Errno:
            if done == 0:
                raise
            return done
        done += put
        if put < step or done == total:
            return done


@inline
def read_bytes(file: OpenFile, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
    """Read into the kernel's memory; with O_NOATIME that is no access."""
    if OpenFlags.NO_ACCESS_TIME in file.flags:
        return read_unnoticed(file, offset, destination, wait)
    return file.ops.read(offset, destination, wait)


def read_unnoticed(file: OpenFile, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
    """`read_bytes` with O_NOATIME."""
    accessed = described_by(file).accessed
    before = local(Timestamp)
    before.copy_from(accessed)
    done = file.ops.read(offset, destination, wait)
    accessed.copy_from(before)
    return done


def may_read_on(file: OpenFile) -> Fallible[bool]:
    """Let others run between two steps. Whether there is another one: not of a device, when a signal came."""
    preemption_point(Freezing.LATER)
    return not current().interrupted or file.ops.attributes().kind != Kind.CHARACTER


def put_part(file: OpenFile, address: UserAddr, content: Slice[u8]) -> Fallible[u64]:
    """Copy what was read to a program; of a file with places, only up to a page that cannot be written. EFAULT."""
    try:
        user.copy_out(UserSlice(address, len(content)), content)
    except EFAULT:
        reach = PAGE - u64(address) % PAGE
        if reach >= len(content) or not file.ops.is_seekable():
            raise
        user.copy_out(UserSlice(address, reach), content[0:reach])
        return reach
    return len(content)


@noinline
def write_at(file: OpenFile, offset: u64, source: UserSlice, wait: bool) -> Fallible[u64]:
    """Write from user memory; returns how many bytes. An error after the first step ends a shorter
    transfer. What has an inode is written under its `write_lock`, which the caller holds.
    """
    done: u64 = 0
    if source.length <= SMALL:
        done = write_steps(file, offset, source, wait, local_array(u8, SMALL))
    else:
        done = write_steps(file, offset, source, wait, local_array(u8, LARGE))
    tell_transfer(file, done, Happening.MODIFY)
    return done


def write_steps(file: OpenFile, offset: u64, source: UserSlice, wait: bool, buffer: MutableSlice[u8]) -> Fallible[u64]:
    """`write_at` through `buffer`."""
    total = source.length
    done: u64 = 0
    while True:
        step = min(u64(len(buffer)), total - done)
        put: u64 = 0
        try:
            if done > 0:
                preemption_point(Freezing.LATER)
            taken = take_part(file, advance(source.address, done), buffer[0:step])
            put = file.ops.write(offset + done, buffer[0:taken], wait)
        except Errno:
            if done == 0:
                raise
            return done
        done += put
        if put < step or done == total:
            return done


def take_part(file: OpenFile, address: UserAddr, content: MutableSlice[u8]) -> Fallible[u64]:
    """Copy what is to be written from a program; for a file with places, only up to a page that is missing. EFAULT."""
    try:
        user.copy_in(content, UserSlice(address, len(content)))
    except EFAULT:
        reach = PAGE - u64(address) % PAGE
        if reach >= len(content) or not file.ops.is_seekable():
            raise
        user.copy_in(content[0:reach], UserSlice(address, reach))
        return reach
    return len(content)


# Transfers at the position of the open file.


@hot
def read_on(file: OpenFile, destination: UserSlice) -> Fallible[u64]:
    """Read from where the open file is, and move it on."""
    ops = file.ops
    if isinstance(ops, PipeReader):
        return ops.pipe.receive_to_user(destination, file.may_wait)
    if isinstance(ops, UnixSocket):
        return read_from_socket(ops, destination, file.may_wait)
    if isinstance(ops, FifoEnd):
        taken = ops.fifo.pipe.receive_to_user(destination, file.may_wait)
        tell_fifo_read(file, taken)
        return taken
    if not file.ops.is_seekable():
        return read_at(file, 0, destination, file.may_wait)
    with file.position_lock:
        done = read_at(file, file.position, destination, file.may_wait)
        file.position += done
    return done


@inline
def write_or_signal(task: Thread, file: OpenFile, source: UserSlice) -> Fallible[u64]:
    """`write_on`, with SIGPIPE for the thread when nobody can read any more (write(2), EPIPE)."""
    ops = file.ops
    if isinstance(ops, UnixSocket):
        return write_to_socket(task, ops, source, file.may_wait)
    try:
        done = write_on(task, file, source)
    except EPIPE:
        send_to_thread(task, u32(Signal.PIPE))
        raise
    if done < source.length:
        signal_if_broken(task, file)
    return done


@hot
def write_on(task: Thread, file: OpenFile, source: UserSlice) -> Fallible[u64]:
    """Write where the open file is, or at the end with O_APPEND, and move it on."""
    ops = file.ops
    if isinstance(ops, PipeWriter):
        return ops.pipe.send_from_user(source, file.may_wait, file.is_direct)
    if isinstance(ops, FifoEnd):
        queued = ops.fifo.pipe.send_from_user(source, file.may_wait, file.is_direct)
        tell_fifo_write(file, queued)
        return queued
    if not file.ops.is_seekable():
        return write_at(file, 0, source, file.may_wait)
    if source.length == 0:
        return 0
    with file.position_lock, write_lock_of(file):
        check_span(file.position, source.length)
        if OpenFlags.APPEND in file.flags:
            file.position = file.ops.attributes().size
        allowed = prepare_write(task, file, file.position, source.length)
        done = write_at(file, file.position, UserSlice(source.address, allowed), file.may_wait)
        file.position += done
    return done


def write_bytes(file: OpenFile, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
    """Write what is in the kernel's memory; with O_DIRECT, a packet to a pipe."""
    return file.ops.write(offset, source, wait) if file.ops.is_seekable() else send(file, source, wait)
