"""Transfers between open files and a buffer: what read(2), write(2) and their families share.

Interface: `read_on` and `write_on` at the position of the open file, `read_at` and `write_at` at an offset. Writing
includes what comes before it (limits, the loss of privileges) and SIGPIPE.
"""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, UserSlice, hot, inline, local, u32, u64
from kernel.base.errno import EFAULT, EFBIG, EINVAL, EPIPE
from kernel.files.content import SIZE_MAX
from kernel.files.file import OpenFile
from kernel.files.flags import OpenFlags
from kernel.files.locks import described_by
from kernel.files.privileges import remove_privileges
from kernel.files.timestamp import Timestamp
from kernel.files.watch import Happening, notify
from kernel.machine.layout import USER_END
from kernel.memory.buffer import COUNT_MAX, Buffer
from kernel.process.send import send_to_thread
from kernel.process.signal_table import Signal
from kernel.sched.mutex import Mutex
from kernel.sched.thread import Thread
from kernel.syscalls.file_limit import within_limit
from kernel.syscalls.files_support import HIGHEST_OFFSET

# What is asked for.


@inline
def checked_range(address: UserAddr, count: u64) -> Fallible[UserSlice]:
    """The memory of a transfer, which is cut off at COUNT_MAX. EFAULT when not all of it can be a program's."""
    if count > USER_END or u64(address) > USER_END - count:
        raise EFAULT
    return UserSlice(address, min(count, COUNT_MAX))


@inline
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


@inline
def write_lock_of(file: OpenFile) -> Mutex:
    """What a write to a file that has places holds."""
    inode = file.inode
    assert inode is not None, "what has places has an inode"
    return inode.write_lock


# What is told.


@inline
def tell_transfer(file: OpenFile, done: u64, what: Happening) -> None:
    """Let those that watch the file know that it was read or written."""
    inode = file.inode
    if inode is not None and done > 0:
        notify(inode, what)


def signal_if_broken(task: Thread, file: OpenFile, done: u64) -> None:
    """SIGPIPE for a write that ended early after `done` bytes, if that is as nobody reads any more."""
    if file.ops.is_broken(done):
        send_to_thread(task, u32(Signal.PIPE))


# Reading.


@hot
def read_at(file: OpenFile, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
    """Read at `offset`, which streams ignore; returns how many bytes."""
    check_span(offset, buffer.left)
    if OpenFlags.NO_ACCESS_TIME in file.flags:
        done = read_unnoticed(file, offset, buffer, wait)
    else:
        done = file.ops.read(offset, buffer, wait)
    tell_transfer(file, done, Happening.ACCESS)
    return done


def read_unnoticed(file: OpenFile, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
    """Read with O_NOATIME: that is no access."""
    accessed = described_by(file).accessed
    before = local(Timestamp)
    before.copy_from(accessed)
    done = file.ops.read(offset, buffer, wait)
    accessed.copy_from(before)
    return done


@inline
def read_on(file: OpenFile, buffer: Buffer, wait: bool) -> Fallible[u64]:
    """Read from where the open file is, and move it on."""
    if not file.has_position:
        return read_at(file, 0, buffer, wait)
    with file.position_lock:
        done = read_at(file, file.position, buffer, wait)
        file.position += done
    return done


# Writing.


@inline
def write_on(task: Thread, file: OpenFile, buffer: Buffer, appends: bool, wait: bool) -> Fallible[u64]:
    """Write where the open file is, or at its end with `appends`, and move it on."""
    if not file.has_position:
        return write_stream(task, file, buffer, wait)
    if buffer.left == 0:
        return 0
    with file.position_lock, write_lock_of(file):
        check_span(file.position, buffer.left)
        start = file.ops.attributes().size if appends else file.position
        done = write_locked(task, file, start, buffer, wait)
        file.position = start + done
    return done


def write_at(task: Thread, file: OpenFile, offset: u64, buffer: Buffer, appends: bool, wait: bool) -> Fallible[u64]:
    """Write at `offset`, or at the end of the file with `appends`; returns how many bytes."""
    if not file.has_position:
        return write_stream(task, file, buffer, wait)
    if buffer.left == 0:
        return 0
    check_span(offset, buffer.left)
    with write_lock_of(file):
        start = file.ops.attributes().size if appends else offset
        return write_locked(task, file, start, buffer, wait)


@hot
def write_locked(task: Thread, file: OpenFile, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
    """Write at `offset` of what has places; its write lock is held."""
    buffer.limit(prepare_write(task, file, offset, buffer.left))
    done = file.ops.write(offset, buffer, wait)
    tell_transfer(file, done, Happening.MODIFY)
    return done


@inline
def write_stream(task: Thread, file: OpenFile, buffer: Buffer, wait: bool) -> Fallible[u64]:
    """Write to what has no places, with O_DIRECT a packet; SIGPIPE for the thread when nobody reads any more."""
    buffer.is_packet = file.is_direct
    total = buffer.left
    try:
        done = file.ops.write(0, buffer, wait)
    except EPIPE:
        signal_if_broken(task, file, 0)
        raise
    if done < total:
        signal_if_broken(task, file, done)
    tell_transfer(file, done, Happening.MODIFY)
    return done
