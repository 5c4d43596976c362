"""Message: what one send puts into the queue of a socket, with everything that comes along (unix(7)).

Interface: `new_message` makes one and copies the bytes; `give` copies some of them to a receiver; `free` gives it back.

The bytes of a short message stand behind the struct itself; those of a longer one are in runs of frames, each as large
as the bytes fill, and as can be had, up to 64 KiB. A message is charged to the container of its sender, and counts in
`charged` of the socket that it was sent from, with the memory that it really takes, until it is freed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import (
    Fallible,
    FrameNumber,
    Nanoseconds,
    Slice,
    address_of,
    construct,
    field_offset,
    hot,
    inline,
    must_use,
    on_error,
    size_of,
    slice_at,
    struct,
    u8,
    u64,
    uninitialised,
)
from kernel.base.errno import ENOMEM
from kernel.base.list import Link
from kernel.machine.layout import PAGE_SIZE
from kernel.memory import frames
from kernel.memory.buffer import Buffer
from kernel.memory.frames import FrameUse
from kernel.memory.heap import free, owner_of
from kernel.net.socket.envelope import Identity
from kernel.sched.preemption import Freezing, preemption_point

if TYPE_CHECKING:
    from kernel.net.unix.rights import Passed
    from kernel.net.unix.socket import UnixSocket

RUN_ORDER: u64 = 4
"""The largest run of frames: 64 KiB."""
NO_FRAME = FrameNumber(0)
SHORT: u64 = 1800
"""Up to so many bytes stand in the same object of the heap as the struct."""
SPARE_SIZE: u64 = 384
"""Messages of so many bytes or fewer, the struct included, are all so large: their sender keeps one for the next."""


@struct
class Run:
    """Frames in a row, and how many bytes of the message are in them."""

    next: Run | None = None
    frame: FrameNumber = NO_FRAME
    length: u64 = 0


@struct
class Message:
    """What was sent at once."""

    link: Link[Message] = inline()
    sender: UnixSocket = uninitialised()
    """The socket that it was sent from, held, though it may be closed by now."""
    charge: u64 = 0
    length: u64 = 0
    taken: u64 = 0
    """How many of the bytes have been received (SOCK_STREAM)."""
    identity: Identity = inline()
    passed: Passed | None = None
    """The first of the descriptors that come with it."""
    sent: Nanoseconds = Nanoseconds(0)
    """When, for SO_TIMESTAMP; 0: not noted."""
    queue: UnixSocket | None = None
    """The queue of another container that it is in. This and the link are under the lock of the sender's stack."""
    abroad_link: Link[Message] = inline()
    run: Run = inline()
    """The first run of frames; without one the bytes stand behind the struct."""

    @property
    def left(self) -> u64:
        """How many bytes were not received yet."""
        return self.length - self.taken

    def give(self, start: u64, count: u64, buffer: Buffer) -> Fallible[None]:
        """Copy `count` bytes from number `start` on to `buffer`. EFAULT; EINTR when the thread is to end."""
        if self.run.frame == NO_FRAME:
            buffer.give_all(slice_at(u8, address_of(self) + size_of(Message) + start, count))
            return
        position: u64 = 0
        """Of the first byte of `run` in the message."""
        run: Run | None = self.run
        done: u64 = 0
        while done < count and run is not None:
            if done > 0:
                preemption_point(Freezing.LATER)
            offset = start + done - position if start + done > position else 0
            if offset < run.length:
                step = min(run.length - offset, count - done)
                buffer.give_all(run_bytes(run)[offset : offset + step])
                done += step
            position += run.length
            run = run.next

    def clear(self) -> None:
        """Be as new, but for what `new_message` sets: it was in a queue, and its bytes stand behind the struct."""
        self.taken = 0
        self.identity.clear()
        self.passed = None
        self.sent = Nanoseconds(0)

    def launch(self, queue: UnixSocket) -> None:
        """It is put into `queue`, whose lock is held. Where that is another container's, its own can find it there."""
        stack = self.sender.stack
        if queue.stack is not stack:
            with stack.lock:
                self.queue = queue
                stack.abroad.offset = field_offset(Message.abroad_link)
                stack.abroad.push_last(self)

    def land(self, queue: UnixSocket) -> None:
        """It is taken out of `queue`, whose lock is held."""
        stack = self.sender.stack
        if queue.stack is not stack:
            with stack.lock:
                stack.abroad.remove(self)

    def free(self) -> None:
        """Give all back. It is in no queue, and nothing came with it or that has been taken off."""
        if self.run.frame != NO_FRAME:
            free_runs(self.run)
        sender = self.sender
        charge = self.charge
        if charge != SPARE_SIZE or not sender.keep(self):
            free(self)
        sender.discharge(charge)
        sender.drop()


def run_bytes(run: Run) -> Slice[u8]:
    """The bytes of one run."""
    return frames.contents_run(run.frame, RUN_ORDER)[0 : run.length]


def free_runs(first: Run) -> None:
    """Give back the frames of a message, and what describes all runs but the first, which is part of it."""
    frames.release(first.frame)
    run = first.next
    while run is not None:
        following = run.next
        if run.frame != NO_FRAME:
            frames.release(run.frame)
        free(run)
        run = following


@must_use
@hot
def new_message(sender: UnixSocket, buffer: Buffer, length: u64) -> Fallible[Message]:
    """A message from `sender` with the next `length` bytes of `buffer`. ENOMEM, EFAULT, EINTR."""
    size = size_of(Message)
    if length <= SHORT:
        size = max(size + length, SPARE_SIZE)
    message = empty_message(sender, size)
    with on_error(free, message):
        if length <= SHORT:
            buffer.take(slice_at(u8, address_of(message) + size_of(Message), length))
        else:
            size += fill_runs(message.run, buffer, length)
    message.length = length
    message.charge = size
    message.sender = sender
    sender.hold()
    sender.charged.fetch_add(size)
    return message


@must_use
@hot
def empty_message(sender: UnixSocket, size: u64) -> Fallible[Message]:
    """A message without content in an object of `size` bytes, which may be the one that `sender` has kept. ENOMEM."""
    if size == SPARE_SIZE:
        spare = sender.take_spare()
        if spare is not None:
            return spare
    return construct(Message, sender.stack.account.heap.allocate(size))


def fill_runs(first: Run, buffer: Buffer, length: u64) -> Fallible[u64]:
    """Put the next `length` bytes of `buffer` into frames. How much memory they take. ENOMEM, EFAULT, EINTR."""
    size = fill_run(first, buffer, length)
    with on_error(free_runs, first):
        done = first.length
        last = first
        while done < length:
            preemption_point(Freezing.LATER)
            run = owner_of(last).heap.new(Run)
            last.next = run
            last = run
            size += fill_run(run, buffer, length - done) + size_of(Run)
            done += run.length
    return size


def fill_run(run: Run, buffer: Buffer, length: u64) -> Fallible[u64]:
    """Put bytes into a run, the largest that they fill and that can be had. How large it is. ENOMEM, EFAULT."""
    order = order_for(length)
    while True:
        try:
            frame = frames.allocate_uncleared(owner_of(run), order, FrameUse.FILE)
            break
        except ENOMEM:
            if order == 0:
                raise
            order -= 1
    size = PAGE_SIZE << order
    with on_error(frames.release, frame):
        count = min(length, size)
        buffer.take(frames.contents_run(frame, order)[0:count])
    run.frame = frame
    run.length = count
    return size


def order_for(length: u64) -> u64:
    """The order of the largest run that `length` bytes fill, but for less than a page; at most RUN_ORDER."""
    order: u64 = 0
    while order < RUN_ORDER and PAGE_SIZE << (order + 1) < length + PAGE_SIZE:
        order += 1
    return order
