"""FileOps: what a kind of file does (open files are in file.py).

Interface: a kind of file is an @struct that derives from `FileOps` and overrides what it does otherwise.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

from codegen.lang import Fallible, Interface, MutableSlice, Slice, UserAddr, i64, u8, u32, u64, width
from kernel.base.errno import EINVAL, ENOTTY
from kernel.files.attributes import Attributes
from kernel.files.pieces import read_in_pieces, write_in_pieces
from kernel.files.poll import observe
from kernel.memory.buffer import Buffer

if TYPE_CHECKING:
    from kernel.base.writer import Writer
    from kernel.files.pipe import Pipe
    from kernel.files.signalled import SignalledFiles


@width(u32)
class Events(IntFlag):
    """POLL*: what a file is ready for (poll(2))."""

    NONE = 0
    INPUT = 0x1
    PRIORITY = 0x2
    OUTPUT = 0x4
    ERROR = 0x8
    HANG_UP = 0x10
    INVALID = 0x20
    READ_NORMAL = 0x40
    READ_BAND = 0x80
    WRITE_NORMAL = 0x100
    WRITE_BAND = 0x200
    READ_HANG_UP = 0x2000


ALWAYS_READY = Events.INPUT | Events.OUTPUT | Events.READ_NORMAL | Events.WRITE_NORMAL
"""What poll(2) says of regular files and of devices that never wait."""

FIONREAD: u32 = 0x541B
"""ioctl: how many bytes can be read (ioctl_tty(2)); every stream knows it."""


class FileOps(Interface):
    """What can be done with an open file.

    A transfer is from `offset` on, which streams ignore, to or from a buffer. `wait` says whether to sleep until
    something can be transferred; without it the answer is EAGAIN. It may be shorter than asked; a read of 0 bytes is
    the end of the file. An error after the first byte ends a shorter transfer.

    Files whose bytes are made, or taken, as a whole only have `read_piece` and `write_piece`, for memory of the kernel.
    """

    def read(self, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
        """Read into `buffer`; returns how many bytes."""
        return read_in_pieces(self, offset, buffer, wait)

    def write(self, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
        """Write from `buffer`; returns how many bytes. Of a file that is seekable, its write lock is held."""
        return write_in_pieces(self, offset, buffer, wait)

    def read_piece(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        """Read into memory of the kernel: EINVAL for files that are not read so."""
        raise EINVAL

    def write_piece(self, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
        """Write from memory of the kernel: EINVAL for files that are not written so."""
        raise EINVAL

    def pipe_behind(self) -> Pipe | None:
        """The pipe that it is an end of, if it is one."""
        return None

    def is_broken(self, done: u64) -> bool:
        """Whether a write that ended early, after `done` bytes, did so as nobody reads any more, and the thread that
        writes is told so by SIGPIPE (write(2)).
        """
        return False

    def attributes(self) -> Attributes: ...

    def is_seekable(self) -> bool:
        """Whether transfers have offsets: not for streams."""
        return False

    def readiness(self) -> Events: ...

    def is_pollable(self) -> bool:
        """Whether somebody may have to wait for it: only then epolls take an interest in it."""
        return True

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        """ioctl(2): ENOTTY for a request that the file does not know."""
        raise ENOTTY

    def title(self) -> Slice[u8]:
        """What /proc/PID/fd calls it, behind `anon_inode:`, if it has no inode."""
        return b"[file]"

    def write_details(self, writer: Writer, start: u64) -> u64:
        """Tell what /proc/PID/fdinfo shows of the file beside its position and flags. A long list is told in pieces:
        this one begins with member `start`; returns with which the next one begins, 0 at the end.
        """
        return 0

    def closed(self) -> None:
        """The last reference to the open file is gone."""
        return

    def revoked(self) -> None:
        """The container that the open file is charged to ends: wake the threads that wait in it (`WaitQueue.end`), and
        be on no list of that container from now on.

        `closed` follows when the last call that is in progress returns; none begins any more.
        """
        return

    def changes(self, events: u32) -> u64:
        """A number that is another one after each event that who asks for `events` is to be told of (EPOLLET).

        Files that keep no count of their own share that of all: an edge may be told of once more than needed.
        """
        return observe()

    def signalled(self) -> SignalledFiles | None:
        """Who is told by a signal that the file is ready; None for files that do not tell so (O_ASYNC)."""
        return None

    def unreachable(self) -> None:
        """The open file has no references any more but those of messages in queues of sockets (net/unix/collect.py)."""
        return
