"""Names: making, removing, renaming and linking files, symbolic links, and the directories a process is in."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, UserAddr, deferred, i32, local, u8, u32, u64
from kernel.base.errno import EINVAL, ENOENT, ENOTDIR, EPERM, ERANGE
from kernel.files import renaming, tree
from kernel.files.attributes import PERMISSION_BITS, Access, Kind
from kernel.files.capability import Capability
from kernel.files.flags import AT_FDCWD, AT_REMOVE_DIRECTORY, PATH_MAX, AtFlags, Resolve
from kernel.files.inode import Inode
from kernel.files.names import path_of
from kernel.files.path import Lookup
from kernel.files.path_buffer import PATH_BUFFERS
from kernel.memory import user
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import (
    SecondPath,
    checked_flags,
    find_at,
    put_bytes,
    take_path,
    walk_at,
    walk_from,
)

RENAME_NOREPLACE: u32 = 1
RENAME_EXCHANGE: u32 = 2
"""The flags of renameat2(2)."""

KIND_SHIFT = 12


@syscall(83)
def mkdir(task: Thread, path: UserAddr, mode: u32) -> Fallible[None]:
    """mkdir(2)."""
    make_node(task, AT_FDCWD, path, Kind.DIRECTORY, mode)


@syscall(258)
def mkdirat(task: Thread, directory: i32, path: UserAddr, mode: u32) -> Fallible[None]:
    """mkdirat(2)."""
    make_node(task, directory, path, Kind.DIRECTORY, mode)


def make_node(task: Thread, directory: i32, path: UserAddr, kind: Kind, mode: u32) -> Fallible[None]:
    """Make an inode whose permissions are `mode` without the bits of the umask."""
    lookup = local(Lookup)
    walk_at(task, lookup, directory, path, Resolve.PARENT)
    settable: u32 = 0o1777 if kind == Kind.DIRECTORY else PERMISSION_BITS
    inode = tree.create(lookup, kind, mode & settable & (task.process.umask ^ PERMISSION_BITS))
    inode.drop()


@syscall(133)
def mknod(task: Thread, path: UserAddr, mode: u32, device: u32) -> Fallible[None]:
    """mknod(2)."""
    make_file(task, AT_FDCWD, path, mode, device)


@syscall(259)
def mknodat(task: Thread, directory: i32, path: UserAddr, mode: u32, device: u32) -> Fallible[None]:
    """mknodat(2)."""
    make_file(task, directory, path, mode, device)


def make_file(task: Thread, directory: i32, path: UserAddr, mode: u32, device: u32) -> Fallible[None]:
    """Make what mknod(2) asks for: EINVAL for a kind that there is not, EPERM for a directory.

    A device that /dev has not can have a name as well; to open it is ENXIO. The one with number 0, which overlayfs
    uses to mean that a name is gone, everybody may make; others need CAP_MKNOD (EPERM).
    """
    kind = kind_of_node(mode)
    lookup = local(Lookup)
    walk_at(task, lookup, directory, path, Resolve.PARENT)
    is_device = kind == Kind.CHARACTER or kind == Kind.BLOCK
    may_make = task.process.credentials.has(Capability.MKNOD)
    if is_device and not may_make and (kind == Kind.BLOCK or device != 0):
        tree.check_create(lookup, kind)
        raise EPERM
    inode = tree.create(lookup, kind, mode & PERMISSION_BITS & (task.process.umask ^ PERMISSION_BITS))
    if is_device:
        inode.described.device = u64(device)
    inode.drop()


def kind_of_node(mode: u32) -> Fallible[Kind]:
    """What a mode asks mknod(2) for."""
    kind = mode >> KIND_SHIFT
    if kind == 0 or kind == u32(Kind.REGULAR):
        return Kind.REGULAR
    if kind == u32(Kind.DIRECTORY):
        raise EPERM
    if kind == u32(Kind.FIFO) or kind == u32(Kind.SOCKET) or kind == u32(Kind.CHARACTER) or kind == u32(Kind.BLOCK):
        return Kind(kind)
    raise EINVAL


@syscall(84)
def rmdir(task: Thread, path: UserAddr) -> Fallible[None]:
    """rmdir(2)."""
    remove(task, AT_FDCWD, path, True)


@syscall(87)
def unlink(task: Thread, path: UserAddr) -> Fallible[None]:
    """unlink(2)."""
    remove(task, AT_FDCWD, path, False)


@syscall(263)
def unlinkat(task: Thread, directory: i32, path: UserAddr, flags: u32) -> Fallible[None]:
    """unlinkat(2)."""
    if flags & AT_REMOVE_DIRECTORY != flags:
        raise EINVAL
    remove(task, directory, path, flags != 0)


def remove(task: Thread, directory: i32, path: UserAddr, is_directory: bool) -> Fallible[None]:
    """Remove one name."""
    lookup = local(Lookup)
    walk_at(task, lookup, directory, path, Resolve.PARENT)
    if is_directory:
        tree.remove_directory(lookup)
    else:
        tree.unlink(lookup)


@syscall(82)
def rename(task: Thread, old: UserAddr, new: UserAddr) -> Fallible[None]:
    """rename(2)."""
    rename_at(task, AT_FDCWD, old, AT_FDCWD, new, 0)


@syscall(264)
def renameat(task: Thread, old_directory: i32, old: UserAddr, new_directory: i32, new: UserAddr) -> Fallible[None]:
    """renameat(2)."""
    rename_at(task, old_directory, old, new_directory, new, 0)


@syscall(316, missing="RENAME_WHITEOUT (EINVAL)")
def renameat2(
    task: Thread, old_directory: i32, old: UserAddr, new_directory: i32, new: UserAddr, flags: u32
) -> Fallible[None]:
    """renameat2(2)."""
    if flags > RENAME_EXCHANGE:
        raise EINVAL
    rename_at(task, old_directory, old, new_directory, new, flags)


def rename_at(
    task: Thread, old_directory: i32, old: UserAddr, new_directory: i32, new: UserAddr, flags: u32
) -> Fallible[None]:
    """Walk both paths, then rename. Nothing sleeps from the first walk on."""
    source = local(Lookup)
    target = local(Lookup)
    heap = task.process.container.account.heap
    text = heap.allocate_bytes(PATH_MAX)
    buffer = PATH_BUFFERS.take()
    with deferred(heap.free_bytes, text), deferred(PATH_BUFFERS.give_back, buffer):
        take_path(old, buffer)
        second = local(SecondPath)
        second.take(new, text)
        walk_from(task, source, old_directory, buffer, Resolve.PARENT)
        second.put_in(buffer)
        walk_from(task, target, new_directory, buffer, Resolve.PARENT)
        if flags == RENAME_EXCHANGE:
            renaming.exchange(source, target)
        else:
            renaming.rename(source, target, flags != RENAME_NOREPLACE)


@syscall(86)
def link(task: Thread, old: UserAddr, new: UserAddr) -> Fallible[None]:
    """link(2)."""
    linkat(task, AT_FDCWD, old, AT_FDCWD, new, 0)


@syscall(265)
def linkat(
    task: Thread, old_directory: i32, old: UserAddr, new_directory: i32, new: UserAddr, flags: u32
) -> Fallible[None]:
    """linkat(2)."""
    known = checked_flags(flags, u32(AtFlags.SYMLINK_FOLLOW | AtFlags.EMPTY_PATH))
    how = Resolve.FOLLOW if AtFlags.SYMLINK_FOLLOW in known else Resolve.NONE
    lookup = local(Lookup)
    heap = task.process.container.account.heap
    text = heap.allocate_bytes(PATH_MAX)
    buffer = PATH_BUFFERS.take()
    with deferred(heap.free_bytes, text), deferred(PATH_BUFFERS.give_back, buffer):
        length = take_path(old, buffer)
        second = local(SecondPath)
        second.take(new, text)
        if length == 0 and AtFlags.EMPTY_PATH in known:
            inode = opened(task, old_directory)
        else:
            walk_from(task, lookup, old_directory, buffer, how)
            inode = lookup.inode
            if inode is None:
                raise ENOENT
        second.put_in(buffer)
        walk_from(task, lookup, new_directory, buffer, Resolve.PARENT)
        tree.make_link(lookup, inode)


def opened(task: Thread, directory: i32) -> Fallible[Inode | None]:
    """What linkat(2) is to give a name by AT_EMPTY_PATH, lent; None for what is open and in no file system."""
    if directory == AT_FDCWD:
        return task.process.directory
    return task.process.files.get(Fd(directory)).inode


@syscall(88)
def symlink(task: Thread, target: UserAddr, path: UserAddr) -> Fallible[None]:
    """symlink(2)."""
    symlinkat(task, target, AT_FDCWD, path)


@syscall(266)
def symlinkat(task: Thread, target: UserAddr, directory: i32, path: UserAddr) -> Fallible[None]:
    """symlinkat(2)."""
    heap = task.process.container.account.heap
    text = heap.allocate_bytes(PATH_MAX)
    with deferred(heap.free_bytes, text):
        length = user.copy_in_string(text, target)
        if length == 0:
            raise ENOENT
        lookup = local(Lookup)
        walk_at(task, lookup, directory, path, Resolve.PARENT)
        tree.make_symlink(lookup, text[0:length])


@syscall(89)
def readlink(task: Thread, path: UserAddr, buffer: UserAddr, size: i32) -> Fallible[u64]:
    """readlink(2)."""
    return readlinkat(task, AT_FDCWD, path, buffer, size)


@syscall(267)
def readlinkat(task: Thread, directory: i32, path: UserAddr, buffer: UserAddr, size: i32) -> Fallible[u64]:
    """readlinkat(2)."""
    if size <= 0:
        raise EINVAL
    inode = find_at(task, directory, path, AtFlags.EMPTY_PATH, Resolve.NONE)
    if not inode.described.is_symlink:
        if user.get(u8, path) == 0:
            raise ENOENT
        raise EINVAL
    inode.hold()
    target = PATH_BUFFERS.take()
    with deferred(inode.drop), deferred(PATH_BUFFERS.give_back, target):
        length = min(inode.read_target(target.text[:]), u64(size))
        put_bytes(buffer, target.text[0:length])
        return length


# The directories of a process.


@syscall(79)
def getcwd(task: Thread, buffer: UserAddr, size: u64) -> Fallible[u64]:
    """getcwd(2): the length includes the final zero byte, as the call (not the library) has it."""
    path = PATH_BUFFERS.take()
    with deferred(PATH_BUFFERS.give_back, path):
        length = path_of(task.process.directory, task.process.root, path.text[0 : PATH_MAX - 1]) + 1
        path.text[length - 1] = 0
        if length > size:
            raise ERANGE
        put_bytes(buffer, path.text[0:length])
        return length


@syscall(80)
def chdir(task: Thread, path: UserAddr) -> Fallible[None]:
    """chdir(2)."""
    inode = find_at(task, AT_FDCWD, path, AtFlags.NONE, Resolve.FOLLOW | Resolve.DIRECTORY)
    enter(task, inode)


@syscall(81)
def fchdir(task: Thread, fd: Fd) -> Fallible[None]:
    """fchdir(2)."""
    inode = task.process.files.get(fd).inode
    if inode is None or not inode.described.is_directory:
        raise ENOTDIR
    enter(task, inode)


def enter(task: Thread, inode: Inode) -> Fallible[None]:
    """Make a directory the working directory, if it may be searched."""
    inode.check(task.process.credentials, Access.EXECUTE)
    inode.hold()
    task.process.paths.change_directory(inode)


@syscall(161)
def chroot(task: Thread, path: UserAddr) -> Fallible[None]:
    """chroot(2)."""
    inode = find_at(task, AT_FDCWD, path, AtFlags.NONE, Resolve.FOLLOW | Resolve.DIRECTORY)
    inode.check(task.process.credentials, Access.EXECUTE)
    if not task.process.credentials.has(Capability.SYS_CHROOT):
        raise EPERM
    inode.hold()
    task.process.paths.change_root(inode)


@syscall(95)
def umask(task: Thread, mask: u32) -> u32:
    """umask(2)."""
    old = task.process.umask
    task.process.paths.umask = mask & 0o777
    return old
