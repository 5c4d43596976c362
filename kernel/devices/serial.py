"""Serial ports as files: the console on COM1.

Interface: `CONSOLE`, whose `interrupt` the trap layer calls for IRQ 4. Bytes pass unchanged in both directions, so it
is no terminal: TCGETS answers ENOTTY.

Invariant: while the queue is full, receive interrupts are off and further bytes wait in the device; reading
turns them on again. So nothing is lost to a slow reader.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    array,
    comptime,
    i64,
    inline,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EAGAIN, EINTR, EIO, ENOTTY
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.files.attributes import Attributes, Kind
from kernel.files.file import FileOwner, OpenFile, open_file
from kernel.files.flags import OpenFlags
from kernel.files.operations import FIONREAD, Events, FileOps
from kernel.files.poll import readiness_changed
from kernel.machine.uart import COM1, FIFO_SIZE, Uart
from kernel.memory import user
from kernel.sched.cpu import current
from kernel.sched.scheduler import yield_now
from kernel.sched.wait import WaitQueue

QUEUE_SIZE = 4096
ROOM_SPINS = 1000


@struct
class SerialPort(FileOps):
    """One serial port, with a queue of what it received."""

    uart: Uart = uninitialised()
    described: Attributes = inline()
    changed: WaitQueue = inline()

    # Shared with the interrupt.
    lock: SpinLock = inline(SpinLock(LockRank.SERIAL_PORT))
    head: u64 = 0
    used: u64 = 0
    queue: Array[u8] = array(QUEUE_SIZE)

    def initialise(self) -> None:
        """Set the port up and begin to receive."""
        self.uart.initialise()
        if self.uart.present:
            self.uart.enable_receive_interrupt()

    def interrupt(self) -> None:
        """Bytes have come."""
        with self.lock:
            self.collect()
        self.changed.wake_all()
        readiness_changed()

    def collect(self) -> None:
        """Move what the device received to the queue. The lock is held."""
        while self.used < QUEUE_SIZE and self.uart.has_input():
            self.queue[(self.head + self.used) % QUEUE_SIZE] = self.uart.take()
            self.used += 1
        if self.used == QUEUE_SIZE:
            self.uart.disable_receive_interrupt()

    def receive(self, destination: MutableSlice[u8]) -> u64:
        """Take what has come, at most len(destination) bytes; 0 when nothing has."""
        with self.lock:
            was_full = self.used == QUEUE_SIZE
            self.collect()
            total = min(self.used, u64(len(destination)))
            for index in range(total):
                destination[index] = self.queue[(self.head + index) % QUEUE_SIZE]
            self.head = (self.head + total) % QUEUE_SIZE
            self.used -= total
            if was_full and total > 0:
                self.uart.enable_receive_interrupt()
        return total

    def read_piece(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        if len(destination) == 0:
            return 0
        if not self.uart.present:
            return 0
        while True:
            seen = self.changed.observe()
            done = self.receive(destination)
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
            try:
                self.await_room()
            except EINTR:
                if done == 0:
                    raise
                break
            burst = min(FIFO_SIZE, total - done)
            self.uart.write(source[done : done + burst])
            done += burst
        return done

    def await_room(self) -> Fallible[None]:
        """Return when the device takes FIFO_SIZE bytes; however slow the other side is, nothing is lost.

        Devices are fast as a rule, so it looks a while before it lets others run. EINTR when a signal comes.
        """
        for _ in range(ROOM_SPINS):
            if self.uart.has_room():
                return
        while not self.uart.has_room():
            if current().interrupted:
                raise EINTR
            yield_now()

    def attributes(self) -> Attributes:
        return self.described

    def readiness(self) -> Events:
        events = Events.OUTPUT | Events.WRITE_NORMAL
        with self.lock:
            self.collect()
            if self.used > 0 or not self.uart.present:
                events = events | Events.INPUT | Events.READ_NORMAL
        return events

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        if request != FIONREAD:
            raise ENOTTY
        with self.lock:
            waiting = u32(self.used)
        user.put(u32, argument, waiting)
        return 0

    def revoked(self) -> None:
        """The port stays, and whoever waits for it."""


@comptime
def make_port(uart: Uart, device: int) -> SerialPort:
    """The file of `uart`; `device` is its number as Linux gives it (admin-guide/devices.txt)."""
    port = SerialPort()
    port.uart = uart
    port.described.kind = Kind.CHARACTER
    port.described.permissions = 0o600
    port.described.links = 1
    port.described.number = device
    port.described.device = device
    return port


CONSOLE = make_port(COM1, 0x501)


def console_file(owner: FileOwner) -> Fallible[OpenFile]:
    """The console, opened to read and write. One reference, the caller's."""
    return open_file(owner, CONSOLE, None, OpenFlags.READ_WRITE)
