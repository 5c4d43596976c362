"""What comes with a signal (siginfo_t), kept from when it is sent to when it is taken.

A queue belongs to a process, or to a thread for signals to it alone. Of a standard signal at most one entry is queued;
real-time signals are queued each (signal(7)). That a signal is pending at all is said by a bit in a set beside
the queue, so a signal whose entry found no memory still arrives, without information.
"""

from __future__ import annotations

from codegen.lang import Fallible, MutableSlice, i32, inline, store, struct, u8, u32, u64
from kernel.base.errno import ENOMEM
from kernel.base.list import Link, List
from kernel.memory.heap import Heap
from kernel.process.signal_table import bit_of

SI_USER: i32 = 0
SI_KERNEL: i32 = 0x80
SI_QUEUE: i32 = -1
SI_TIMER: i32 = -2
SI_TKILL: i32 = -6
"""`si_code`: sent by kill(2), the kernel, sigqueue(3), a timer, tgkill(2) (sigaction(2))."""
FIRST_REAL_TIME: u32 = 32


@struct
class SignalInfo:
    """The parts of siginfo_t that have a meaning."""

    signal: u32 = 0
    code: i32 = 0
    word: u64 = 0
    """At byte 16: pid and uid of the sender, id and overrun of a timer, or the address of a fault."""
    value: u64 = 0
    """At byte 24: the sender's value, or the status of a child."""
    lost: bool = False
    """It was to be queued or not sent at all (sigqueue(3)), and there was no memory."""

    def come_from(self, pid: u32, user: u32) -> None:
        """Who sent it."""
        self.word = u64(pid) | u64(user) << 32

    def copy_from(self, other: SignalInfo) -> None:
        """Say what `other` says."""
        self.signal = other.signal
        self.code = other.code
        self.word = other.word
        self.value = other.value

    def put(self, information: MutableSlice[u8]) -> None:
        """Fill in a siginfo_t, which is all zero."""
        store(u32, information, 0, self.signal)
        store(i32, information, 8, self.code)
        store(u64, information, 16, self.word)
        store(u64, information, 24, self.value)


@struct
class QueuedSignal:
    """One entry of a queue."""

    info: SignalInfo = inline()
    link: Link[QueuedSignal] = inline()


def enqueue(queue: List[QueuedSignal], heap: Heap, info: SignalInfo) -> bool:
    """Keep `info` until the signal is taken; whether the signal is to be sent: not if it would be lost."""
    if info.signal < FIRST_REAL_TIME and finds(queue, info.signal):
        return True
    try:
        keep(queue, heap, info)
    except ENOMEM:
        info.lost = info.code == SI_QUEUE and info.signal >= FIRST_REAL_TIME
    return not info.lost


def keep(queue: List[QueuedSignal], heap: Heap, info: SignalInfo) -> Fallible[None]:
    """Add an entry. ENOMEM."""
    entry = heap.new(QueuedSignal)
    entry.info.copy_from(info)
    queue.push_last(entry)


def finds(queue: List[QueuedSignal], signal: u32) -> bool:
    """Whether there is an entry for `signal`."""
    for entry in queue:
        if entry.info.signal == signal:
            return True
    return False


def take(queue: List[QueuedSignal], heap: Heap, info: SignalInfo) -> bool:
    """Complete `info`, whose signal is set, by the first entry for it; whether more are left."""
    for entry in queue:
        if entry.info.signal == info.signal:
            info.copy_from(entry.info)
            queue.remove(entry)
            heap.free(entry)
            return finds(queue, info.signal)
    info.code = SI_USER
    return False


def discard(queue: List[QueuedSignal], heap: Heap, signals: u64) -> None:
    """Drop the entries for `signals`."""
    for entry in queue:
        if signals & bit_of(entry.info.signal) != 0:
            queue.remove(entry)
            heap.free(entry)
