"""Copying between files in the kernel: sendfile(2) and copy_file_range(2)."""

from __future__ import annotations

from codegen.lang import Errno, Fallible, Fd, UserAddr, deferred, i64, local_array, on_error, u8, u32, u64
from kernel.base.errno import EBADF, EINVAL, EISDIR, ESPIPE
from kernel.files.file import OpenFile
from kernel.files.flags import OpenFlags
from kernel.files.watch import Happening
from kernel.memory import user
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.file_limit import within_limit
from kernel.syscalls.files_io import LARGE, checked_count, tell_transfer
from kernel.syscalls.files_support import readable_file, writable_file


def transfer(
    source: OpenFile, source_offset: u64, destination: OpenFile, destination_offset: u64, count: u64
) -> Fallible[u64]:
    """Copy up to `count` bytes in the kernel; stops short at the end of the source."""
    buffer = local_array(u8, LARGE)
    done: u64 = 0
    allowed = within_limit(destination, destination_offset, count)
    while done < allowed:
        step = min(LARGE, allowed - done)
        put: u64 = 0
        try:
            got = source.ops.read(source_offset + done, buffer[0:step], source.may_wait and done == 0)
            if got == 0:
                return done
            put = destination.ops.write(destination_offset + done, buffer[0:got], destination.may_wait)
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
        if start < 0:
            raise EINVAL
    reader = readable_file(task, source)
    with deferred(reader.drop):
        writer = writable_file(task, out)
        with deferred(writer.drop):
            if OpenFlags.APPEND in writer.flags or reader.ops.attributes().is_directory:
                raise EINVAL
            if not reader.ops.is_seekable():
                if offset != UserAddr(0):
                    raise ESPIPE
                raise EINVAL
            first = u64(start) if offset != UserAddr(0) else reader.position
            done = transfer(reader, first, writer, writer.position, checked_count(count))
            tell_transfer(reader, done, Happening.ACCESS)
            tell_transfer(writer, done, Happening.MODIFY)
            task.usage.note_read(done)
            task.usage.note_write(done)
            if writer.ops.is_seekable():
                writer.position += done
            if offset != UserAddr(0):
                user.put(u64, offset, first + done)
            else:
                reader.position += done
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
            total = checked_count(count)
            if reader.inode is writer.inode and first < target + total and target < first + total:
                raise EINVAL
            done = transfer(reader, first, writer, target, total)
            tell_transfer(reader, done, Happening.ACCESS)
            tell_transfer(writer, done, Happening.MODIFY)
            task.usage.note_read(done)
            task.usage.note_write(done)
            finish_offset(reader, source_offset, first + done)
            finish_offset(writer, out_offset, target + done)
            return done


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


def start_offset(file: OpenFile, pointer: UserAddr) -> Fallible[u64]:
    """Where a copy begins in `file`: at the offset that `pointer` gives, else at its position."""
    if pointer == UserAddr(0):
        return file.position
    offset = user.get(i64, pointer)
    if offset < 0:
        raise EINVAL
    return u64(offset)


def finish_offset(file: OpenFile, pointer: UserAddr, offset: u64) -> Fallible[None]:
    """Tell where a copy ended, in the same place."""
    if pointer == UserAddr(0):
        file.position = offset
    else:
        user.put(u64, pointer, offset)
