"""Open files: what a descriptor refers to (open(2): "open file description").

Interface: `open_file` makes an `OpenFile` with one reference, the caller's; `hold` and `drop` count; the last
`drop` closes it. What the file does is decided by its `FileOps`.

Invariants
- Every open file is charged to one `FileOwner` (a container) and on its list. A container that is destroyed revokes
  what is on its list: descriptors that others hold then refer to `DEAD_FILE`, which answers EIO.
- `holders` are the descriptor slots that refer to the file; each counts as one reference. The other
  references belong to system calls in progress.
- An open file, its `ops` and its inode live until the last reference is dropped, whatever is destroyed meanwhile
  (README.md, "Life and death").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import (
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    comptime,
    i64,
    inline,
    must_use,
    noinline,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EIO
from kernel.base.list import Link, List
from kernel.files.attributes import Attributes, Kind
from kernel.files.flags import OpenFlags, readable, writable
from kernel.files.lease import end_leases
from kernel.files.locks import release_of_file
from kernel.files.notice import end_notices
from kernel.files.operations import Events, FileOps
from kernel.files.poll import ALL_SOURCES, OTHERS, readiness_changed
from kernel.files.user_counts import Users
from kernel.files.watch import Happening, notify
from kernel.memory.heap import free
from kernel.sched.mutex import Mutex

if TYPE_CHECKING:
    from kernel.files.epoll import Interest
    from kernel.files.inode import Inode
    from kernel.files.route import SignalRoute
    from kernel.files.signalled import SignalledFiles
    from kernel.memory.account import Account


@struct
class Descriptor:
    """One entry of a file table. Free when `file` is None."""

    file: OpenFile | None = None
    close_on_exec: bool = False
    holder_link: Link[Descriptor] = inline()


@struct
class OpenFile:
    """One opening of a file: what all descriptors that were duplicated from it share."""

    ops: FileOps = uninitialised()
    inode: Inode | None = None
    flags: OpenFlags = OpenFlags.NONE
    position: u64 = 0
    position_lock: Mutex = inline()
    """Held by a transfer at `position`, which others may come between (f_pos_lock of Linux)."""
    references: u64 = 0
    in_flight: u64 = 0
    """How many of these are messages in queues of sockets (SCM_RIGHTS of unix(7))."""
    owner: FileOwner | None = None
    owner_link: Link[OpenFile] = inline()
    holders: List[Descriptor] = inline(List(Descriptor.holder_link))
    watchers: List[Interest] = inline()
    """Which epolls want to know when it is ready (epoll.py)."""
    is_writer: bool = False
    """It counts among the writers of its inode; `is_reader`: among those that only read."""
    is_reader: bool = False
    route: SignalRoute | None = None
    """Where its signals go, once somebody has said that."""
    signalled_by: SignalledFiles | None = None
    """The list that it is on with O_ASYNC."""
    signalled_link: Link[OpenFile] = inline()
    exclusive_watchers: u64 = 0
    """How many of these are exclusive (EPOLLEXCLUSIVE), and how many of the events at the file they have taken."""
    exclusive_taken: u64 = 0
    has_position: bool = False
    """Whether its transfers are at `position`, rather than of a stream or a character device."""
    source: u64 = OTHERS
    """Where changes of its readiness come from (poll.py), where that is not told by `ops` (`epoll.sources_of`)."""

    @property
    def is_readable(self) -> bool:
        return readable(self.flags)

    @property
    def is_writable(self) -> bool:
        return writable(self.flags)

    @property
    def is_path_only(self) -> bool:
        """Opened with O_PATH: only a name for the file."""
        return OpenFlags.PATH in self.flags

    @property
    def is_direct(self) -> bool:
        """O_DIRECT: what is written to a pipe are packets."""
        return OpenFlags.DIRECT in self.flags

    @property
    def may_wait(self) -> bool:
        """Whether reads and writes sleep when nothing can be transferred: not with O_NONBLOCK."""
        return OpenFlags.NONBLOCK not in self.flags

    def hold(self) -> None:
        """One more reference."""
        self.references += 1

    @inline
    def drop(self) -> None:
        """One reference less; the last one closes the file."""
        self.references -= 1
        if self.references <= self.in_flight:
            self.end_use()

    @noinline
    def end_use(self) -> None:
        """Nothing refers to the open file any more but messages in queues of sockets, if even they."""
        if self.references > 0:
            self.ops.unreachable()
            return
        owner = self.owner
        if owner is not None:
            self.leave(owner)
        self.finish()

    def leave(self, owner: FileOwner) -> None:
        """Be an open file of `owner` no longer, with what goes with that."""
        while True:
            interest = self.watchers.first
            if interest is None:
                break
            interest.drop()
        release_of_file(self)
        self.tell_closed()
        inode = self.inode
        if inode is not None:
            self.leave_inode(inode)
        signalled = self.signalled_by
        if signalled is not None:
            signalled.remove(self)
        route = self.route
        if route is not None:
            self.route = None
            route.free()
        owner.open_files.remove(self)
        self.owner = None

    def count_in(self, inode: Inode) -> None:
        """Count among those who may write to `inode`, that of this open file, or read it."""
        self.is_writer = self.is_writable
        self.is_reader = not self.is_writable
        if self.is_writer:
            inode.writers += 1
        else:
            inode.readers += 1

    def leave_inode(self, inode: Inode) -> None:
        """Undo `count_in`, and end what hangs on the inode."""
        if self.is_writer:
            self.is_writer = False
            inode.writers -= 1
        if self.is_reader:
            self.is_reader = False
            inode.readers -= 1
        if inode.leases is not None:
            end_leases(self, inode)
        if inode.notices is not None:
            end_notices(inode, self)

    def finish(self) -> None:
        """Let go of what was opened: nothing refers to the open file any more."""
        ops = self.ops
        inode = self.inode
        free(self)
        ops.closed()
        if inode is not None:
            inode.drop()

    def tell_closed(self) -> None:
        """Let who watches the file know that it was closed."""
        inode = self.inode
        if inode is not None and not self.is_path_only:
            notify(inode, Happening.CLOSE_WRITE if self.is_writable else Happening.CLOSE_NO_WRITE)

    @property
    def is_revoked(self) -> bool:
        """Whether its container is gone: a call that is in progress has nothing to wait for."""
        return self.owner is None

    def revoke(self, owner: FileOwner) -> None:
        """Cut off all descriptors, which refer to the dead file from now on, and end the calls that are in progress."""
        while True:
            descriptor = self.holders.pop_first()
            if descriptor is None:
                break
            self.references -= 1
            descriptor.file = DEAD_FILE
            DEAD_FILE.holders.push_last(descriptor)
            DEAD_FILE.hold()
        self.in_flight = 0
        self.leave(owner)
        self.ops.revoked()
        readiness_changed(ALL_SOURCES)
        if self.references == 0:
            self.finish()
        else:
            owner.survivors += 1


@struct
class FileOwner:
    """Who open files are charged to: one in each container."""

    account: Account = uninitialised()
    open_files: List[OpenFile] = inline(List(OpenFile.owner_link))
    users: Users = inline()
    """What each of its users has of what is limited by user."""
    has_ended: bool = False
    """Nothing is opened at its charge any more."""
    survivors: u64 = 0
    """How many of its open files were in use by calls of others when they were revoked."""

    def revoke_first(self) -> bool:
        """Revoke one of the open files that are left; whether anything was left. Nothing is opened from now on."""
        self.has_ended = True
        file = self.open_files.first
        if file is None:
            return self.users.forget_one()
        file.revoke(self)
        return True


@must_use
def open_file(owner: FileOwner, ops: FileOps, inode: Inode | None, flags: OpenFlags) -> Fallible[OpenFile]:
    """A new open file with one reference, charged to `owner`. It takes over the caller's hold on `inode`.

    ENOMEM; EIO when `owner`, the container that made a terminal for instance, ends.
    """
    if owner.has_ended:
        raise EIO
    file = owner.account.heap.new(OpenFile)
    file.ops = ops
    file.inode = inode
    file.flags = flags
    file.references = 1
    file.has_position = ops.is_seekable() and ops.attributes().kind != Kind.CHARACTER
    file.owner = owner
    owner.open_files.push_last(file)
    return file


@struct
class DeadFile(FileOps):
    """What is left of an open file whose owner was destroyed: every transfer is an error."""

    described: Attributes = inline()

    def read_piece(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        raise EIO

    def write_piece(self, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
        raise EIO

    def attributes(self) -> Attributes:
        return self.described

    def readiness(self) -> Events:
        return Events.ERROR | Events.HANG_UP

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        raise EIO

    def revoked(self) -> None:
        """It has no owner."""


@comptime
def make_dead_file() -> OpenFile:
    """The one dead open file. Its reference of its own keeps it for ever."""
    file = OpenFile()
    file.ops = DEAD
    file.flags = OpenFlags.READ_WRITE
    file.references = 1
    return file


DEAD = DeadFile()
DEAD_FILE = make_dead_file()
