"""Signals that are read instead of handled (signalfd(2)).

A signal file has no signals of its own: who reads or polls it looks at what is pending for itself.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    MutableSlice,
    Slice,
    fill,
    i32,
    inline,
    local,
    store,
    struct,
    truncate,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EAGAIN, EINVAL, EIO
from kernel.base.writer import Writer
from kernel.files.anonymous import describe, open_anonymous
from kernel.files.attributes import Attributes
from kernel.files.file import FileOwner, OpenFile
from kernel.files.operations import Events, FileOps
from kernel.files.poll import SIGNAL_SOURCE, observe, wait_for_change
from kernel.memory.heap import free
from kernel.process.deliver import take_signal
from kernel.process.signal_queue import SI_TIMER, SignalInfo
from kernel.process.signal_table import Signal
from kernel.sched.cpu import current
from kernel.sched.timer import NEVER

RECORD: u64 = 128
"""The size of a struct signalfd_siginfo."""


@struct
class SignalFile(FileOps):
    """One signal file."""

    mask: u64 = 0
    is_revoked: bool = False
    described: Attributes = inline()

    def read_piece(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        if len(destination) < RECORD:
            raise EINVAL
        info = local(SignalInfo)
        while True:
            seen = observe()
            if self.is_revoked:
                raise EIO
            if take_signal(current(), self.mask, info):
                break
            if not wait or not wait_for_change(seen, NEVER, SIGNAL_SOURCE):
                raise EAGAIN
        put_record(destination[0:RECORD], info)
        done = RECORD
        while u64(len(destination)) - done >= RECORD and take_signal(current(), self.mask, info):
            put_record(destination[done : done + RECORD], info)
            done += RECORD
        return done

    def title(self) -> Slice[u8]:
        return b"[signalfd]"

    def write_details(self, writer: Writer, start: u64) -> u64:
        writer.text(b"sigmask:\t")
        writer.zero_padded(self.mask, 16)
        writer.text(b"\n")
        return 0

    def attributes(self) -> Attributes:
        return self.described

    def readiness(self) -> Events:
        thread = current()
        pending = thread.pending_signals | thread.process.signals.pending
        return Events.INPUT | Events.READ_NORMAL if pending & self.mask != 0 else Events.NONE

    def closed(self) -> None:
        free(self)

    def revoked(self) -> None:
        self.is_revoked = True


def put_record(record: MutableSlice[u8], info: SignalInfo) -> None:
    """Fill in a struct signalfd_siginfo."""
    fill(record, 0)
    low, high = truncate(u32, info.word), u32(info.word >> 32)
    store(u32, record, 0, info.signal)
    store(i32, record, 8, info.code)
    if info.code == SI_TIMER:
        store(u32, record, 24, low)
        store(u32, record, 32, high)
    else:
        store(u32, record, 12, low)
        store(u32, record, 16, high)
    if info.signal == u32(Signal.CHILD):
        store(u32, record, 40, truncate(u32, info.value))
    else:
        store(u32, record, 44, truncate(u32, info.value))
        store(u64, record, 48, info.value)


def open_signals(owner: FileOwner, mask: u64, nonblocking: bool) -> Fallible[OpenFile]:
    """A file of the signals in `mask`, charged to `owner`, with one reference, the caller's."""
    signals = owner.account.heap.new(SignalFile)
    signals.mask = mask
    describe(signals.described)
    file = open_anonymous(owner, signals, nonblocking)
    file.source = SIGNAL_SOURCE
    return file
