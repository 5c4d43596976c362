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
    Errno,
    Fallible,
    FrameNumber,
    MutableSlice,
    Slice,
    UserAddr,
    UserSlice,
    address_of,
    array,
    copy,
    hot,
    i64,
    inline,
    on_error,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EAGAIN, EFAULT, EINTR, ENOTTY, EPIPE
from kernel.files.attributes import PIPE_DEVICE, Attributes, Kind
from kernel.files.content import HOLE, PAGE
from kernel.files.credentials import Credentials
from kernel.files.file import FIONREAD, FileOwner, OpenFile, open_file
from kernel.files.flags import OpenFlags
from kernel.files.pipe_ends import PipeReader, PipeWriter
from kernel.files.poll import readiness_changed, source_of
from kernel.machine.clock import wall_time
from kernel.memory import frames, user
from kernel.memory.account import Account
from kernel.memory.frames import FrameUse
from kernel.memory.heap import free, owner_of
from kernel.sched.wait import WaitQueue

CAPACITY_PAGES: u64 = 16
CAPACITY: u64 = CAPACITY_PAGES * PAGE
PIPE_BUF: u64 = 4096


@struct
class PipeWaiters:
    """The threads that wait at one end of a pipe.

    What pipes do is never interrupted by what wakes others at them, so a count of those who sleep is enough to know
    that nobody is there to be woken.
    """

    queue: WaitQueue = inline()
    count: u64 = 0

    def sleep(self) -> Fallible[None]:
        """Sleep until the next wake-up. EINTR."""
        seen = self.queue.observe()
        self.count += 1
        try:
            self.queue.sleep(seen)
        finally:
            self.count -= 1

    def wake(self) -> None:
        """Let all who wait look again."""
        if self.count > 0:
            self.queue.wake_all()


@struct
class Pipe:
    """The queue between the two ends."""

    source: u64 = 0
    """That of its changes, for poll(2)."""
    reader: PipeReader = inline()
    writer: PipeWriter = inline()
    described: Attributes = inline()
    head: u64 = 0
    used: u64 = 0
    pages: Array[FrameNumber] = array(CAPACITY_PAGES)
    readable: PipeWaiters = inline()
    """Who waits for bytes; `writable`: for room."""
    writable: PipeWaiters = inline()
    arrivals: u64 = 0
    """How often something happened that a reader may wait for; `departures`: a writer."""
    departures: u64 = 0

    @property
    def has_room(self) -> bool:
        """Whether poll(2) calls it writable: PIPE_BUF bytes fit."""
        return CAPACITY - self.used >= PIPE_BUF

    def receive(self, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        """Take what is queued, up to len(destination) bytes; 0 when all writers are gone."""
        total = u64(len(destination))
        if total == 0 or not self.await_content(wait):
            return 0
        done: u64 = 0
        while done < total and self.used > 0:
            part = self.first_part(total - done)
            copy(destination[done : done + len(part)], part)
            done += len(part)
            self.consume(len(part))
        self.content_taken()
        return done

    @hot
    def receive_to_user(self, destination: UserSlice, wait: bool) -> Fallible[u64]:
        """`receive` into a program's memory. EFAULT, with what could not be written there still queued."""
        total = destination.length
        if total == 0 or not self.await_content(wait):
            return 0
        done: u64 = 0
        while done < total and self.used > 0:
            part = self.first_part(total - done)
            try:
                user.copy_out(UserSlice(UserAddr(destination.address + done), len(part)), part)
            except EFAULT:
                if done == 0:
                    raise
                break
            done += len(part)
            self.consume(len(part))
        self.content_taken()
        return done

    def await_content(self, wait: bool) -> Fallible[bool]:
        """Sleep until bytes are queued; False when none will come. EAGAIN unless it may `wait`, EINTR."""
        while self.used == 0:
            if not self.writer.is_open:
                return False
            if not wait:
                raise EAGAIN
            self.readable.sleep()
        return True

    def first_part(self, limit: u64) -> MutableSlice[u8]:
        """The first bytes of the queue, at most `limit`: those in the page where it begins."""
        start = self.head % PAGE
        available = min(PAGE - start, self.used)
        length = min(available, limit)
        return frames.contents(self.pages[self.head // PAGE])[start : start + length]

    def consume(self, count: u64) -> None:
        """Take the first `count` bytes off the queue."""
        self.head = (self.head + count) % CAPACITY
        self.used -= count

    def content_taken(self) -> None:
        """There is room for writers."""
        self.departures += 1
        self.writable.wake()
        readiness_changed(self.source)

    def send(self, source: Slice[u8], wait: bool) -> Fallible[u64]:
        """Queue `source`: all of it if `wait`, else what fits. EPIPE when all readers are gone."""
        total = u64(len(source))
        done: u64 = 0
        while True:
            if not self.reader.is_open:
                raise EPIPE
            room = CAPACITY - self.used
            if room >= total - done or (room > 0 and total > PIPE_BUF):
                step = min(room, total - done)
                self.enqueue(source[done : done + step])
                done += step
                self.content_queued()
                if done == total:
                    return done
            elif not wait:
                if done == 0:
                    raise EAGAIN
                return done
            else:
                try:
                    self.writable.sleep()
                except EINTR:
                    if done == 0:
                        raise
                    return done

    @hot
    def send_from_user(self, source: UserSlice, wait: bool) -> Fallible[u64]:
        """`send` out of a program's memory, PIPE_BUF bytes in one piece each. An error after the first ends it."""
        done: u64 = 0
        while done < source.length:
            piece = min(PIPE_BUF, source.length - done)
            try:
                self.await_room(piece, wait)
                self.enqueue_from_user(UserSlice(UserAddr(source.address + done), piece))
            except Errno:
                if done == 0:
                    raise
                return done
            done += piece
            self.content_queued()
        return done

    def await_room(self, length: u64, wait: bool) -> Fallible[None]:
        """Sleep until `length` bytes fit. EPIPE, EAGAIN unless it may `wait`, EINTR."""
        while True:
            if not self.reader.is_open:
                raise EPIPE
            if CAPACITY - self.used >= length:
                return
            if not wait:
                raise EAGAIN
            self.writable.sleep()

    def content_queued(self) -> None:
        """There is something for readers."""
        self.arrivals += 1
        self.readable.wake()
        readiness_changed(self.source)

    def enqueue(self, source: Slice[u8]) -> Fallible[None]:
        """Put bytes that fit at the end of the queue."""
        done: u64 = 0
        while done < len(source):
            part = self.free_part(0, u64(len(source)) - done)
            copy(part, source[done : done + len(part)])
            done += len(part)
            self.used += len(part)

    @hot
    def enqueue_from_user(self, source: UserSlice) -> Fallible[None]:
        """Put bytes of a program, which fit, at the end of the queue: all, or none. EFAULT, ENOMEM."""
        done: u64 = 0
        while done < source.length:
            part = self.free_part(done, source.length - done)
            user.copy_in(part, UserSlice(UserAddr(source.address + done), len(part)))
            done += len(part)
        self.used += done

    @hot
    def free_part(self, distance: u64, limit: u64) -> Fallible[MutableSlice[u8]]:
        """The room that begins `distance` behind the end of the queue, in one page; at most `limit` bytes. ENOMEM."""
        tail = (self.head + self.used + distance) % CAPACITY
        start = tail % PAGE
        return frames.contents(self.page(tail // PAGE))[start : start + min(PAGE - start, limit)]

    def page(self, index: u64) -> Fallible[FrameNumber]:
        """The frame of page `index` of the ring, allocated now if it is missing."""
        frame = self.pages[index]
        if frame == HOLE:
            frame = frames.allocate(owner_of(self), FrameUse.FILE)
            self.pages[index] = frame
        return frame

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        """ioctl(2) on either end."""
        if request != FIONREAD:
            raise ENOTTY
        user.put(u32, argument, u32(self.used))
        return 0

    def end_closed(self) -> None:
        """An end was closed: wake the other one, or free the pipe when it was the last."""
        if self.reader.is_open or self.writer.is_open:
            self.content_queued()
            self.content_taken()
            return
        for index in range(CAPACITY_PAGES):
            frame = self.pages[index]
            if frame != HOLE:
                frames.release(frame)
        free(self)

    def end_calls(self) -> None:
        """It was revoked: the threads that wait at either end do so no longer (EIO)."""
        self.readable.queue.end()
        self.writable.queue.end()


@struct
class PipeNumbers:
    """The source of the inode numbers of pipes."""

    made: u64 = 0


NUMBERS = PipeNumbers()


def create_pipe(account: Account) -> Fallible[Pipe]:
    """A pipe charged to `account`, none of whose ends is open."""
    pipe = account.heap.new(Pipe)
    pipe.source = source_of(address_of(pipe))
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
    about.file_system = PIPE_DEVICE
    about.begin(wall_time())
