"""Extended attributes of files: setxattr(2), getxattr(2), listxattr(2), removexattr(2) and their families."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Fd,
    MutableSlice,
    Slice,
    UserAddr,
    UserSlice,
    copy,
    deferred,
    local_array,
    u8,
    u32,
    u64,
)
from kernel.base.errno import E2BIG, EBADF, EINVAL, ENAMETOOLONG, ENODATA, EOPNOTSUPP, EPERM, ERANGE
from kernel.files import extended
from kernel.files.attributes import Access
from kernel.files.capability import Capability
from kernel.files.extended import CAPABILITY, NAME_MAX, VALUE_MAX, ExtendedAttributes
from kernel.files.flags import AT_FDCWD, AtFlags, Resolve
from kernel.files.inode import Inode
from kernel.files.mount_kind import has_fixed_names
from kernel.files.read_only import check_changeable
from kernel.files.tree import is_immutable
from kernel.files.watch import Happening, notify
from kernel.machine.clock import wall_time
from kernel.memory import user
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_attributes import may_change
from kernel.syscalls.files_support import find_at, put_bytes

XATTR_CREATE: u32 = 1
XATTR_REPLACE: u32 = 2

USER = b"user."
TRUSTED = b"trusted."
SECURITY = b"security."
CAPABILITY_SIZES = (20, 24)
"""Of the two versions of what file capabilities look like (linux/capability.h)."""

STICKY: u32 = 0o1000


# Whom it is about, and who may.


def inode_of_path(task: Thread, path: UserAddr, how: Resolve) -> Fallible[Inode]:
    """The file that a path names."""
    return find_at(task, AT_FDCWD, path, AtFlags.NONE, how)


def inode_of_file(task: Thread, fd: Fd) -> Fallible[Inode | None]:
    """The file that is open, if it is in a file system."""
    file = task.process.files.get(fd)
    if file.is_path_only:
        raise EBADF
    return file.inode


def carrier(task: Thread, fd: Fd, name: Slice[u8], writes: bool) -> Fallible[Inode]:
    """The file that is open, which has to be able to carry the attribute `name`."""
    inode = inode_of_file(task, fd)
    if inode is None:
        if begins_with(name, USER):
            refuse(writes)
        raise EOPNOTSUPP
    return inode


def take_name(buffer: MutableSlice[u8], name: UserAddr) -> Fallible[MutableSlice[u8]]:
    """Copy a name from user memory; ERANGE if it is empty or too long."""
    length: u64 = 0
    try:
        length = user.copy_in_string(buffer, name)
    except ENAMETOOLONG:
        raise ERANGE from None
    if length == 0:
        raise ERANGE
    return buffer[0:length]


def begins_with(name: Slice[u8], prefix: Slice[u8]) -> bool:
    """Whether a name is of the kind that the prefix says."""
    return len(name) >= len(prefix) and name[: len(prefix)] == prefix


def check_right(task: Thread, inode: Inode, name: Slice[u8], writes: bool) -> Fallible[None]:
    """The checks of xattr_permission(), and EOPNOTSUPP for kinds of names that there are not (xattr(7))."""
    is_root = task.process.credentials.has(Capability.SYS_ADMIN)
    about = inode.described
    if writes and is_immutable(inode):
        raise EPERM
    if begins_with(name, TRUSTED):
        if not is_root:
            refuse(writes)
    elif begins_with(name, USER):
        if not about.is_regular and not about.is_directory:
            refuse(writes)
        if writes and about.is_directory and about.permissions & STICKY != 0 and not may_change(task, inode):
            raise EPERM
        inode.check(task.process.credentials, Access.WRITE if writes else Access.READ)
    elif not begins_with(name, SECURITY):
        if len(name) < 7 or name[:7] != b"system.":
            inode.check(task.process.credentials, Access.WRITE if writes else Access.READ)
        raise EOPNOTSUPP
    elif writes and not is_root:
        raise EPERM
    if has_fixed_names(inode.fs.kind):
        raise EOPNOTSUPP
    if name == USER or name == TRUSTED or name == SECURITY:
        raise EINVAL


def refuse(writes: bool) -> Fallible[None]:
    """EPERM to change what one may not see, ENODATA to see it."""
    if writes:
        raise EPERM
    raise ENODATA


# Setting and removing.


@syscall(188, missing="access control lists (EOPNOTSUPP)")
def setxattr(task: Thread, path: UserAddr, name: UserAddr, value: UserAddr, size: u64, flags: u32) -> Fallible[None]:
    """setxattr(2)."""
    set_by_path(task, path, name, UserSlice(value, size), flags, Resolve.FOLLOW)


@syscall(189, missing="access control lists (EOPNOTSUPP)")
def lsetxattr(task: Thread, path: UserAddr, name: UserAddr, value: UserAddr, size: u64, flags: u32) -> Fallible[None]:
    """lsetxattr(2)."""
    set_by_path(task, path, name, UserSlice(value, size), flags, Resolve.NONE)


@syscall(190, missing="access control lists (EOPNOTSUPP)")
def fsetxattr(task: Thread, fd: Fd, name: UserAddr, value: UserAddr, size: u64, flags: u32) -> Fallible[None]:
    """fsetxattr(2)."""
    buffer = local_array(u8, NAME_MAX + 1)
    text = checked_set(buffer, name, size, flags)
    heap = task.process.container.account.heap
    content = heap.allocate_bytes(max(size, 1))
    with deferred(heap.free_bytes, content):
        user.copy_in(content[0:size], UserSlice(value, size))
        set_on(task, carrier(task, fd, text, True), text, content[0:size], flags)


def set_by_path(
    task: Thread, path: UserAddr, name: UserAddr, value: UserSlice, flags: u32, how: Resolve
) -> Fallible[None]:
    """Set an attribute of what `path` names; the value is fetched first."""
    buffer = local_array(u8, NAME_MAX + 1)
    text = checked_set(buffer, name, value.length, flags)
    heap = task.process.container.account.heap
    content = heap.allocate_bytes(max(value.length, 1))
    with deferred(heap.free_bytes, content):
        user.copy_in(content[0 : value.length], value)
        set_on(task, inode_of_path(task, path, how), text, content[0 : value.length], flags)


def checked_set(buffer: MutableSlice[u8], name: UserAddr, size: u64, flags: u32) -> Fallible[MutableSlice[u8]]:
    """The name; EINVAL, ERANGE, E2BIG (setxattr_copy() of Linux)."""
    if flags & (XATTR_CREATE | XATTR_REPLACE) != flags:
        raise EINVAL
    text = take_name(buffer, name)
    if size > VALUE_MAX:
        raise E2BIG
    return text


def set_on(task: Thread, inode: Inode, name: Slice[u8], value: Slice[u8], flags: u32) -> Fallible[None]:
    """Set an attribute of `inode`."""
    check_changeable(inode)
    check_right(task, inode, name, True)
    if name == CAPABILITY and len(value) != CAPABILITY_SIZES[0] and len(value) != CAPABILITY_SIZES[1]:
        raise EINVAL
    extended.put(inode, name, value, flags & XATTR_REPLACE == 0, flags & XATTR_CREATE == 0)
    inode.described.changed.set(wall_time())
    notify(inode, Happening.ATTRIBUTES)


@syscall(197)
def removexattr(task: Thread, path: UserAddr, name: UserAddr) -> Fallible[None]:
    """removexattr(2)."""
    remove_by_path(task, path, name, Resolve.FOLLOW)


@syscall(198)
def lremovexattr(task: Thread, path: UserAddr, name: UserAddr) -> Fallible[None]:
    """lremovexattr(2)."""
    remove_by_path(task, path, name, Resolve.NONE)


@syscall(199)
def fremovexattr(task: Thread, fd: Fd, name: UserAddr) -> Fallible[None]:
    """fremovexattr(2)."""
    text = take_name(local_array(u8, NAME_MAX + 1), name)
    remove_from(task, carrier(task, fd, text, True), text)


def remove_by_path(task: Thread, path: UserAddr, name: UserAddr, how: Resolve) -> Fallible[None]:
    """Remove an attribute of what `path` names."""
    text = take_name(local_array(u8, NAME_MAX + 1), name)
    remove_from(task, inode_of_path(task, path, how), text)


def remove_from(task: Thread, inode: Inode, name: Slice[u8]) -> Fallible[None]:
    """Remove an attribute of `inode`."""
    check_changeable(inode)
    check_right(task, inode, name, True)
    extended.remove(inode, name)
    inode.described.changed.set(wall_time())
    notify(inode, Happening.ATTRIBUTES)


# Reading.


@syscall(191)
def getxattr(task: Thread, path: UserAddr, name: UserAddr, value: UserAddr, size: u64) -> Fallible[u64]:
    """getxattr(2)."""
    text = take_name(local_array(u8, NAME_MAX + 1), name)
    return get_from(task, inode_of_path(task, path, Resolve.FOLLOW), text, value, size)


@syscall(192)
def lgetxattr(task: Thread, path: UserAddr, name: UserAddr, value: UserAddr, size: u64) -> Fallible[u64]:
    """lgetxattr(2)."""
    text = take_name(local_array(u8, NAME_MAX + 1), name)
    return get_from(task, inode_of_path(task, path, Resolve.NONE), text, value, size)


@syscall(193)
def fgetxattr(task: Thread, fd: Fd, name: UserAddr, value: UserAddr, size: u64) -> Fallible[u64]:
    """fgetxattr(2)."""
    text = take_name(local_array(u8, NAME_MAX + 1), name)
    return get_from(task, carrier(task, fd, text, False), text, value, size)


def get_from(task: Thread, inode: Inode, name: Slice[u8], value: UserAddr, size: u64) -> Fallible[u64]:
    """Tell the value, or with size 0 how long it is. ERANGE.

    What is told is a copy: the attribute may be gone before the program has it.
    """
    check_right(task, inode, name, False)
    found = extended.get(inode, name)
    length = u64(len(found))
    if size == 0 or length == 0:
        return length
    if length > size:
        raise ERANGE
    heap = task.process.container.account.heap
    told = heap.allocate_bytes(length)
    with deferred(heap.free_bytes, told):
        copy(told, found)
        put_bytes(value, told)
    return length


@syscall(194)
def listxattr(task: Thread, path: UserAddr, out: UserAddr, size: u64) -> Fallible[u64]:
    """listxattr(2)."""
    return list_of(task, inode_of_path(task, path, Resolve.FOLLOW), out, size)


@syscall(195)
def llistxattr(task: Thread, path: UserAddr, out: UserAddr, size: u64) -> Fallible[u64]:
    """llistxattr(2)."""
    return list_of(task, inode_of_path(task, path, Resolve.NONE), out, size)


@syscall(196)
def flistxattr(task: Thread, fd: Fd, out: UserAddr, size: u64) -> Fallible[u64]:
    """flistxattr(2)."""
    inode = inode_of_file(task, fd)
    return 0 if inode is None else list_of(task, inode, out, size)


def list_of(task: Thread, inode: Inode, out: UserAddr, size: u64) -> Fallible[u64]:
    """Tell the names, each with a zero byte, or with size 0 how long they are. ERANGE."""
    known = extended.shown_by(inode)
    if known is None:
        return 0
    sees_all = task.process.credentials.has(Capability.SYS_ADMIN)
    total = put_names(known, sees_all, local_array(u8, 0))
    if size == 0 or total == 0:
        return total
    if total > size:
        raise ERANGE
    heap = task.process.container.account.heap
    told = heap.allocate_bytes(total)
    with deferred(heap.free_bytes, told):
        put_names(known, sees_all, told)
        put_bytes(out, told)
    return total


def put_names(known: ExtendedAttributes, sees_all: bool, told: MutableSlice[u8]) -> u64:
    """Write the names that a user may see to `told`, unless that is empty; returns how many bytes they take."""
    total: u64 = 0
    for one in known.all:
        if begins_with(one.name, TRUSTED) and not sees_all:
            continue
        if len(told) > 0:
            copy(told[total : total + one.name_length], one.name)
        total += one.name_length + 1
    return total
