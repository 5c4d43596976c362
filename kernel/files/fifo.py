"""Fifo: a pipe with a name (fifo(7)).

Interface: `open_fifo` opens an end, waiting for somebody at the other one unless told not to.

A `Fifo` is made when its inode is first opened, and with the last end what is left in the pipe goes as well. It is
charged to who owns the file system; each end, as an open file, to who opened it.

Invariants
- `readers` and `writers` count the ends, including those whose open(2) still waits; the pipe's own ends are open
  while there are any.
- Every end holds the inode, by its open file.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    UserAddr,
    i64,
    inline,
    on_error,
    struct,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EINVAL, ENXIO
from kernel.files.attributes import Attributes
from kernel.files.file import FileOwner, OpenFile, open_file
from kernel.files.flags import OpenFlags, lasting, readable, writable
from kernel.files.inode import Inode
from kernel.files.operations import Events, FileOps
from kernel.files.pipe import Pipe
from kernel.files.pipe_making import create_pipe
from kernel.files.poll import readiness_changed
from kernel.files.signalled import SignalledFiles
from kernel.machine.clock import wall_time
from kernel.memory.buffer import Buffer
from kernel.memory.heap import free
from kernel.sched.wait import WaitQueue


@struct
class Fifo:
    """What the ends of a FIFO that is open share."""

    inode: Inode = uninitialised()
    pipe: Pipe = uninitialised()
    readers: u64 = 0
    writers: u64 = 0
    reader_opens: u64 = 0
    """How often it was opened to be read; `writer_opens`: to be written."""
    writer_opens: u64 = 0
    opened: WaitQueue = inline()

    def join(self, end: FifoEnd) -> None:
        """One more end."""
        if end.reads:
            self.readers += 1
            self.reader_opens += 1
            self.pipe.reader.is_open = True
        if end.writes:
            self.writers += 1
            self.writer_opens += 1
            self.pipe.writer.is_open = True
        self.opened.wake_all()
        readiness_changed()

    def leave(self, end: FifoEnd) -> None:
        """One end less; the last one takes the pipe with it."""
        if end.reads:
            self.readers -= 1
        if end.writes:
            self.writers -= 1
        is_last = self.readers + self.writers == 0
        if end.reads and self.readers == 0:
            self.pipe.reader.closed()
        if end.writes and self.writers == 0:
            self.pipe.writer.closed()
        if is_last:
            self.free()

    def wait_for_writer(self) -> Fallible[None]:
        """Sleep until the other end is opened, even if only for a moment. EINTR."""
        opens = self.writer_opens
        while True:
            seen = self.opened.observe()
            if self.writer_opens != opens:
                return
            self.opened.sleep(seen)

    def wait_for_reader(self) -> Fallible[None]:
        """`wait_for_writer` from the other side."""
        opens = self.reader_opens
        while True:
            seen = self.opened.observe()
            if self.reader_opens != opens:
                return
            self.opened.sleep(seen)

    def end_calls(self) -> None:
        """The file system that it is in ends: nobody waits at it any more."""
        self.pipe.end_calls()
        self.opened.end()

    def free(self) -> None:
        """Nobody has it open; the pipe is gone."""
        self.inode.fifo = None
        free(self)


@struct
class FifoEnd(FileOps):
    """One opening of a FIFO."""

    fifo: Fifo = uninitialised()
    reads: bool = False
    writes: bool = False
    unmet: u64 = 0
    """How often the FIFO had been opened to be written when this end was, and nobody was there.

    Until there is a writer, that there is none is no hang-up (pipe_poll() of Linux)."""

    def read(self, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
        done = self.fifo.pipe.receive(buffer, wait)
        self.fifo.inode.described.note_access()
        return done

    def write(self, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
        done = self.fifo.pipe.send(buffer, wait)
        if done > 0:
            self.fifo.inode.described.touch(wall_time())
        return done

    def pipe_behind(self) -> Pipe | None:
        return self.fifo.pipe

    def is_broken(self, done: u64) -> bool:
        return self.fifo.readers == 0

    def signalled(self) -> SignalledFiles | None:
        return self.fifo.pipe.signalled

    def attributes(self) -> Attributes:
        return self.fifo.inode.described

    def readiness(self) -> Events:
        events = Events.NONE
        pipe = self.fifo.pipe
        if self.reads:
            if not pipe.ring.is_empty:
                events = events | Events.INPUT | Events.READ_NORMAL
            if self.fifo.writers == 0 and self.fifo.writer_opens != self.unmet:
                events = events | Events.HANG_UP
        if self.writes:
            events = events | pipe.writer.readiness()
        return events

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        return self.fifo.pipe.control(request, argument)

    def closed(self) -> None:
        self.fifo.leave(self)
        free(self)

    def revoked(self) -> None:
        """It counts as an end until a call in progress returns: the FIFO itself may be of another container."""


def open_fifo(owner: FileOwner, inode: Inode, flags: OpenFlags) -> Fallible[OpenFile]:
    """Open an end of the FIFO `inode`, charged to `owner`: an open file with one reference.

    To read it waits for a writer, to write for a reader, to do both for nobody. With O_NONBLOCK it does not wait, and
    is ENXIO to write without a reader (fifo(7)). EINVAL for neither, as fifo_open() has it; EINTR, ENOMEM.
    """
    waits = OpenFlags.NONBLOCK not in flags
    reads = readable(flags)
    writes = writable(flags)
    if not reads and not writes:
        raise EINVAL
    known = inode.fifo
    if writes and not reads and not waits and (known is None or known.readers == 0):
        raise ENXIO
    fifo = create_fifo(inode) if known is None else known
    with on_error(free_unused, fifo):
        file = open_end(owner, fifo, reads, writes, lasting(flags))
    with on_error(file.drop):
        if not writes and fifo.writers == 0:
            if waits:
                fifo.wait_for_writer()
        elif not reads and fifo.readers == 0:
            fifo.wait_for_reader()
    return file


def create_fifo(inode: Inode) -> Fallible[Fifo]:
    """What the ends are going to share; there is none yet."""
    account = inode.fs.account
    fifo = account.heap.new(Fifo)
    with on_error(account.heap.free, fifo):
        fifo.pipe = create_pipe(account)
    fifo.inode = inode
    inode.fifo = fifo
    return fifo


def free_unused(fifo: Fifo) -> None:
    """Free a FIFO that no end was made for."""
    if fifo.readers + fifo.writers == 0:
        fifo.pipe.free_all()
        fifo.free()


def open_end(owner: FileOwner, fifo: Fifo, reads: bool, writes: bool, flags: OpenFlags) -> Fallible[OpenFile]:
    """One more end of `fifo`."""
    heap = owner.account.heap
    end = heap.new(FifoEnd)
    with on_error(heap.free, end):
        file = open_file(owner, end, fifo.inode, flags)
    fifo.inode.hold()
    end.fifo = fifo
    end.reads = reads
    end.writes = writes
    if reads and not writes and fifo.writers == 0 and OpenFlags.NONBLOCK in flags:
        end.unmet = fifo.writer_opens
    fifo.join(end)
    return file
