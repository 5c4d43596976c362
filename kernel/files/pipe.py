"""Pipe: a queue of bytes between open files (pipe(7)).

Interface: `make_pipe` gives the two ends as open files. A pipe is charged to the container that made it. The
64 KiB of its buffer are frames, allocated when first written to and released when the pipe is empty and idle
at close.

Invariants
- `used` bytes are queued, from `head` on, in a ring of CAPACITY bytes.
- The pipe lives as long as one of its ends is open.
- A write of at most PIPE_BUF bytes is queued in one piece.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    Fallible,
    FrameNumber,
    MutableSlice,
    Slice,
    UserAddr,
    array,
    copy,
    i64,
    inline,
    on_error,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EAGAIN, EBADF, EINTR, ENOTTY, EPIPE
from kernel.files.attributes import Attributes, Kind
from kernel.files.content import HOLE, PAGE
from kernel.files.credentials import Credentials
from kernel.files.file import FIONREAD, Events, FileOps, FileOwner, OpenFile, open_file
from kernel.files.flags import OpenFlags
from kernel.files.poll import readiness_changed
from kernel.machine.clock import wall_time
from kernel.memory import frames, user
from kernel.memory.account import Account
from kernel.memory.frames import FrameUse
from kernel.sched.wait import WaitQueue

CAPACITY_PAGES: u64 = 16
CAPACITY: u64 = CAPACITY_PAGES * PAGE
PIPE_BUF: u64 = 4096


@struct
class PipeReader(FileOps):
    """The end of a pipe that is read."""

    pipe: Pipe = uninitialised()
    is_open: bool = False

    def read(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        return self.pipe.receive(destination, wait)

    def write(self, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
        raise EBADF

    def attributes(self) -> Attributes:
        return self.pipe.described

    def is_seekable(self) -> bool:
        return False

    def readiness(self) -> Events:
        events = Events.NONE
        if self.pipe.used > 0:
            events = events | Events.INPUT | Events.READ_NORMAL
        if not self.pipe.writer.is_open:
            events = events | Events.HANG_UP
        return events

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        return self.pipe.control(request, argument)

    def closed(self) -> None:
        self.is_open = False
        self.pipe.end_closed()


@struct
class PipeWriter(FileOps):
    """The end of a pipe that is written."""

    pipe: Pipe = uninitialised()
    is_open: bool = False

    def read(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        raise EBADF

    def write(self, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
        return self.pipe.send(source, wait)

    def attributes(self) -> Attributes:
        return self.pipe.described

    def is_seekable(self) -> bool:
        return False

    def readiness(self) -> Events:
        events = Events.NONE
        if CAPACITY - self.pipe.used >= PIPE_BUF:
            events = events | Events.OUTPUT | Events.WRITE_NORMAL
        if not self.pipe.reader.is_open:
            events = events | Events.ERROR
        return events

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        return self.pipe.control(request, argument)

    def closed(self) -> None:
        self.is_open = False
        self.pipe.end_closed()


@struct
class Pipe:
    """The queue between the two ends."""

    account: Account = uninitialised()
    reader: PipeReader = inline()
    writer: PipeWriter = inline()
    described: Attributes = inline()
    head: u64 = 0
    used: u64 = 0
    pages: Array[FrameNumber] = array(CAPACITY_PAGES)
    changed: WaitQueue = inline()
    arrivals: u64 = 0
    """How often something happened that a reader may wait for; `departures`: a writer."""
    departures: u64 = 0

    def receive(self, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        """Take what is queued, up to len(destination) bytes; 0 when all writers are gone."""
        if len(destination) == 0:
            return 0
        while True:
            seen = self.changed.observe()
            if self.used > 0:
                break
            if not self.writer.is_open:
                return 0
            if not wait:
                raise EAGAIN
            self.changed.sleep(seen)
        total = min(self.used, u64(len(destination)))
        done: u64 = 0
        while done < total:
            start = self.head % PAGE
            step = min(PAGE - start, total - done)
            content = frames.contents(self.pages[self.head // PAGE])
            copy(destination[done : done + step], content[start : start + step])
            done += step
            self.head = (self.head + step) % CAPACITY
            self.used -= step
        self.departures += 1
        self.notify()
        return done

    def send(self, source: Slice[u8], wait: bool) -> Fallible[u64]:
        """Queue `source`: all of it if `wait`, else what fits. EPIPE when all readers are gone."""
        total = u64(len(source))
        done: u64 = 0
        while True:
            seen = self.changed.observe()
            if not self.reader.is_open:
                raise EPIPE
            room = CAPACITY - self.used
            if room >= total - done or (room > 0 and total > PIPE_BUF):
                step = min(room, total - done)
                self.enqueue(source[done : done + step])
                done += step
                self.arrivals += 1
                self.notify()
                if done == total:
                    return done
            elif not wait:
                if done == 0:
                    raise EAGAIN
                return done
            else:
                try:
                    self.changed.sleep(seen)
                except EINTR:
                    if done == 0:
                        raise
                    return done

    def enqueue(self, source: Slice[u8]) -> Fallible[None]:
        """Put bytes that fit at the end of the queue."""
        total = u64(len(source))
        done: u64 = 0
        while done < total:
            tail = (self.head + self.used) % CAPACITY
            start = tail % PAGE
            step = min(PAGE - start, total - done)
            content = frames.contents(self.page(tail // PAGE))
            copy(content[start : start + step], source[done : done + step])
            done += step
            self.used += step

    def page(self, index: u64) -> Fallible[FrameNumber]:
        """The frame of page `index` of the ring, allocated now if it is missing."""
        frame = self.pages[index]
        if frame == HOLE:
            frame = frames.allocate(self.account, FrameUse.FILE)
            self.pages[index] = frame
        return frame

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        """ioctl(2) on either end."""
        if request != FIONREAD:
            raise ENOTTY
        user.put(u32, argument, u32(self.used))
        return 0

    def notify(self) -> None:
        """Something was queued or taken, or an end was closed."""
        self.changed.wake_all()
        readiness_changed()

    def end_closed(self) -> None:
        """An end was closed: wake the other one, or free the pipe when it was the last."""
        if self.reader.is_open or self.writer.is_open:
            self.arrivals += 1
            self.departures += 1
            self.notify()
            return
        for index in range(CAPACITY_PAGES):
            frame = self.pages[index]
            if frame != HOLE:
                frames.release(frame)
        self.account.heap.free(self)


@struct
class PipeNumbers:
    """The source of the inode numbers of pipes."""

    made: u64 = 0


NUMBERS = PipeNumbers()


def create_pipe(account: Account) -> Fallible[Pipe]:
    """A pipe charged to `account`, none of whose ends is open."""
    pipe = account.heap.new(Pipe)
    pipe.account = account
    pipe.reader.pipe = pipe
    pipe.writer.pipe = pipe
    return pipe


def make_pipe(owner: FileOwner, credentials: Credentials, flags: OpenFlags) -> Fallible[tuple[OpenFile, OpenFile]]:
    """A pipe, charged to `owner`: the end to read and the end to write, each with one reference."""
    heap = owner.account.heap
    pipe = create_pipe(owner.account)
    NUMBERS.made += 1
    describe(pipe.described, credentials, NUMBERS.made)
    with on_error(heap.free, pipe):
        reader = open_file(owner, pipe.reader, None, flags)
    pipe.reader.is_open = True
    with on_error(reader.drop):
        writer = open_file(owner, pipe.writer, None, flags | OpenFlags.WRITE_ONLY)
    pipe.writer.is_open = True
    return reader, writer


def describe(about: Attributes, credentials: Credentials, number: u64) -> None:
    """What fstat(2) tells of a pipe."""
    about.kind = Kind.FIFO
    about.permissions = 0o600
    about.user = credentials.user
    about.group = credentials.group
    about.links = 1
    about.number = number
    about.accessed = wall_time()
    about.touch(about.accessed)
