"""Notices: an open directory that tells by a signal what happens in it (F_NOTIFY of fcntl(2)).

Interface: `ask` and `take_back`, for an open file and the table that has its descriptor; `tell_notices` for watch.py,
which tells inotify(7), too; `end_notices` when a descriptor is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntFlag
from typing import TYPE_CHECKING

from codegen.lang import Fallible, struct, u32, u64, uninitialised, width
from kernel.base.errno import EIO, ENOMEM
from kernel.files.route import Band
from kernel.memory.heap import free

if TYPE_CHECKING:
    from kernel.files.file import OpenFile
    from kernel.files.inode import Inode
    from kernel.files.table import FileTable


@width(u32)
class NoticeFlags(IntFlag):
    """DN_*."""

    NONE = 0
    ACCESS = 0x1
    MODIFY = 0x2
    CREATE = 0x4
    DELETE = 0x8
    RENAME = 0x10
    ATTRIBUTES = 0x20
    MANY_TIMES = 0x8000_0000
    """Not only the first time (DN_MULTISHOT)."""


ALL_NOTICES: u32 = 0x3F
NOTICES_MAX: u32 = 64
"""How many a directory may have: each event looks at all."""
IN_ACCESS: u32 = 0x1
IN_MODIFY: u32 = 0x2
IN_ATTRIBUTES: u32 = 0x4
IN_MOVED_FROM: u32 = 0x40
IN_MOVED_TO: u32 = 0x80
IN_CREATE: u32 = 0x100
IN_DELETE: u32 = 0x200
"""What inotify(7) calls the same."""


@struct
class Watching:
    """How many watches and notices there are, so that nobody looks for some when there is none; and the last cookie."""

    count: u64 = 0
    cookie: u32 = 0


WATCHING = Watching()


@struct
class Notice:
    """What one table wants to know of one open directory, on the chain of its inode."""

    file: OpenFile = uninitialised()
    table: FileTable = uninitialised()
    fd: u32 = 0
    wanted: NoticeFlags = NoticeFlags.NONE
    next: Notice | None = None


def notices_on(inode: Inode) -> Iterator[Notice]:
    """The notices of a directory; the one at hand may end meanwhile."""
    notice = inode.notices
    while notice is not None:
        following = notice.next
        yield notice
        notice = following


def notice_of(inode: Inode, file: OpenFile, table: FileTable) -> Notice | None:
    """What `table` wants to know of `file`."""
    for notice in notices_on(inode):
        if notice.file is file and notice.table is table:
            return notice
    return None


def ask(inode: Inode, file: OpenFile, table: FileTable, fd: u32, wanted: NoticeFlags) -> Fallible[None]:
    """F_NOTIFY: want to know of more. ENOMEM."""
    notice = notice_of(inode, file, table)
    if notice is None:
        owner = file.owner
        if owner is None:
            raise EIO
        if inode.notice_count == NOTICES_MAX:
            raise ENOMEM
        notice = owner.account.heap.new(Notice)
        notice.file = file
        notice.table = table
        notice.next = inode.notices
        inode.notices = notice
        inode.notice_count += 1
        WATCHING.count += 1
    notice.fd = fd
    notice.wanted = notice.wanted | wanted


def take_back(inode: Inode, file: OpenFile, table: FileTable) -> None:
    """F_NOTIFY with nothing to know, or the table closes a descriptor of `file`."""
    if inode.notices is not None:
        notice = notice_of(inode, file, table)
        if notice is not None:
            drop(inode, notice)


def end_notices(inode: Inode, file: OpenFile) -> None:
    """The open file ends."""
    for notice in notices_on(inode):
        if notice.file is file:
            drop(inode, notice)


def drop(inode: Inode, notice: Notice) -> None:
    """Take a notice off the chain, and free it."""
    if inode.notices is notice:
        inode.notices = notice.next
    else:
        for other in notices_on(inode):
            if other.next is notice:
                other.next = notice.next
    inode.notice_count -= 1
    WATCHING.count -= 1
    free(notice)


def tell_notices(inode: Inode, what: NoticeFlags) -> None:
    """Something happened in a directory, or to it."""
    for notice in notices_on(inode):
        if u32(notice.wanted) & u32(what) == 0:
            continue
        route = notice.file.route
        fd = notice.fd
        if NoticeFlags.MANY_TIMES not in notice.wanted:
            drop(inode, notice)
        if route is not None:
            route.tell_of(fd, Band.MESSAGE)


def happened(event: u32) -> NoticeFlags:
    """What an event of inotify(7) is called here."""
    told = NoticeFlags(event & (IN_ACCESS | IN_MODIFY))
    if event & IN_ATTRIBUTES != 0:
        told = told | NoticeFlags.ATTRIBUTES
    if event & (IN_CREATE | IN_MOVED_TO) != 0:
        told = told | NoticeFlags.CREATE
    if event & (IN_DELETE | IN_MOVED_FROM) != 0:
        told = told | NoticeFlags.DELETE
    return told
