"""What files without a name have in common: those of eventfd(2), epoll_create(2), timerfd_create(2), signalfd(2)."""

from __future__ import annotations

from codegen.lang import Fallible, on_error
from kernel.files.attributes import ANONYMOUS_DEVICE, Attributes, Kind
from kernel.files.file import FileOwner, OpenFile, open_file
from kernel.files.flags import OpenFlags
from kernel.files.operations import FileOps


def describe(about: Attributes) -> None:
    """What fstat(2) tells of such a file."""
    about.kind = Kind.REGULAR
    about.file_system = ANONYMOUS_DEVICE
    about.number = 1
    about.permissions = 0o600
    about.links = 1


def open_anonymous(owner: FileOwner, ops: FileOps, nonblocking: bool) -> Fallible[OpenFile]:
    """An open file for `ops`, which is closed if that fails; one reference, the caller's."""
    flags = OpenFlags.READ_WRITE
    if nonblocking:
        flags = flags | OpenFlags.NONBLOCK
    with on_error(ops.closed):
        return open_file(owner, ops, None, flags)
