"""The flags of open(2) and of the *at() calls, with the numbers that x86-64 Linux gives them (fcntl.h)."""

from __future__ import annotations

from enum import IntFlag

from codegen.lang import hot, i32, u32, width
from kernel.files.attributes import Access

PATH_MAX = 4096
"""The longest path, its final zero byte included (limits.h)."""

NAME_MAX = 255
"""The longest name of one directory entry (limits.h)."""

SYMLINK_MAX = 40
"""How many symbolic links one resolution may follow (path_resolution(7))."""

AT_FDCWD: i32 = -100
"""In place of a directory descriptor: the working directory."""


@width(u32)
class OpenFlags(IntFlag):
    """O_*: how a file is opened, and (NONBLOCK, APPEND) how it is read and written afterwards."""

    NONE = 0
    WRITE_ONLY = 0o1
    READ_WRITE = 0o2
    CREATE = 0o100
    EXCLUSIVE = 0o200
    NO_TERMINAL = 0o400
    TRUNCATE = 0o1000
    APPEND = 0o2000
    NONBLOCK = 0o4000
    DATA_SYNC = 0o10000
    ASYNC = 0o20000
    DIRECT = 0o40000
    LARGE_FILE = 0o100000
    DIRECTORY = 0o200000
    NO_FOLLOW = 0o400000
    NO_ACCESS_TIME = 0o1000000
    CLOSE_ON_EXEC = 0o2000000
    SYNC = 0o4000000
    PATH = 0o10000000
    TEMPORARY = 0o20000000


OPEN_FLAG_BITS: u32 = 0o37777703
"""Every bit that open(2) knows; it ignores the others."""

PATH_FLAG_BITS: u32 = 0o12600000
"""What open(2) heeds beside O_PATH: DIRECTORY, NO_FOLLOW, CLOSE_ON_EXEC."""

PATH_STATUS_BITS: u32 = 0o10600000
"""What F_GETFL tells of a file opened with O_PATH: that, DIRECTORY, NO_FOLLOW."""

STATUS_FLAG_BITS: u32 = 0o35676003
"""What F_GETFL tells of others: the access mode and the flags that last."""

SETTABLE_FLAG_BITS: u32 = 0o1046000
"""What F_SETFL may change: APPEND, NONBLOCK, DIRECT, NO_ACCESS_TIME; and ASYNC of files that can tell."""


@width(u32)
class AtFlags(IntFlag):
    """AT_*: how the *at() calls resolve their path."""

    NONE = 0
    SYMLINK_NO_FOLLOW = 0x100
    EFFECTIVE_ACCESS = 0x200
    """In unlinkat(2) the same bit is AT_REMOVEDIR."""
    SYMLINK_FOLLOW = 0x400
    NO_AUTOMOUNT = 0x800
    EMPTY_PATH = 0x1000


AT_REMOVE_DIRECTORY: u32 = 0x200


@width(u32)
class Resolve(IntFlag):
    """How `path.resolve` treats the last component."""

    NONE = 0
    FOLLOW = 1
    """Follow a symbolic link in the last component (earlier ones are always followed)."""
    DIRECTORY = 2
    """The result has to be a directory."""
    PARENT = 4
    """The last component is to be made or removed: it is never followed."""
    CREATE = 8
    """open(2) with O_CREAT: EISDIR if a slash follows the last component."""


@hot
def readable(flags: OpenFlags) -> bool:
    """Whether a file opened so may be read: O_RDONLY or O_RDWR."""
    return u32(flags) & 3 == 0 or u32(flags) & 3 == 2


@hot
def writable(flags: OpenFlags) -> bool:
    """Whether a file opened so may be written: O_WRONLY or O_RDWR."""
    return u32(flags) & 3 == 1 or u32(flags) & 3 == 2


def lasting(flags: OpenFlags) -> OpenFlags:
    """The flags that an open file keeps."""
    if OpenFlags.PATH in flags:
        return OpenFlags(u32(flags) & PATH_STATUS_BITS)
    return OpenFlags(u32(flags) & STATUS_FLAG_BITS) | OpenFlags.LARGE_FILE


def access_wanted(flags: OpenFlags) -> Access:
    """The permissions that opening so needs on a file that exists."""
    wanted = Access.NONE
    if readable(flags):
        wanted = wanted | Access.READ
    if writable(flags) or OpenFlags.TRUNCATE in flags:
        wanted = wanted | Access.WRITE
    return wanted
