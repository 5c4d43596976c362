"""The channel to the harness: two queues in memory that both sides see, with COM2 as the doorbell.

Interface: `CHANNEL`, the file that the agent gets as descriptor 3 (docs/internals.md); `interrupt` for IRQ 3.

The harness has the guest's memory mapped and finds `CHANNEL` by its symbol. Who has put bytes into a queue sends one
byte, of any value, over COM2. A serial line alone passes some 25 KiB a second in QEMU, as it interrupts for every byte.

Invariants
- `produced` is changed only by who fills a queue, `consumed` only by who empties it; both only grow, and
  `consumed <= produced <= consumed + CAPACITY`. Byte n of the stream is at `n % CAPACITY`.
- Everything is in guest memory, so a machine that is rewound has the queues of that moment.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    Atomic,
    Fallible,
    MutableSlice,
    Nanoseconds,
    Order,
    Slice,
    array,
    comptime,
    copy,
    inline,
    struct,
    u8,
    u64,
    uninitialised,
)
from kernel.base.errno import EAGAIN, EINTR, EIO
from kernel.files.attributes import Attributes, Kind
from kernel.files.file import FileOwner, OpenFile, open_file
from kernel.files.flags import OpenFlags
from kernel.files.operations import Events, FileOps
from kernel.files.poll import readiness_changed
from kernel.machine.uart import COM2, Uart
from kernel.sched.timer import now
from kernel.sched.wait import WaitQueue

CAPACITY = 65536
DOORBELL = b"\n"
DEVICE = 0x441
"""The second serial port as Linux numbers it (admin-guide/devices.txt)."""

RETRY: u64 = 500_000
"""Nanoseconds between two looks whether the harness has made room: it does not ring for that."""


@struct
class ByteQueue:
    """Bytes in flight in one direction."""

    produced: Atomic[u64] = inline()
    consumed: Atomic[u64] = inline()
    content: Array[u8] = array(CAPACITY)

    @property
    def used(self) -> u64:
        """How many bytes wait."""
        return self.produced.load(Order.ACQUIRE) - self.consumed.load(Order.ACQUIRE)

    def put(self, source: Slice[u8]) -> u64:
        """Add what fits; returns how much that was."""
        produced = self.produced.load(Order.RELAXED)
        total = min(u64(len(source)), CAPACITY - self.used)
        done: u64 = 0
        while done < total:
            start = (produced + done) % CAPACITY
            step = min(CAPACITY - start, total - done)
            copy(self.content[start : start + step], source[done : done + step])
            done += step
        self.produced.store(produced + total, Order.RELEASE)
        return total

    def take(self, destination: MutableSlice[u8]) -> u64:
        """Remove what is there, up to len(destination) bytes; returns how much that was."""
        consumed = self.consumed.load(Order.RELAXED)
        total = min(u64(len(destination)), self.used)
        done: u64 = 0
        while done < total:
            start = (consumed + done) % CAPACITY
            step = min(CAPACITY - start, total - done)
            copy(destination[done : done + step], self.content[start : start + step])
            done += step
        self.consumed.store(consumed + total, Order.RELEASE)
        return total


@struct
class Channel(FileOps):
    """Both queues, and the serial port that rings."""

    uart: Uart = uninitialised()
    described: Attributes = inline()
    changed: WaitQueue = inline()
    to_guest: ByteQueue = inline()
    to_host: ByteQueue = inline()

    def initialise(self) -> None:
        """Listen to the doorbell."""
        self.uart.initialise()
        if self.uart.present:
            self.uart.enable_receive_interrupt()

    def interrupt(self) -> None:
        """The harness rang."""
        while self.uart.has_input():
            self.uart.take()
        self.changed.wake_all()
        readiness_changed()

    def read_piece(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        if len(destination) == 0 or not self.uart.present:
            return 0
        while True:
            seen = self.changed.observe()
            done = self.to_guest.take(destination)
            if done > 0:
                return done
            if not wait:
                raise EAGAIN
            self.changed.sleep(seen)

    def write_piece(self, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
        if not self.uart.present:
            raise EIO
        total = u64(len(source))
        done: u64 = 0
        while done < total:
            step = self.to_host.put(source[done:total])
            done += step
            if step > 0:
                self.uart.write(DOORBELL)
            elif not wait:
                if done == 0:
                    raise EAGAIN
                break
            else:
                try:
                    self.changed.sleep_until(self.changed.observe(), Nanoseconds(now() + RETRY))
                except EINTR:
                    if done == 0:
                        raise
                    break
        return done

    def attributes(self) -> Attributes:
        return self.described

    def readiness(self) -> Events:
        events = Events.OUTPUT | Events.WRITE_NORMAL
        if self.to_guest.used > 0 or not self.uart.present:
            events = events | Events.INPUT | Events.READ_NORMAL
        return events

    def revoked(self) -> None:
        """Only the boot container, which never ends, opens it."""


@comptime
def make_channel(uart: Uart) -> Channel:
    """The channel that rings by `uart`."""
    channel = Channel()
    channel.uart = uart
    channel.described.kind = Kind.CHARACTER
    channel.described.permissions = 0o600
    channel.described.links = 1
    channel.described.number = DEVICE
    channel.described.device = DEVICE
    return channel


CHANNEL = make_channel(COM2)


def channel_file(owner: FileOwner) -> Fallible[OpenFile]:
    """The channel to the harness, opened to read and write. One reference, the caller's."""
    return open_file(owner, CHANNEL, None, OpenFlags.READ_WRITE)
