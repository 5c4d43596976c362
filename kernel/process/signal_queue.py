"""What comes with a signal (siginfo_t), kept from when it is sent to when it is taken.

A queue belongs to a process, or to a thread for signals to it alone, and is ordered by signal. Of a standard signal
one entry is queued, and one for each timer that sends it; real-time signals are queued each (signal(7)). That a signal
is pending at all is said by a bit in a set beside the queue, so a signal whose entry found no memory still arrives,
without information.
"""

from __future__ import annotations

from codegen.lang import Fallible, Interface, MutableSlice, i32, inline, store, struct, u8, u32, u64, uninitialised
from kernel.base.errno import ENOMEM
from kernel.base.tree import Tree, TreeNode
from kernel.process.signal_table import bits_of
from kernel.process.users import User

SI_USER: i32 = 0
SI_KERNEL: i32 = 0x80
SI_QUEUE: i32 = -1
SI_TIMER: i32 = -2
SI_TKILL: i32 = -6
"""`si_code`: sent by kill(2), the kernel, sigqueue(3), a timer, tgkill(2) (sigaction(2))."""
FIRST_REAL_TIME: u32 = 32
ROUND: u64 = 256
"""How many entries are dropped at a time."""


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

    def forget(self) -> None:
        """Nothing is known but the signal."""
        self.code = SI_USER
        self.word = 0
        self.value = 0

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


class SignalOwner(Interface):
    """What has the entry of its signal embedded in it, a timer: it is told what becomes of the entry."""

    def taken(self, info: SignalInfo) -> None:
        """The signal is taken, with `info`, which may still be completed."""
        ...

    def dropped(self) -> None:
        """The signal was discarded."""
        ...


@struct
class QueuedSignal:
    """One entry of a queue."""

    info: SignalInfo = inline()
    owner: SignalOwner | None = None
    """None: it is an object of its own."""
    payer: User = uninitialised()
    """For whom it counts, if it is one."""
    node: TreeNode[QueuedSignal] = inline()


def enqueue(queue: Tree[QueuedSignal], payer: User, limit: u64, info: SignalInfo, is_pending: bool) -> bool:
    """Keep `info` until the signal is taken; whether the signal is to be sent: not if it would be lost.

    It counts for `payer`, who may have `limit` entries; standard signals of the kernel and kill(2) are free of that.
    `is_pending`: the signal is pending already, of which a standard one needs no second entry.
    """
    is_standard = info.signal < FIRST_REAL_TIME
    if is_standard and is_pending:
        return True
    if payer.charge_signal(limit, is_standard and info.code >= 0):
        try:
            keep(queue, payer, info)
            return True
        except ENOMEM:
            payer.return_signal()
    info.lost = not is_standard and info.code != SI_USER
    return not info.lost


def keep(queue: Tree[QueuedSignal], payer: User, info: SignalInfo) -> Fallible[None]:
    """Add an entry, which is charged to `payer`. ENOMEM."""
    entry = payer.heap.new(QueuedSignal)
    entry.payer = payer
    entry.info.copy_from(info)
    queue.insert_last(entry, u64(info.signal))


def release(entry: QueuedSignal) -> None:
    """Give back an entry that is in no queue."""
    payer = entry.payer
    payer.heap.free(entry)
    payer.return_signal()


def first_of(queue: Tree[QueuedSignal], signal: u32) -> QueuedSignal | None:
    """The entry for `signal` that came first."""
    entry = queue.at_or_above(u64(signal))
    return None if entry is None or entry.info.signal != signal else entry


def take(queue: Tree[QueuedSignal], info: SignalInfo) -> bool:
    """Complete `info`, whose signal is set, by the first entry for it; whether more are left."""
    signal = info.signal
    entry = first_of(queue, signal)
    if entry is None:
        info.forget()
        return False
    queue.remove(entry)
    info.copy_from(entry.info)
    owner = entry.owner
    if owner is None:
        release(entry)
    else:
        owner.taken(info)
    return first_of(queue, signal) is not None


def discard(queue: Tree[QueuedSignal], signals: u64) -> bool:
    """Drop the entries for `signals`, at most ROUND; whether that were all."""
    count: u64 = 0
    if queue.is_empty:
        return True
    for index in bits_of(signals):
        while True:
            entry = first_of(queue, u32(index) + 1)
            if entry is None:
                break
            if count == ROUND:
                return False
            count += 1
            queue.remove(entry)
            owner = entry.owner
            if owner is None:
                release(entry)
            else:
                owner.dropped()
    return True
