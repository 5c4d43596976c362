"""Event counters: a number that writers add to and readers take (eventfd(2)).

Invariant: `value` is at most HIGHEST; a write that would pass it waits for a read.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Slice,
    address_of,
    inline,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EAGAIN, EINVAL
from kernel.base.writer import Writer
from kernel.files.anonymous import describe, open_anonymous
from kernel.files.attributes import Attributes
from kernel.files.file import FileOwner, OpenFile
from kernel.files.operations import Events, FileOps
from kernel.files.poll import readiness_changed, source_of
from kernel.memory.buffer import Buffer, give_word, take_word
from kernel.memory.heap import free
from kernel.sched.wait import WaitQueue

HIGHEST: u64 = 0xFFFF_FFFF_FFFF_FFFE
WORD: u64 = 8
"""Reads and writes transfer one integer of 8 bytes."""


@struct
class EventCounter(FileOps):
    """One counter."""

    value: u64 = 0
    is_semaphore: bool = False
    """EFD_SEMAPHORE: a read takes 1 instead of all."""
    changed: WaitQueue = inline()
    source: u64 = 0
    """That of its changes, for poll(2)."""
    described: Attributes = inline()

    def read(self, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
        if buffer.left < WORD:
            raise EINVAL
        while True:
            seen = self.changed.observe()
            if self.value > 0:
                break
            if not wait:
                raise EAGAIN
            self.changed.sleep(seen)
        taken: u64 = 1 if self.is_semaphore else self.value
        self.value -= taken
        self.notify()
        give_word(buffer, taken)
        return WORD

    def write(self, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
        if buffer.left < WORD:
            raise EINVAL
        added = take_word(buffer)
        if added > HIGHEST:
            raise EINVAL
        while True:
            seen = self.changed.observe()
            if added <= HIGHEST - self.value:
                break
            if not wait:
                raise EAGAIN
            self.changed.sleep(seen)
        self.value += added
        self.notify()
        return WORD

    def notify(self) -> None:
        """The value is another one."""
        self.changed.wake_all()
        readiness_changed(self.source)

    def title(self) -> Slice[u8]:
        return b"[eventfd]"

    def write_details(self, writer: Writer, start: u64) -> u64:
        writer.text(b"eventfd-count: ")
        writer.padded(self.value, 16, 16)
        writer(f"\neventfd-semaphore: {1 if self.is_semaphore else 0}\n")
        return 0

    def attributes(self) -> Attributes:
        return self.described

    def readiness(self) -> Events:
        events = Events.NONE
        if self.value > 0:
            events = events | Events.INPUT | Events.READ_NORMAL
        if self.value < HIGHEST:
            events = events | Events.OUTPUT | Events.WRITE_NORMAL
        return events

    def closed(self) -> None:
        free(self)

    def revoked(self) -> None:
        self.changed.end()


def open_counter(owner: FileOwner, value: u32, is_semaphore: bool, nonblocking: bool) -> Fallible[OpenFile]:
    """A counter that begins with `value`, charged to `owner`, as an open file with one reference."""
    counter = owner.account.heap.new(EventCounter)
    counter.source = source_of(address_of(counter))
    counter.value = u64(value)
    counter.is_semaphore = is_semaphore
    describe(counter.described)
    return open_anonymous(owner, counter, nonblocking)
