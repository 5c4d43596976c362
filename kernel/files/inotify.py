"""Inotify: the events of files as an open file (inotify(7)).

Invariant: a read gives whole events; the names are padded with zeros so that the next event is aligned.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    align_up,
    copy,
    fill,
    i32,
    i64,
    inline,
    on_error,
    store,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EAGAIN, EBADF, EINVAL, EMFILE, ENOTTY
from kernel.base.writer import Writer
from kernel.files.anonymous import describe, open_anonymous
from kernel.files.attributes import Attributes
from kernel.files.file import FileOwner, OpenFile
from kernel.files.operations import FIONREAD, Events, FileOps
from kernel.files.signalled import SignalledFiles
from kernel.files.user_counts import QUEUES_MAX
from kernel.files.watch import EventQueue, FileEvent, Happening
from kernel.memory import user
from kernel.memory.heap import free

HEADER: u64 = 16
"""`struct inotify_event` before the name; the name is padded to a multiple of it."""


def size_told(event: FileEvent) -> u64:
    """How many bytes of a read an event takes; with a name, at least one zero byte follows that."""
    return HEADER if event.name_length == 0 else HEADER + align_up(event.name_length + 1, HEADER)


@struct
class Inotify(FileOps):
    """One queue, opened."""

    queue: EventQueue = inline()
    asynchronous: SignalledFiles = inline()
    described: Attributes = inline()

    def read_piece(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        queue = self.queue
        while True:
            seen = queue.changed.observe()
            if not queue.events.is_empty or queue.has_overflowed:
                break
            if not wait:
                raise EAGAIN
            queue.changed.sleep(seen)
        done: u64 = 0
        room = u64(len(destination))
        while True:
            event = queue.events.first
            if event is None:
                break
            size = size_told(event)
            if size > room - done:
                break
            put_event(destination[done : done + size], event)
            done += size
            queue.events.remove(event)
            free(event)
        if queue.events.is_empty and queue.has_overflowed and room - done >= HEADER:
            put_header(destination[done : done + HEADER], -1, u32(Happening.OVERFLOW), 0)
            queue.has_overflowed = False
            done += HEADER
        if done == 0:
            raise EINVAL
        return done

    def write_piece(self, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
        raise EBADF

    def title(self) -> Slice[u8]:
        return b"inotify"

    def write_details(self, writer: Writer, start: u64) -> u64:
        watch = self.queue.watches.at_or_above(start)
        if watch is None:
            return 0
        about = watch.inode.described
        writer(f"inotify wd:{watch.number} ino:{about.number:x} sdev:{about.file_system:x} ")
        writer(f"mask:{watch.mask:x} ignored_mask:0\n")
        return u64(watch.number) + 1

    def signalled(self) -> SignalledFiles | None:
        return self.asynchronous

    def attributes(self) -> Attributes:
        return self.described

    def readiness(self) -> Events:
        if self.queue.events.is_empty and not self.queue.has_overflowed:
            return Events.NONE
        return Events.INPUT | Events.READ_NORMAL

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        if request != FIONREAD:
            raise ENOTTY
        total: u64 = 0
        for event in self.queue.events:
            total += size_told(event)
        user.put(u32, argument, u32(total))
        return 0

    def closed(self) -> None:
        self.queue.free_all()
        counts = self.queue.counts
        counts.queues -= 1
        counts.drop()
        free(self)

    def revoked(self) -> None:
        self.queue.free_all()
        self.queue.changed.end()


def put_header(destination: MutableSlice[u8], watch: i32, mask: u32, cookie: u32) -> None:
    """Write the part before the name; its length follows from the length of `destination`."""
    store(i32, destination, 0, watch)
    store(u32, destination, 4, mask)
    store(u32, destination, 8, cookie)
    store(u32, destination, 12, u32(len(destination) - HEADER))


def put_event(destination: MutableSlice[u8], event: FileEvent) -> None:
    """Write one event as programs read it."""
    put_header(destination, event.watch, event.mask, event.cookie)
    fill(destination[HEADER : len(destination)], 0)
    copy(destination[HEADER : HEADER + event.name_length], event.name)


def open_inotify(owner: FileOwner, user_id: u32, nonblocking: bool) -> Fallible[OpenFile]:
    """A queue without watches, charged to `owner` and counted for a user, as an open file with one reference.

    EMFILE when the user has too many; ENOMEM.
    """
    counts = owner.users.counts_of(owner.account, user_id)
    with on_error(counts.drop):
        if counts.queues >= QUEUES_MAX:
            raise EMFILE
        made = owner.account.heap.new(Inotify)
    made.queue.counts = counts
    made.queue.signalled = made.asynchronous
    counts.queues += 1
    describe(made.described)
    return open_anonymous(owner, made, nonblocking)
