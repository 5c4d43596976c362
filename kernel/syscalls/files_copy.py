"""Copying between files in the kernel: sendfile(2) and copy_file_range(2)."""

from __future__ import annotations

from codegen.lang import (
    Errno,
    Fallible,
    Fd,
    MutableSlice,
    UserAddr,
    deferred,
    i64,
    local,
    on_error,
    truncate,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EBADF, EINVAL, EISDIR, EOVERFLOW, EPIPE, ESPIPE
from kernel.files.file import OpenFile
from kernel.files.flags import OpenFlags
from kernel.files.locks import described_by
from kernel.files.watch import Happening
from kernel.memory import user
from kernel.memory.buffer import COUNT_MAX, Buffer
from kernel.sched.preemption import Freezing, preemption_point
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import HIGHEST_OFFSET, readable_file, writable_file
from kernel.syscalls.files_transfer import (
    check_span,
    prepare_write,
    signal_if_broken,
    tell_transfer,
    write_lock_of,
)

PIECE: u64 = 4096
"""How much is copied at once."""


def transfer(
    task: Thread, source: OpenFile, source_offset: u64, target: OpenFile, target_offset: u64, count: u64
) -> Fallible[u64]:
    """Copy up to `count` bytes in the kernel; stops short at the end of the source. SIGPIPE as for write(2)."""
    heap = task.process.space.account.heap
    piece = heap.allocate_bytes(PIECE)
    done: u64 = 0
    with deferred(heap.free_bytes, piece):
        if target.has_position:
            with write_lock_of(target):
                allowed = prepare_write(task, target, target_offset, count)
                done = transfer_pieces(source, source_offset, target, target_offset, allowed, piece)
        else:
            try:
                done = transfer_pieces(source, source_offset, target, target_offset, count, piece)
            except EPIPE:
                signal_if_broken(task, target, 0)
                raise
            if done < count:
                signal_if_broken(task, target, done)
    tell_transfer(source, done, Happening.ACCESS)
    tell_transfer(target, done, Happening.MODIFY)
    return done


def transfer_pieces(
    source: OpenFile, source_offset: u64, target: OpenFile, target_offset: u64, count: u64, piece: MutableSlice[u8]
) -> Fallible[u64]:
    """`transfer` through `piece`, under the write lock of a target that has one."""
    done: u64 = 0
    while done < count:
        step = min(PIECE, count - done)
        put: u64 = 0
        try:
            if done > 0:
                preemption_point(Freezing.LATER)
            buffer = local(Buffer)
            buffer.over_kernel(piece[0:step])
            got = source.ops.read(source_offset + done, buffer, source.may_wait and done == 0)
            if got == 0:
                return done
            given = local(Buffer)
            given.over_kernel(piece[0:got])
            given.is_packet = target.is_direct
            put = target.ops.write(target_offset + done, given, target.may_wait)
        except Errno:
            if done == 0:
                raise
            return done
        done += put
        if put < step:
            return done
    return done


@syscall(40)
def sendfile(task: Thread, out: Fd, source: Fd, offset: UserAddr, count: u64) -> Fallible[u64]:
    """sendfile(2): from a file that can be sought to any other one."""
    start: i64 = 0
    if offset != UserAddr(0):
        start = user.get(i64, offset)
    reader = readable_file(task, source)
    with deferred(reader.drop):
        if offset != UserAddr(0) and not reader.ops.is_seekable():
            raise ESPIPE
        if start < 0:
            raise EINVAL
        if count > HIGHEST_OFFSET:
            raise EINVAL
        first = u64(start) if offset != UserAddr(0) else reader.position
        check_span(first, count)
        writer = writable_file(task, out)
        with deferred(writer.drop):
            is_pipe = not writer.ops.is_seekable()
            if (OpenFlags.APPEND in writer.flags and not is_pipe) or described_by(reader).is_directory:
                raise EINVAL
            if not reader.ops.is_seekable():
                raise EINVAL
            target = writer.position
            total = min(count, COUNT_MAX)
            check_span(target, total)
            done = transfer(task, reader, first, writer, target, total)
            task.usage.note_read(done)
            task.usage.note_write(done)
            if writer.ops.is_seekable():
                writer.position = target + done
            finish_offset(reader, offset, first + done)
            return done


@syscall(326)
def copy_file_range(
    task: Thread, source: Fd, source_offset: UserAddr, out: Fd, out_offset: UserAddr, count: u64, flags: u32
) -> Fallible[u64]:
    """copy_file_range(2): between regular files."""
    reader = used_file(task, source)
    with deferred(reader.drop):
        writer = used_file(task, out)
        with deferred(writer.drop):
            first = start_offset(reader, source_offset)
            target = start_offset(writer, out_offset)
            if flags != 0:
                raise EINVAL
            check_copy(reader, writer)
            total = range_of(reader, first, writer, target, count)
            if first < 0 or target < 0:
                raise EINVAL
            done = transfer(task, reader, u64(first), writer, u64(target), total) if total > 0 else 0
            if done > 0:
                finish_offset(reader, source_offset, u64(first) + done)
                finish_offset(writer, out_offset, u64(target) + done)
            task.usage.note_read(done)
            task.usage.note_write(done)
            return done


def range_of(reader: OpenFile, first: i64, writer: OpenFile, target: i64, count: u64) -> Fallible[u64]:
    """How much copy_file_range(2) copies: not beyond the end of the source. EOVERFLOW, EINVAL for an overlap."""
    if is_beyond(first, count) or is_beyond(target, count):
        raise EOVERFLOW
    size = i64(reader.ops.attributes().size)
    total = 0 if first >= size else min(count, u64(size - first) if first >= 0 else count)
    if reader.inode is writer.inode and first >= 0 and target >= 0 and distance_of(first, target) < total:
        raise EINVAL
    return min(total, COUNT_MAX)


def is_beyond(start: i64, count: u64) -> bool:
    """Whether a range has no end that an offset can tell: as an unsigned sum that wraps."""
    return count > 0xFFFF_FFFF_FFFF_FFFF - truncate(u64, start)


def distance_of(one: i64, other: i64) -> u64:
    """How far two offsets, which are not negative, are apart."""
    return u64(one - other) if one >= other else u64(other - one)


def used_file(task: Thread, fd: Fd) -> Fallible[OpenFile]:
    """The open file `fd`, unless it is only a name. The reference is the caller's."""
    file = task.process.files.pin(fd)
    with on_error(file.drop):
        if file.is_path_only:
            raise EBADF
    return file


def check_copy(reader: OpenFile, writer: OpenFile) -> Fallible[None]:
    """The checks of generic_file_rw_checks()."""
    source = reader.ops.attributes()
    target = writer.ops.attributes()
    if source.is_directory or target.is_directory:
        raise EISDIR
    if not source.is_regular or not target.is_regular:
        raise EINVAL
    if not reader.is_readable or not writer.is_writable or OpenFlags.APPEND in writer.flags:
        raise EBADF


def start_offset(file: OpenFile, pointer: UserAddr) -> Fallible[i64]:
    """Where a copy begins in `file`: at the offset that `pointer` gives, else at its position."""
    return i64(file.position) if pointer == UserAddr(0) else user.get(i64, pointer)


def finish_offset(file: OpenFile, pointer: UserAddr, offset: u64) -> Fallible[None]:
    """Tell where a copy ended, in the same place."""
    if pointer == UserAddr(0):
        file.position = offset
    else:
        user.put(u64, pointer, offset)
