"""Process descriptors: a process as an open file (pidfd_open(2)).

Interface: `open_process`; `ProcessHandle.wait_ended`. poll(2) says that it can be read once the process has ended.

The handle belongs to who opened it, and outlives the process: it is told the status when the process ends and cut off
when that is released, so nobody's descriptor keeps anything in another container alive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import (
    Fallible,
    Pid,
    Slice,
    field_offset,
    i64,
    inline,
    on_error,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.list import Link
from kernel.base.writer import Writer
from kernel.files.attributes import Attributes, Kind
from kernel.files.file import FileOwner, OpenFile, open_file
from kernel.files.flags import OpenFlags
from kernel.files.operations import Events, FileOps
from kernel.files.poll import readiness_changed
from kernel.memory.heap import free
from kernel.process.usage import Report, report_family
from kernel.sched.wait import WaitQueue

if TYPE_CHECKING:
    from kernel.process.process import Process


@struct
class ProcessHandle(FileOps):
    """One opening of a process."""

    process: Process | None = None
    process_link: Link[ProcessHandle] = inline()
    pid: Pid = Pid(0)
    user: u32 = 0
    ended: bool = False
    status: u32 = 0
    used: Report = inline()
    """What it and its children used, once it has ended."""
    may_wait: bool = False
    """Whether waitid(2) may take the status here: for who ran the process in a container of its own."""
    changed: WaitQueue = inline()
    described: Attributes = inline()

    def finish(self, process: Process) -> None:
        """The process has ended."""
        self.ended = True
        self.status = process.status
        report_family(process, self.used)
        self.changed.wake_all()
        readiness_changed()

    def wait_ended(self) -> Fallible[None]:
        """Sleep until the process has ended; EINTR."""
        while True:
            seen = self.changed.observe()
            if self.ended:
                return
            self.changed.sleep(seen)

    def title(self) -> Slice[u8]:
        return b"[pidfd]"

    def write_details(self, writer: Writer, start: u64) -> u64:
        pid = i64(-1) if self.process is None else i64(self.pid)
        writer(f"Pid:\t{pid}\nNSpid:\t{pid}\n")
        return 0

    def attributes(self) -> Attributes:
        return self.described

    def readiness(self) -> Events:
        return Events.INPUT | Events.READ_NORMAL if self.ended else Events.NONE

    def closed(self) -> None:
        self.forget_process()
        free(self)

    def revoked(self) -> None:
        self.forget_process()
        self.changed.end()

    def forget_process(self) -> None:
        """Be told nothing of the process any more."""
        process = self.process
        if process is not None:
            process.handles.remove(self)
            self.process = None


def open_handle(owner: FileOwner, nonblocking: bool = False) -> Fallible[OpenFile]:
    """A handle of no process yet, charged to `owner`, with one reference, the caller's."""
    heap = owner.account.heap
    handle = heap.new(ProcessHandle)
    handle.described.kind = Kind.REGULAR
    handle.described.permissions = 0o600
    with on_error(heap.free, handle):
        flags = OpenFlags.READ_WRITE | OpenFlags.NONBLOCK if nonblocking else OpenFlags.READ_WRITE
        return open_file(owner, handle, None, flags)


def attach(file: OpenFile, process: Process) -> None:
    """Let the fresh handle behind `file` refer to `process`."""
    handle = file.ops
    assert isinstance(handle, ProcessHandle), "the file is a handle of a process"
    handle.pid = process.pid
    process.handles.offset = field_offset(ProcessHandle.process_link)
    process.handles.push_last(handle)
    handle.process = process
    if process.is_zombie:
        handle.ended = True
        handle.status = process.status
        report_family(process, handle.used)


def open_process(owner: FileOwner, process: Process, may_wait: bool, nonblocking: bool = False) -> Fallible[OpenFile]:
    """A descriptor's worth of `process`, charged to `owner`, with one reference, the caller's."""
    file = open_handle(owner, nonblocking)
    attach(file, process)
    handle = file.ops
    assert isinstance(handle, ProcessHandle), "the file is a handle of a process"
    handle.may_wait = may_wait
    return file
