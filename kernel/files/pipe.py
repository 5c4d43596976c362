"""Pipe: a queue of bytes between open files (pipe(7)).

Interface: what the two ends do (pipe_ends.py); new ones are made by pipe_making.py. A pipe is charged to the container
that made it; what is queued is kept by its ring (pipe_ring.py).

Invariants
- The pipe lives as long as one of its ends is open.
- A write of at most PIPE_BUF bytes is queued in one piece.
- What changes the ring holds `lock`, also while bytes are copied from or to a program: that may sleep.
"""

from __future__ import annotations

from codegen.lang import (
    Errno,
    Fallible,
    MutableSlice,
    UserAddr,
    hot,
    i64,
    inline,
    noinline,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EAGAIN, ENOMEM, ENOTTY, EPERM, EPIPE
from kernel.files.attributes import Attributes
from kernel.files.capability import Capability
from kernel.files.content import PAGE
from kernel.files.credentials import Credentials
from kernel.files.frame_tree import HOLE
from kernel.files.operations import FIONREAD
from kernel.files.pipe_ends import PipeReader, PipeWriter
from kernel.files.pipe_ring import PipePage, PipeRing, content_of
from kernel.files.pipe_waiters import PipeWaiters
from kernel.files.poll import readiness_changed
from kernel.files.route import Band
from kernel.files.signalled import SignalledFiles
from kernel.files.user_counts import PIPE_PAGES_SOFT, PIPE_SIZE_LIMIT, PIPE_SIZE_MAX, UserCounts
from kernel.memory import frames, user
from kernel.memory.buffer import Buffer
from kernel.memory.heap import free, owner_of
from kernel.sched.mutex import Mutex
from kernel.sched.preemption import Freezing, preemption_point


@struct
class Pipe:
    """The queue between the two ends."""

    source: u64 = 0
    """That of its changes, for poll(2)."""
    reader: PipeReader = inline()
    writer: PipeWriter = inline()
    described: Attributes = inline()
    counts: UserCounts | None = None
    """Those of the user who made it; None for a FIFO."""
    lock: Mutex = inline()
    ring: PipeRing = inline()
    readable: PipeWaiters = inline()
    """Who waits for bytes; `writable`: for room."""
    writable: PipeWaiters = inline()
    arrivals: u64 = 0
    """How often something happened that a reader may wait for; `departures`: a writer."""
    departures: u64 = 0
    signalled: SignalledFiles = inline()

    # Reading.

    @hot
    def receive(self, buffer: Buffer, wait: bool) -> Fallible[u64]:
        """Take what is queued, as much as there is room for; 0 when all writers are gone.

        EAGAIN; EINTR; EFAULT, with what could not be written there still queued.
        """
        if buffer.left == 0:
            return 0
        while True:
            with self.lock:
                if self.has_content(wait):
                    page = self.ring.page_at(0)
                    if self.ring.used == 1 and self.ring.places > 1 and page.length <= buffer.left:
                        # By far the most reads: all that there is, in one page.
                        return self.take_page(page, buffer)
                    return self.take(buffer)
                if not self.writer.is_open:
                    return 0
                seen = self.readable.join()
            self.readable.sleep(seen)

    @inline
    def has_content(self, wait: bool) -> Fallible[bool]:
        """Whether bytes are queued. EAGAIN when some may come and nobody is to `wait` for them. The lock is held."""
        if self.ring.is_empty and self.writer.is_open and not wait:
            raise EAGAIN
        return not self.ring.is_empty

    @inline
    def take_page(self, page: PipePage, buffer: Buffer) -> Fallible[u64]:
        """Take `page`, all that is queued in a pipe that is not full. EFAULT. The lock is held."""
        length = page.length
        buffer.give_all(content_of(page, PAGE))
        self.ring.consume(page, length)
        self.signalled.tell(Band.OUTPUT)
        return length

    @noinline
    def take(self, buffer: Buffer) -> Fallible[u64]:
        """Take bytes off the queue. EFAULT. The lock is held."""
        was_full = self.ring.is_full
        done: u64 = 0
        goes_on = True
        while goes_on and buffer.left > 0 and not self.ring.is_empty:
            page = self.ring.page_at(0)
            part = content_of(page, buffer.left)
            try:
                if done > 0:
                    preemption_point(Freezing.LATER)
                buffer.give_all(part)
            except Errno:
                if done == 0:
                    raise
                break
            done += len(part)
            self.ring.consume(page, len(part))
            goes_on = not page.is_packet
        if was_full:
            self.content_taken()
        self.signalled.tell(Band.OUTPUT)
        return done

    def content_taken(self) -> None:
        """The pipe was full: there may be room for writers."""
        if not self.ring.is_full:
            self.room_made()

    def room_made(self) -> None:
        """There is something for writers: room, or the last reader is gone."""
        self.departures += 1
        self.writable.wake()
        readiness_changed(self.source)

    # Writing.

    @hot
    def send(self, buffer: Buffer, wait: bool) -> Fallible[u64]:
        """Queue what is left in `buffer`: all of it if `wait`, else what fits.

        EPIPE when all readers are gone, EAGAIN, EINTR, ENOMEM; EFAULT: a page that could be copied half-way only is not
        queued. An error after the first byte ends it.
        """
        with self.lock:
            length = buffer.left
            if self.ring.is_empty and 0 < length <= PAGE and self.reader.is_open:
                # By far the most writes: little, into an empty pipe.
                if self.ring.spare == HOLE:
                    self.ring.make_spare(owner_of(self))
                buffer.take(frames.contents(self.ring.spare)[0:length])
                self.ring.add_page(length, buffer.is_packet)
                self.content_changed()
                return length
        return self.send_on(buffer, wait)

    @noinline
    def send_on(self, buffer: Buffer, wait: bool) -> Fallible[u64]:
        """`send` of much, or into a pipe that is not empty."""
        done: u64 = 0
        while True:
            with self.lock:
                before = done
                try:
                    while buffer.left > 0 and self.has_room(buffer.left, wait, buffer.is_packet):
                        if done > before:
                            preemption_point(Freezing.LATER)
                        part = self.free_part(buffer.left, buffer.is_packet)
                        buffer.take(part)
                        self.ring.enqueue(len(part), buffer.is_packet)
                        done += len(part)
                except Errno:
                    self.content_queued(done - before)
                    if done == 0:
                        raise
                    return done
                self.content_queued(done - before)
                if buffer.left == 0:
                    return done
                seen = self.writable.join()
            if not self.await_room(seen, done):
                return done

    @inline
    def has_room(self, length: u64, wait: bool, is_packet: bool) -> Fallible[bool]:
        """Whether some of `length` bytes fits. EPIPE; EAGAIN when not, and nobody is to `wait`. The lock is held."""
        if not self.reader.is_open:
            raise EPIPE
        if self.ring.has_room(length, is_packet):
            return True
        if not wait:
            raise EAGAIN
        return False

    @inline
    def free_part(self, length: u64, is_packet: bool) -> Fallible[MutableSlice[u8]]:
        """Where the first of `length` bytes go. ENOMEM. The lock is held."""
        if self.ring.spare == HOLE:
            self.ring.make_spare(owner_of(self))
        return self.ring.free_part(length, is_packet)

    def await_room(self, seen: u64, done: u64) -> Fallible[bool]:
        """Sleep until there is room. EINTR; False instead when something was queued before."""
        try:
            self.writable.sleep(seen)
        except Errno:
            if done == 0:
                raise
            return False
        return True

    @inline
    def content_queued(self, count: u64) -> None:
        """There are `count` bytes more for readers."""
        if count > 0:
            self.content_changed()

    def content_changed(self) -> None:
        """There is something for readers: bytes, or the last writer is gone."""
        self.arrivals += 1
        self.readable.wake()
        readiness_changed(self.source)
        self.signalled.tell(Band.INPUT)

    # All else.

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        """ioctl(2) on either end."""
        if request != FIONREAD:
            raise ENOTTY
        user.put(u32, argument, u32(min(self.ring.queued, 0xFFFF_FFFF)))
        return 0

    def resize(self, places: u64, who: Credentials) -> Fallible[None]:
        """Have `places` places for pages (F_SETPIPE_SZ). EPERM for more than `who` may have, EBUSY, ENOMEM."""
        if places * PAGE > PIPE_SIZE_LIMIT:
            raise ENOMEM if who.has(Capability.SYS_RESOURCE) else EPERM
        with self.lock:
            old = self.ring.places
            counts = self.counts
            if places > old and not who.has(Capability.SYS_RESOURCE):
                if places * PAGE > PIPE_SIZE_MAX:
                    raise EPERM
                is_many = counts is not None and counts.pipe_pages - old + places > PIPE_PAGES_SOFT
                if is_many and not who.has(Capability.SYS_ADMIN):
                    raise EPERM
            self.ring.resize(places, owner_of(self))
            if counts is not None:
                counts.pipe_pages = counts.pipe_pages - old + places
            if places > old:
                self.room_made()

    def end_closed(self) -> None:
        """An end was closed: wake the other one, or free the pipe when it was the last."""
        if self.reader.is_open or self.writer.is_open:
            self.content_changed()
            self.room_made()
            self.signalled.tell(Band.OUTPUT)
            return
        self.free_all()

    def free_all(self) -> None:
        """Give back the pipe, neither of whose ends is open."""
        counts = self.counts
        if counts is not None:
            counts.pipe_pages -= self.ring.places
            counts.drop()
        self.ring.free_all(owner_of(self))
        free(self)

    def end_calls(self) -> None:
        """It was revoked: the threads that wait at either end do so no longer (EIO)."""
        self.readable.queue.end()
        self.writable.queue.end()
