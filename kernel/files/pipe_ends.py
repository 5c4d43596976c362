"""The two ends of a pipe as open files; what they do is done by the pipe (pipe.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Fallible, UserAddr, i64, struct, u32, u64, uninitialised
from kernel.files.attributes import Attributes
from kernel.files.operations import Events, FileOps
from kernel.memory.buffer import Buffer

if TYPE_CHECKING:
    from kernel.files.pipe import Pipe
    from kernel.files.signalled import SignalledFiles


@struct
class PipeReader(FileOps):
    """The end of a pipe that is read."""

    pipe: Pipe = uninitialised()
    is_open: bool = False

    def read(self, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
        return self.pipe.receive(buffer, wait)

    def pipe_behind(self) -> Pipe | None:
        return self.pipe

    def attributes(self) -> Attributes:
        return self.pipe.described

    def readiness(self) -> Events:
        events = Events.NONE
        if not self.pipe.ring.is_empty:
            events = events | Events.INPUT | Events.READ_NORMAL
        if not self.pipe.writer.is_open:
            events = events | Events.HANG_UP
        return events

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        return self.pipe.control(request, argument)

    def signalled(self) -> SignalledFiles | None:
        return self.pipe.signalled

    def closed(self) -> None:
        self.is_open = False
        self.pipe.end_closed()

    def revoked(self) -> None:
        self.pipe.end_calls()


@struct
class PipeWriter(FileOps):
    """The end of a pipe that is written."""

    pipe: Pipe = uninitialised()
    is_open: bool = False

    def write(self, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
        return self.pipe.send(buffer, wait)

    def pipe_behind(self) -> Pipe | None:
        return self.pipe

    def is_broken(self, done: u64) -> bool:
        return not self.pipe.reader.is_open

    def attributes(self) -> Attributes:
        return self.pipe.described

    def readiness(self) -> Events:
        events = Events.NONE
        if not self.pipe.ring.is_full:
            events = events | Events.OUTPUT | Events.WRITE_NORMAL
        if not self.pipe.reader.is_open:
            events = events | Events.ERROR
        return events

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        return self.pipe.control(request, argument)

    def signalled(self) -> SignalledFiles | None:
        return self.pipe.signalled

    def closed(self) -> None:
        self.is_open = False
        self.pipe.end_closed()

    def revoked(self) -> None:
        self.pipe.end_calls()
