"""What tells an epoll with EPOLLET that something has happened at a file."""

from __future__ import annotations

from codegen.lang import u32, u64
from kernel.files.eventfd import EventCounter
from kernel.files.fifo import FifoEnd
from kernel.files.operations import FileOps
from kernel.files.pipe_ends import PipeReader, PipeWriter
from kernel.files.timerfd import TimerFile


def changes_of(ops: FileOps, events: u32) -> u64:
    """A number that is another one after each event at the file that who asks for `events` is to be told of."""
    if isinstance(ops, PipeReader):
        return ops.pipe.arrivals
    if isinstance(ops, PipeWriter):
        return ops.pipe.departures
    if isinstance(ops, FifoEnd):
        return ops.fifo.pipe.arrivals + ops.fifo.pipe.departures + ops.fifo.opened.observe()
    if isinstance(ops, EventCounter):
        return ops.changed.observe()
    if isinstance(ops, TimerFile):
        return ops.changed.observe()
    return ops.changes(events)
