"""The room that files take, and when it is written: fallocate(2), sync(2), fsync(2), posix_fadvise(2), readahead(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, deferred, i64, u32, u64
from kernel.base.errno import EBADF, EFBIG, EINVAL, EISDIR, ENODEV, EOPNOTSUPP, ESPIPE
from kernel.files.attributes import Kind
from kernel.files.content import PAGE, SIZE_MAX, pages_of
from kernel.files.file import OpenFile
from kernel.files.holes import punch, reserve
from kernel.files.inode import Inode
from kernel.files.locks import described_by
from kernel.files.privileges import remove_privileges
from kernel.files.seals import check_size, check_write
from kernel.files.watch import Happening, notify
from kernel.machine.clock import wall_time
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.file_limit import check_new_size

KEEP_SIZE: u32 = 1
PUNCH_HOLE: u32 = 2
FALLOCATE_MODES: u32 = 0x7D
"""The bits of fallocate(2) that Linux knows, FALLOC_FL_PUNCH_HOLE and _NO_HIDE_STALE excepted (linux/falloc.h)."""

SYNC_RANGE_FLAGS: u32 = 7
ADVICE_MAX: u32 = 5


@syscall(285)
def fallocate(task: Thread, fd: Fd, mode: u32, offset: i64, length: i64) -> Fallible[None]:
    """fallocate(2): mode 0, FALLOC_FL_KEEP_SIZE and FALLOC_FL_PUNCH_HOLE, as tmpfs has them; others EOPNOTSUPP."""
    file = task.process.files.get(fd)
    if file.is_path_only:
        raise EBADF
    if offset < 0 or length <= 0:
        raise EINVAL
    if mode & (FALLOCATE_MODES | PUNCH_HOLE) != mode or (mode & PUNCH_HOLE != 0 and mode != PUNCH_HOLE | KEEP_SIZE):
        raise EOPNOTSUPP
    if not file.is_writable:
        raise EBADF
    inode = spacious(file)
    start = u64(offset)
    if u64(length) > SIZE_MAX or start > SIZE_MAX - u64(length):
        raise EFBIG
    if mode & (KEEP_SIZE | PUNCH_HOLE) != mode:
        raise EOPNOTSUPP
    inode.hold()
    with deferred(inode.drop), inode.write_lock:
        allocate_in(task, inode, mode, start, start + u64(length))


def spacious(file: OpenFile) -> Fallible[Inode]:
    """The regular file that is open: ESPIPE for a pipe, EISDIR, ENODEV for all others (vfs_fallocate()).

    EOPNOTSUPP for what the kernel makes.
    """
    match described_by(file).kind:
        case Kind.FIFO:
            raise ESPIPE
        case Kind.DIRECTORY:
            raise EISDIR
        case _:
            pass
    inode = file.inode
    if inode is not None and inode.made is not None:
        raise EOPNOTSUPP
    if inode is None or inode.content is None:
        raise ENODEV
    return inode


def allocate_in(task: Thread, inode: Inode, mode: u32, start: u64, end: u64) -> Fallible[None]:
    """Make room for the bytes from `start` to `end`, or a hole of them. The write lock is held."""
    content = inode.content
    assert content is not None, "regular files have contents"
    if mode & PUNCH_HOLE != 0:
        check_write(inode, 0)
        remove_privileges(inode, task.process.credentials)
        punch(content, start, end)
    else:
        check_size(inode, max(end, content.size))
        check_new_size(content.size, end)  # with FALLOC_FL_KEEP_SIZE, too: shmem_fallocate()
        remove_privileges(inode, task.process.credentials)
        reserve(content, start // PAGE, pages_of(end))
        if mode & KEEP_SIZE == 0 and end > content.size:
            inode.set_size(end)
    inode.described.touch(wall_time())
    notify(inode, Happening.MODIFY)


@syscall(162)
def sync(task: Thread) -> None:
    """sync(2): everything is in memory, so nothing waits to be written."""


@syscall(74)
def fsync(task: Thread, fd: Fd) -> Fallible[None]:
    """fsync(2)."""
    check_sync(task.process.files.get(fd))


@syscall(75)
def fdatasync(task: Thread, fd: Fd) -> Fallible[None]:
    """fdatasync(2)."""
    check_sync(task.process.files.get(fd))


@syscall(306)
def syncfs(task: Thread, fd: Fd) -> Fallible[None]:
    """syncfs(2)."""
    if task.process.files.get(fd).is_path_only:
        raise EBADF


@syscall(277)
def sync_file_range(task: Thread, fd: Fd, offset: i64, length: i64, flags: u32) -> Fallible[None]:
    """sync_file_range(2)."""
    file = task.process.files.get(fd)
    if file.is_path_only:
        raise EBADF
    if flags & SYNC_RANGE_FLAGS != flags or offset < 0 or length < 0:
        raise EINVAL
    if u64(offset) + u64(length) > 0x7FFF_FFFF_FFFF_FFFF:
        raise EINVAL
    kind = described_by(file).kind
    if kind == Kind.FIFO or kind == Kind.SOCKET or kind == Kind.CHARACTER:
        raise ESPIPE


def check_sync(file: OpenFile) -> Fallible[None]:
    """EINVAL for what has no storage, as fsync(2) says."""
    if file.is_path_only:
        raise EBADF
    inode = file.inode
    if inode is None or inode.made is not None:
        raise EINVAL
    if not inode.described.is_regular and not inode.described.is_directory:
        raise EINVAL


@syscall(221)
def fadvise64(task: Thread, fd: Fd, offset: i64, length: i64, advice: u32) -> Fallible[None]:
    """posix_fadvise(2): no advice changes anything for files in memory."""
    file = task.process.files.get(fd)
    if file.is_path_only:
        raise EBADF
    if file.ops.attributes().kind == Kind.FIFO:
        raise ESPIPE
    if length < 0 or advice > ADVICE_MAX:
        raise EINVAL


@syscall(187)
def readahead(task: Thread, fd: Fd, offset: i64, count: u64) -> Fallible[None]:
    """readahead(2): there is nothing that would have to be read."""
    file = task.process.files.get(fd)
    if file.is_path_only or not file.is_readable:
        raise EBADF
    if not described_by(file).is_regular or file.inode is None:
        raise EINVAL
