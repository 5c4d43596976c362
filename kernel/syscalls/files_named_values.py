"""Extended attributes (xattr(7)): no file system here keeps any, as /proc of Linux does not.

A listing is therefore empty, and every other call EOPNOTSUPP, after what Linux looks at before it asks the file system:
the name, the value, the path, and, for names of users (xattr_permission()), what kind of file it is.
"""

from __future__ import annotations

from codegen.lang import Fallible, Fd, Slice, UserAddr, local_array, u8, u32, u64
from kernel.base.errno import E2BIG, EBADF, EINVAL, ENAMETOOLONG, ENODATA, EOPNOTSUPP, EPERM, ERANGE
from kernel.files.attributes import Attributes
from kernel.files.flags import AT_FDCWD, AtFlags, Resolve
from kernel.memory import user
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import find_at

NAME_MAX: u64 = 255
VALUE_MAX: u64 = 65536
"""XATTR_NAME_MAX, XATTR_SIZE_MAX (linux/limits.h)."""
SETTING_FLAGS: u32 = 3
"""XATTR_CREATE, XATTR_REPLACE."""
OF_USERS = b"user."
NO_VALUES = "no file system has extended attributes"


def is_name_of_users(name: UserAddr) -> Fallible[bool]:
    """Look at the name of an attribute: whether it is one of those that users give. ERANGE, EFAULT."""
    text = local_array(u8, NAME_MAX + 1)
    try:
        length = user.copy_in_string(text, name)
    except ENAMETOOLONG:
        raise ERANGE from None
    if length == 0:
        raise ERANGE
    return length >= len(OF_USERS) and begins_name_of_users(text[0 : len(OF_USERS)])


def begins_name_of_users(start: Slice[u8]) -> bool:
    """Whether these are the first letters of a name that users give."""
    return start == OF_USERS


def attributes_of(task: Thread, path: UserAddr, how: Resolve) -> Fallible[Attributes]:
    """What is known of the file at `path`."""
    return find_at(task, AT_FDCWD, path, AtFlags.NONE, how).described


def attributes_of_open(task: Thread, fd: Fd) -> Fallible[Attributes]:
    """What is known of an open file. EBADF, with O_PATH too."""
    file = task.process.files.get(fd)
    if file.is_path_only:
        raise EBADF
    return file.ops.attributes()


def refuse_to_tell(about: Attributes, is_of_users: bool) -> Fallible[u64]:
    """getxattr(2) once the file is found."""
    if is_of_users and not (about.is_regular or about.is_directory):
        raise ENODATA
    raise EOPNOTSUPP


def refuse_to_change(about: Attributes, is_of_users: bool) -> Fallible[None]:
    """setxattr(2) and removexattr(2) once the file is found."""
    if is_of_users and not (about.is_regular or about.is_directory):
        raise EPERM
    raise EOPNOTSUPP


def check_setting(name: UserAddr, size: u64, flags: u32) -> Fallible[bool]:
    """What setxattr(2) looks at first. EINVAL, ERANGE, E2BIG."""
    if flags & SETTING_FLAGS != flags:
        raise EINVAL
    is_of_users = is_name_of_users(name)
    if size > VALUE_MAX:
        raise E2BIG
    return is_of_users


@syscall(188, missing=NO_VALUES)
def setxattr(task: Thread, path: UserAddr, name: UserAddr, value: UserAddr, size: u64, flags: u32) -> Fallible[None]:
    """setxattr(2): EOPNOTSUPP."""
    is_of_users = check_setting(name, size, flags)
    refuse_to_change(attributes_of(task, path, Resolve.FOLLOW), is_of_users)


@syscall(189, missing=NO_VALUES)
def lsetxattr(task: Thread, path: UserAddr, name: UserAddr, value: UserAddr, size: u64, flags: u32) -> Fallible[None]:
    """lsetxattr(2): EOPNOTSUPP."""
    is_of_users = check_setting(name, size, flags)
    refuse_to_change(attributes_of(task, path, Resolve.NONE), is_of_users)


@syscall(190, missing=NO_VALUES)
def fsetxattr(task: Thread, fd: Fd, name: UserAddr, value: UserAddr, size: u64, flags: u32) -> Fallible[None]:
    """fsetxattr(2): EOPNOTSUPP."""
    is_of_users = check_setting(name, size, flags)
    refuse_to_change(attributes_of_open(task, fd), is_of_users)


@syscall(191, missing=NO_VALUES)
def getxattr(task: Thread, path: UserAddr, name: UserAddr, value: UserAddr, size: u64) -> Fallible[u64]:
    """getxattr(2): EOPNOTSUPP."""
    is_of_users = is_name_of_users(name)
    return refuse_to_tell(attributes_of(task, path, Resolve.FOLLOW), is_of_users)


@syscall(192, missing=NO_VALUES)
def lgetxattr(task: Thread, path: UserAddr, name: UserAddr, value: UserAddr, size: u64) -> Fallible[u64]:
    """lgetxattr(2): EOPNOTSUPP."""
    is_of_users = is_name_of_users(name)
    return refuse_to_tell(attributes_of(task, path, Resolve.NONE), is_of_users)


@syscall(193, missing=NO_VALUES)
def fgetxattr(task: Thread, fd: Fd, name: UserAddr, value: UserAddr, size: u64) -> Fallible[u64]:
    """fgetxattr(2): EOPNOTSUPP."""
    is_of_users = is_name_of_users(name)
    return refuse_to_tell(attributes_of_open(task, fd), is_of_users)


@syscall(194)
def listxattr(task: Thread, path: UserAddr, list: UserAddr, size: u64) -> Fallible[u64]:
    """listxattr(2): nothing."""
    attributes_of(task, path, Resolve.FOLLOW)
    return 0


@syscall(195)
def llistxattr(task: Thread, path: UserAddr, list: UserAddr, size: u64) -> Fallible[u64]:
    """llistxattr(2): nothing."""
    attributes_of(task, path, Resolve.NONE)
    return 0


@syscall(196)
def flistxattr(task: Thread, fd: Fd, list: UserAddr, size: u64) -> Fallible[u64]:
    """flistxattr(2): nothing."""
    attributes_of_open(task, fd)
    return 0


@syscall(197, missing=NO_VALUES)
def removexattr(task: Thread, path: UserAddr, name: UserAddr) -> Fallible[None]:
    """removexattr(2): EOPNOTSUPP."""
    is_of_users = is_name_of_users(name)
    refuse_to_change(attributes_of(task, path, Resolve.FOLLOW), is_of_users)


@syscall(198, missing=NO_VALUES)
def lremovexattr(task: Thread, path: UserAddr, name: UserAddr) -> Fallible[None]:
    """lremovexattr(2): EOPNOTSUPP."""
    is_of_users = is_name_of_users(name)
    refuse_to_change(attributes_of(task, path, Resolve.NONE), is_of_users)


@syscall(199, missing=NO_VALUES)
def fremovexattr(task: Thread, fd: Fd, name: UserAddr) -> Fallible[None]:
    """fremovexattr(2): EOPNOTSUPP."""
    is_of_users = is_name_of_users(name)
    refuse_to_change(attributes_of_open(task, fd), is_of_users)
