"""fcntl(2) as far as it is about record locks, and flock(2)."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Fd,
    UserAddr,
    UserSlice,
    address_of,
    deferred,
    i16,
    i32,
    i64,
    local,
    size_of,
    slice_at,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EBADF, EINVAL, EIO, ENOLCK, ENOMEM, EOVERFLOW
from kernel.files.file import OpenFile
from kernel.files.locks import LAST_BYTE, FileLock, acquire, conflict_of, described_by, new_lock, own_lock_at, release
from kernel.memory import user
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import put_bytes

F_GETLK = 5
F_SETLK = 6
F_SETLKW = 7
F_OFD_GETLK = 36
F_OFD_SETLK = 37
F_OFD_SETLKW = 38
"""The commands of fcntl(2) (asm-generic/fcntl.h)."""

F_RDLCK: i16 = 0
F_WRLCK: i16 = 1
F_UNLCK: i16 = 2

LOCK_SHARED: u32 = 1
LOCK_EXCLUSIVE: u32 = 2
LOCK_NONBLOCKING: u32 = 4
LOCK_UNLOCK: u32 = 8
LOCK_MANDATORY: u32 = 32
"""The operations of flock(2)."""

OFD_PID: i32 = -1
"""What F_GETLK tells as the owner of a lock that belongs to an open file."""


@struct(size=32)
class RecordLock:
    """`struct flock` (fcntl(2))."""

    type: i16 = 0
    whence: i16 = 0
    start: i64 = 0
    length: i64 = 0
    pid: i32 = 0


def is_about_locks(command: u32) -> bool:
    """Whether `control` does this command of fcntl(2)."""
    return F_GETLK <= command <= F_SETLKW or F_OFD_GETLK <= command <= F_OFD_SETLKW


def control(task: Thread, fd: Fd, command: u32, argument: UserAddr) -> Fallible[None]:
    """One of the commands on `fd`."""
    file = task.process.files.pin(fd)
    with deferred(file.drop):
        wanted = local(RecordLock)
        raw = slice_at(u8, address_of(wanted), size_of(RecordLock))
        user.copy_in(raw, UserSlice(argument, size_of(RecordLock)))
        if command == F_GETLK or command == F_OFD_GETLK:
            tell_conflict(task, file, wanted, command == F_OFD_GETLK)
            put_bytes(argument, raw)
        elif wanted.type == F_UNLCK:
            request = local(FileLock)
            fill_request(task, file, wanted, command != F_SETLK and command != F_SETLKW, request)
            release(request)
        else:
            set_lock(task, fd, file, wanted, command)


def set_lock(task: Thread, fd: Fd, file: OpenFile, wanted: RecordLock, command: u32) -> Fallible[None]:
    """Get a lock, perhaps after waiting for it. EBADF if another thread closed the descriptor meanwhile."""
    is_of_file = command == F_OFD_SETLK or command == F_OFD_SETLKW
    checked = local(FileLock)
    fill_request(task, file, wanted, is_of_file, checked)
    if (checked.is_write and not file.is_writable) or (not checked.is_write and not file.is_readable):
        raise EBADF
    request = new_lock(task.process.container.account)
    fill_request(task, file, wanted, is_of_file, request)
    acquire(request, command == F_SETLKW or command == F_OFD_SETLKW)
    descriptor = task.process.files.find(fd)
    if not is_of_file and (descriptor is None or descriptor.file is not file):
        release(checked)
        raise EBADF


def fill_request(
    task: Thread, file: OpenFile, wanted: RecordLock, is_of_file: bool, request: FileLock
) -> Fallible[None]:
    """What a program asks for, checked. EINVAL, EOVERFLOW (fcntl(2)); EIO for a file that was revoked."""
    if file.is_revoked:
        raise EIO
    request.about = described_by(file)
    request.file = file
    if is_of_file and wanted.pid != 0:
        raise EINVAL
    if not is_of_file:
        request.table = task.process.files
    request.pid = task.process.pid
    if not F_RDLCK <= wanted.type <= F_UNLCK:
        raise EINVAL
    request.is_write = wanted.type == F_WRLCK
    set_range(request, base_of(file, request, wanted.whence), wanted.start, wanted.length)


def base_of(file: OpenFile, request: FileLock, whence: i16) -> Fallible[u64]:
    """What the start is counted from: SEEK_SET, SEEK_CUR or SEEK_END."""
    if whence == 0:
        return 0
    if whence == 1:
        return file.position
    if whence == 2:
        return request.about.size
    raise EINVAL


def set_range(request: FileLock, base: u64, start: i64, length: i64) -> Fallible[None]:
    """The bytes that are asked for, as flock64_to_posix_lock() counts them; length 0 is up to the end."""
    if start > 0 and u64(start) > LAST_BYTE - base:
        raise EOVERFLOW
    first = i64(base) + start
    if first < 0:
        raise EINVAL
    if length < 0:
        if first + length < 0:
            raise EINVAL
        request.first = u64(first + length)
        request.last = u64(first - 1)
        return
    request.first = u64(first)
    request.last = LAST_BYTE
    if length > 0:
        if u64(length - 1) > LAST_BYTE - u64(first):
            raise EOVERFLOW
        request.last = u64(first) + u64(length - 1)


def tell_conflict(task: Thread, file: OpenFile, wanted: RecordLock, is_of_file: bool) -> Fallible[None]:
    """F_GETLK: change `wanted` to the first lock in the way, or to F_UNLCK; that asks F_OFD_GETLK for its own lock."""
    if wanted.type == F_UNLCK and not is_of_file:
        raise EINVAL
    request = local(FileLock)
    fill_request(task, file, wanted, is_of_file, request)
    found = own_lock_at(request) if wanted.type == F_UNLCK else conflict_of(request)
    if found is None:
        wanted.type = F_UNLCK
        return
    wanted.type = i16(F_WRLCK if found.is_write else F_RDLCK)
    wanted.whence = 0
    wanted.start = i64(found.first)
    wanted.length = 0 if found.last == LAST_BYTE else i64(found.last - found.first) + 1
    if found.table is None:
        wanted.pid = OFD_PID
    else:
        # As for processes that the pid namespace of the caller does not show, 0 for those of other containers.
        wanted.pid = i32(found.pid) if found.account is task.process.container.account else 0


@syscall(73)
def flock(task: Thread, fd: Fd, operation: u32) -> Fallible[None]:
    """flock(2)."""
    if operation & LOCK_MANDATORY != 0:
        return  # as Linux has it since the mandatory locks were removed
    kind = operation & (LOCK_NONBLOCKING ^ 0xFFFF_FFFF)
    if kind != LOCK_SHARED and kind != LOCK_EXCLUSIVE and kind != LOCK_UNLOCK:
        raise EINVAL
    file = task.process.files.pin(fd)
    with deferred(file.drop):
        if file.is_path_only:
            raise EBADF
        if file.is_revoked:
            raise EIO
        if kind == LOCK_UNLOCK:
            request = local(FileLock)
            fill_whole(file, False, request)
            release(request)
            return
        try:
            made = new_lock(task.process.container.account)
        except ENOLCK:
            raise ENOMEM from None
        fill_whole(file, kind == LOCK_EXCLUSIVE, made)
        acquire(made, operation & LOCK_NONBLOCKING == 0)


def fill_whole(file: OpenFile, is_write: bool, request: FileLock) -> None:
    """A request of the open file for all of the file."""
    request.about = described_by(file)
    request.file = file
    request.is_whole = True
    request.is_write = is_write
