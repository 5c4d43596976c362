"""The kernel's log: `log(f"container {c.id}: exit {code}")` writes one line.

It goes to COM1 (as long as `LOG.echo` is set) and into a ring in memory, which the inspector reads: `LOG.ring`
holds the last RING_SIZE bytes written, the newest at `(written - 1) % RING_SIZE`.
"""

from __future__ import annotations

from codegen.lang import Array, Slice, array, i64, inline, local_array, struct, text_sink, u8, u64
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.base.text import DECIMAL_LENGTH, format_unsigned
from kernel.machine.uart import COM1

RING_SIZE: u64 = 65536


@struct
class LogRing:
    """The last RING_SIZE bytes that were logged."""

    content: Array[u8] = array(RING_SIZE)
    written: u64 = 0
    """How many bytes were ever written."""

    def append(self, text: Slice[u8]) -> None:
        """Add `text`, over the oldest bytes."""
        for character in text:
            self.content[self.written % RING_SIZE] = character
            self.written += 1


RING = LogRing()


@text_sink
@struct
class Log:
    """Lines of text. `locked` is false only for what is written while the machine stops."""

    locked: bool = True
    echo: bool = True
    lock: SpinLock = inline(SpinLock(LockRank.LOG))

    def __init__(self, locked: bool = True) -> None:
        self.locked = locked

    def __call__(self, message: str) -> None:
        """Log one line; on the host it is only kept in the ring."""
        RING.append(message.encode() + b"\n")

    def begin(self) -> None:
        """A line begins."""
        if self.locked:
            self.lock.acquire()

    def text(self, text: Slice[u8]) -> None:
        """Bytes, as they are."""
        RING.append(text)
        if self.echo:
            COM1.write(text)

    def unsigned(self, value: u64) -> None:
        """A number in decimal."""
        buffer = local_array(u8, 20)
        self.text(buffer[format_unsigned(buffer, value, 10) : DECIMAL_LENGTH])

    def signed(self, value: i64) -> None:
        """A number in decimal, with its sign."""
        if value < 0:
            self.text(b"-")
            self.unsigned(u64(-(value + 1)) + 1)
        else:
            self.unsigned(u64(value))

    def hexadecimal(self, value: u64) -> None:
        """A number in hexadecimal; the 0x of `:#x` comes as text."""
        buffer = local_array(u8, 20)
        self.text(buffer[format_unsigned(buffer, value, 16) : DECIMAL_LENGTH])

    def end(self) -> None:
        """The line ends."""
        self.text(b"\n")
        if self.locked:
            self.lock.release()


LOG = Log()
log = LOG

LAST_WORDS = Log(locked=False)
"""For the panic: takes no lock, since the holder may be what panics."""
