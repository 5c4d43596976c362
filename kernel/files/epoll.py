"""Epoll: a list of files that is asked as a whole which of them are ready (epoll(7)).

Interface: `open_epoll`; `Epoll.add` `change` `remove`, and `collect` for epoll_wait(2).

Invariants
- An interest is on the list of its epoll and on that of the open file that it is in, which takes it off when it is
  closed for good; so an interest never keeps a file open.
- An epoll that is watched by another one watches none itself: asking for readiness goes two deep at most.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    bounded,
    field_offset,
    i32,
    i64,
    inline,
    store,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EEXIST, EINVAL, ELOOP, ENOENT, ENOTTY, EPERM
from kernel.base.list import Link, List
from kernel.base.writer import Writer
from kernel.files.anonymous import describe, open_anonymous
from kernel.files.attributes import Attributes
from kernel.files.eventfd import EventCounter
from kernel.files.fifo import FifoEnd
from kernel.files.file import MEMBERS_AT_ONCE, Events, FileOps, FileOwner, OpenFile
from kernel.files.pipe_ends import PipeReader, PipeWriter
from kernel.files.poll import ALL_SOURCES, OTHERS, readiness_changed
from kernel.files.timerfd import TimerFile
from kernel.memory.heap import free, owner_of

EVENT_BITS: u32 = 0x23FF
"""The events that there are: those of poll(2)."""
ALWAYS_TOLD: u32 = 0x18
"""EPOLLERR and EPOLLHUP."""
EXCLUSIVE: u32 = 1 << 28
ONE_SHOT: u32 = 1 << 30
EDGE: u32 = 1 << 31
"""EPOLLEXCLUSIVE, EPOLLONESHOT and EPOLLET (epoll_ctl(2)); EPOLLWAKEUP changes nothing."""
EXCLUSIVE_WITH: u32 = 0xB000_001D
"""What may be asked for with EPOLLEXCLUSIVE: in, out, error, hang-up, EPOLLWAKEUP, EPOLLET."""
RECORD: u64 = 12
"""The size of a struct epoll_event, which is packed on x86-64: the events, and 8 bytes of the program's."""


@struct
class Interest:
    """What one epoll wants to know of one descriptor."""

    epoll: Epoll = uninitialised()
    file: OpenFile = uninitialised()
    fd: i32 = 0
    events: u32 = 0
    data: u64 = 0
    told: u64 = 0
    """EPOLLET: how often the file had changed when it was last told of."""
    is_fresh: bool = True
    """EPOLLET: it was not told of since it was set."""
    is_spent: bool = False
    """EPOLLONESHOT: it was told of, and has to be set again."""
    epoll_link: Link[Interest] = inline()
    file_link: Link[Interest] = inline()

    def set(self, events: u32, data: u64) -> None:
        """Want `events` from now on, and answer with `data`."""
        self.events = events
        self.data = data
        self.is_fresh = True
        self.is_spent = False

    @bounded(2)
    def found(self) -> u32:
        """The events to tell of now."""
        if self.is_spent:
            return 0
        if self.events & EDGE != 0 and not self.is_fresh and changes_of(self.file.ops, self.events) == self.told:
            return 0
        return u32(self.file.ops.readiness()) & (self.events | ALWAYS_TOLD) & EVENT_BITS

    def note_told(self) -> None:
        """The program was told of it."""
        self.is_fresh = False
        self.is_spent = self.events & ONE_SHOT != 0
        if self.events & EDGE != 0:
            self.told = changes_of(self.file.ops, self.events)

    def write_details(self, writer: Writer) -> None:
        """What /proc/PID/fdinfo shows of it."""
        inode = self.file.inode
        about = self.file.ops.attributes() if inode is None else inode.described
        writer.text(b"tfd: ")
        writer.padded(u64(self.fd), 10, 8)
        writer.text(b" events: ")
        writer.padded(u64(self.events | ALWAYS_TOLD), 16, 8)
        writer.text(b" data: ")
        writer.padded(self.data, 16, 16)
        writer(f"  pos:{self.file.position} ino:{about.number:x} sdev:{about.file_system:x}\n")

    def drop(self) -> None:
        """Take it off both lists and free it: it was removed, or one of the two files is closed."""
        epoll = self.epoll
        if isinstance(self.file.ops, Epoll):
            epoll.nested -= 1
        epoll.interests.remove(self)
        self.file.watchers.remove(self)
        free(self)


def changes_of(ops: FileOps, events: u32) -> u64:
    """A number that is another one after each event at the file that who asks for `events` is to be told of."""
    if isinstance(ops, PipeReader):
        return ops.pipe.arrivals
    if isinstance(ops, PipeWriter):
        return ops.pipe.departures
    if isinstance(ops, FifoEnd):
        return ops.fifo.pipe.arrivals + ops.fifo.pipe.departures + ops.fifo.opened.observe()
    if isinstance(ops, EventCounter):
        return ops.changed.observe()
    if isinstance(ops, TimerFile):
        return ops.changed.observe()
    return ops.changes(events)


def sources_of(file: OpenFile) -> u64:
    """Where changes of a file's readiness come from (poll.py)."""
    ops = file.ops
    if isinstance(ops, PipeReader):
        return ops.pipe.source
    if isinstance(ops, PipeWriter):
        return ops.pipe.source
    if isinstance(ops, EventCounter):
        return ops.source
    if isinstance(ops, FifoEnd):
        return ops.fifo.pipe.source | OTHERS
    if isinstance(ops, Epoll):
        return ALL_SOURCES
    return file.source


@struct
class Epoll(FileOps):
    """One list of interests."""

    file: OpenFile | None = None
    interests: List[Interest] = inline(List(Interest.epoll_link))
    nested: u64 = 0
    """How many of its interests are in other epolls."""
    described: Attributes = inline()

    def find(self, file: OpenFile, fd: i32) -> Interest | None:
        """The interest in `fd` when it refers to `file`."""
        for interest in self.interests:
            if interest.fd == fd and interest.file is file:
                return interest
        return None

    def get(self, file: OpenFile, fd: i32) -> Fallible[Interest]:
        """`find`, or ENOENT."""
        interest = self.find(file, fd)
        if interest is None:
            raise ENOENT
        return interest

    def add(self, file: OpenFile, fd: i32, events: u32, data: u64) -> Fallible[None]:
        """EPOLL_CTL_ADD. EEXIST; EPERM for what is always ready; EINVAL, ELOOP for epolls in epolls; ENOMEM."""
        check_file(file)
        if events & EXCLUSIVE != 0 and events & EXCLUSIVE_WITH != events:
            raise EINVAL
        ops = file.ops
        is_epoll = isinstance(ops, Epoll)
        if isinstance(ops, Epoll):
            if ops is self or events & EXCLUSIVE != 0:
                raise EINVAL
            if ops.nested > 0 or self.is_watched:
                raise ELOOP
        if self.find(file, fd) is not None:
            raise EEXIST
        interest = owner_of(self).heap.new(Interest)
        interest.epoll = self
        interest.file = file
        interest.fd = fd
        interest.set(events, data)
        self.interests.push_last(interest)
        file.watchers.offset = field_offset(Interest.file_link)
        file.watchers.push_last(interest)
        if is_epoll:
            self.nested += 1
        readiness_changed()

    @property
    def is_watched(self) -> bool:
        """Whether another epoll has an interest in this one."""
        file = self.file
        return file is not None and not file.watchers.is_empty

    def change(self, file: OpenFile, fd: i32, events: u32, data: u64) -> Fallible[None]:
        """EPOLL_CTL_MOD. ENOENT; EINVAL with EPOLLEXCLUSIVE, then or now."""
        interest = self.get(file, fd)
        if (events | interest.events) & EXCLUSIVE != 0:
            raise EINVAL
        interest.set(events, data)
        readiness_changed()

    def collect(self, records: MutableSlice[u8]) -> u64:
        """Write the events of ready files to `records`, up to its end; returns how many.

        Who was told of goes last, so that with few records all get their turn.
        """
        room = u64(len(records)) // RECORD
        count: u64 = 0
        for _ in range(self.interests.count):
            interest = self.interests.first
            if interest is None or count == room:
                return count
            self.interests.remove(interest)
            self.interests.push_last(interest)
            events = interest.found()
            if events != 0:
                interest.note_told()
                store(u32, records, count * RECORD, events)
                store(u64, records, count * RECORD + 4, interest.data)
                count += 1
        return count

    def sources(self) -> u64:
        """Where changes of its readiness come from: its files, and those who change its interests."""
        sources = OTHERS
        for interest in self.interests:
            sources |= sources_of(interest.file)
        return sources

    # FileOps.

    def read(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        raise EINVAL

    def write(self, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
        raise EINVAL

    def title(self) -> Slice[u8]:
        return b"[eventpoll]"

    def write_details(self, writer: Writer, start: u64) -> u64:
        before, room = start, MEMBERS_AT_ONCE
        for interest in self.interests:
            if before > 0:
                before -= 1
                continue
            if room == 0:
                return start + MEMBERS_AT_ONCE
            room -= 1
            interest.write_details(writer)
        return 0

    def attributes(self) -> Attributes:
        return self.described

    def is_seekable(self) -> bool:
        return False

    def readiness(self) -> Events:
        for interest in self.interests:
            if interest.found() != 0:
                return Events.INPUT | Events.READ_NORMAL
        return Events.NONE

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        raise ENOTTY

    def closed(self) -> None:
        self.drop_interests()
        free(self)

    def revoked(self) -> None:
        self.drop_interests()

    def drop_interests(self) -> None:
        """Have no interest in any file."""
        while True:
            interest = self.interests.first
            if interest is None:
                break
            interest.drop()


def check_file(file: OpenFile) -> Fallible[None]:
    """EPERM for files that are always ready: regular ones and directories (epoll_ctl(2))."""
    inode = file.inode
    if inode is not None and (inode.described.is_regular or inode.described.is_directory):
        raise EPERM


def open_epoll(owner: FileOwner) -> Fallible[OpenFile]:
    """An epoll without interests, charged to `owner`, as an open file with one reference."""
    epoll = owner.account.heap.new(Epoll)
    describe(epoll.described)
    file = open_anonymous(owner, epoll, False)
    epoll.file = file
    return file
