"""Texts: the files whose contents are made when they are read, and taken when they are written (proc(5)).

Interface: `TextFile` says what makes a text; `TextReader` is such a file when it is open.

A text is made of records, each of which is written by one call, under a key; the call returns the key of the next
record, or `END`. A reader goes on where it is, so each record is made once in a pass through the text, and is never
torn: what has no room in the buffer of a read is kept until the next one. A short text is one record.

What is in the memory of a process is bound to the program that ran when the file was opened, and who may look into the
process is asked then; later the text is empty (proc_mem_open() of Linux).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from codegen.lang import Fallible, MutableSlice, Slice, copy, inline, local, struct, u8, u64, uninitialised, width
from kernel.base.errno import EINVAL, EIO, ESRCH
from kernel.base.writer import Writer
from kernel.files.attributes import Attributes
from kernel.files.file import FileOwner
from kernel.files.inode import Inode
from kernel.files.made import MadeFile
from kernel.files.operations import ALWAYS_READY, Events, FileOps
from kernel.machine.layout import PAGE_SIZE
from kernel.memory.heap import free, owner_of
from kernel.process.process import Process
from kernel.sched.mutex import Mutex
from kernel.sched.preemption import Freezing, preemption_point
from kernel.views.subject import looked_into, process_of

END: u64 = 0xFFFF_FFFF_FFFF_FFFF
"""The key behind the last record."""


def no_text(inode: Inode, writer: Writer) -> Fallible[None]:
    """An empty text."""


def take_nothing(inode: Inode, text: Slice[u8]) -> Fallible[None]:
    """What is written to a file that takes nothing: EINVAL in the folder of a process, EIO elsewhere, as Linux has
    it.
    """
    if inode.subject is not None:
        raise EINVAL
    raise EIO


@width(u8)
class Binding(IntEnum):
    """What a text is of, and what has to be right when it is opened."""

    ANYTHING = 0
    PROCESS = 1
    """A process, which must not be a zombie: EINVAL."""
    MEMORY = 2
    """The memory of a process: EACCES for who may not look into it, and empty for a zombie."""
    LIVING_MEMORY = 3
    """Likewise, but ESRCH for a zombie."""
    TRACED = 4
    """A process, for who may look into it: EACCES."""


@struct
class TextFile(MadeFile):
    """What makes the text of a file."""

    binding: Binding = Binding.ANYTHING
    fixed: Slice[u8] = uninitialised()
    """The text, where it is always the same."""
    is_fixed: bool = False
    whole: Callable[[Inode, Writer], Fallible[None]] = no_text
    """Writes the whole text, of one record."""
    records: Callable[[Inode, Writer, u64], Fallible[u64]] | None = None
    """Writes the record with a key, and returns the next key; the first one is 0. It may also write nothing."""
    take: Callable[[Inode, Slice[u8]], Fallible[None]] = take_nothing

    @property
    def is_of_memory(self) -> bool:
        """Whether the text is bound to a program."""
        return self.binding == Binding.MEMORY or self.binding == Binding.LIVING_MEMORY

    def open(self, inode: Inode, owner: FileOwner) -> Fallible[FileOps]:
        programs = self.check_open(inode)
        reader = owner.account.heap.new(TextReader)
        reader.inode = inode
        reader.file = self
        reader.programs = programs
        return reader

    def check_open(self, inode: Inode) -> Fallible[u64]:
        """Whether the file may be opened; returns which program of its process it is about."""
        match self.binding:
            case Binding.ANYTHING:
                return 0
            case Binding.PROCESS:
                if process_of(inode).is_zombie:
                    raise EINVAL
                return 0
            case Binding.TRACED:
                looked_into(inode)
                return 0
            case Binding.MEMORY:
                process = process_of(inode)
                return process.programs if process.is_zombie else looked_into(inode).programs
            case Binding.LIVING_MEMORY:
                process = looked_into(inode)
                if process.is_zombie:
                    raise ESRCH
                return process.programs

    def write_record(self, inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
        """Write the record with a key; returns the next key."""
        records = self.records
        if records is not None:
            return records(inode, writer, key)
        if self.is_fixed:
            writer.text(self.fixed)
        else:
            self.whole(inode, writer)
        return END


def bound_process(inode: Inode, programs: u64) -> Fallible[Process | None]:
    """The process that `inode` is about, if it still has the memory that it had when `programs` was noted."""
    try:
        process = process_of(inode)
    except ESRCH:
        return None
    return None if process.is_zombie or process.programs != programs else process


@struct
class TextReader(FileOps):
    """A text that is open."""

    inode: Inode = uninitialised()
    """Lent by the open file."""
    file: TextFile = uninitialised()
    programs: u64 = 0
    lock: Mutex = inline()
    """Held by a read."""
    key: u64 = 0
    """Of the record that comes after what is in the buffer."""
    position: u64 = 0
    """Where in the text the next byte is, that in the buffer if there is any left."""
    buffer: MutableSlice[u8] = uninitialised()
    size: u64 = 0
    """Of the buffer; 0 while there is none."""
    start: u64 = 0
    end: u64 = 0
    """What is left in the buffer is between."""

    def read_piece(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        self.inode.check_alive()
        with self.lock:
            self.move_to(offset)
            return self.read_on(destination) if self.position == offset else 0

    def move_to(self, offset: u64) -> Fallible[None]:
        """Stand at `offset` of the text, or at its end."""
        if offset == 0 or offset < self.position:
            self.restart()
        while self.position < offset:
            preemption_point(Freezing.LATER)
            if self.start == self.end:
                self.fill_buffer()
            if self.start == self.end:
                return
            self.skip(min(self.end - self.start, offset - self.position))

    def restart(self) -> None:
        """Stand at the beginning of the text, which is made anew."""
        self.key = 0
        self.position = 0
        self.start = 0
        self.end = 0

    def skip(self, amount: u64) -> None:
        """Go over so much of what is in the buffer."""
        self.start += amount
        self.position += amount

    def read_on(self, destination: MutableSlice[u8]) -> Fallible[u64]:
        """Read from the position; 0 at the end."""
        total = u64(len(destination))
        done = self.take_from_buffer(destination)
        while done < total and self.key != END:
            written = self.write_records(destination[done:total])
            self.position += written
            done += written
            if done < total and self.key != END:
                # The next record has no room here: it is made in the buffer.
                self.fill_buffer()
                done += self.take_from_buffer(destination[done:total])
        return done

    def take_from_buffer(self, destination: MutableSlice[u8]) -> u64:
        """Move what there is in the buffer; returns how much."""
        amount = min(u64(len(destination)), self.end - self.start)
        copy(destination[0:amount], self.buffer[self.start : self.start + amount])
        self.skip(amount)
        return amount

    def fill_buffer(self) -> Fallible[None]:
        """Make the next records in the buffer, which is empty, and becomes larger for a record that is. ENOMEM."""
        self.start = 0
        self.end = 0
        while self.key != END:
            if self.size > 0:
                self.end = self.write_records(self.buffer)
                if self.end > 0 or self.key == END:
                    return
            self.enlarge(PAGE_SIZE if self.size == 0 else self.size * 2)

    def enlarge(self, size: u64) -> Fallible[None]:
        """Have a buffer of `size` bytes."""
        larger = owner_of(self).heap.allocate_bytes(size)
        self.free_buffer()
        self.buffer = larger
        self.size = size

    def free_buffer(self) -> None:
        """Have no buffer."""
        if self.size > 0:
            self.size = 0
            owner_of(self).heap.free_bytes(self.buffer)

    def write_records(self, room: MutableSlice[u8]) -> Fallible[u64]:
        """Make records as long as they have room, and move on; returns how many bytes."""
        if self.file.is_of_memory and bound_process(self.inode, self.programs) is None:
            self.key = END
        writer = local(Writer)
        writer.buffer = room
        while self.key != END:
            before = writer.length
            following = self.file.write_record(self.inode, writer, self.key)
            if writer.is_cut:
                return before
            self.key = following
        return writer.length

    def write_piece(self, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
        self.inode.check_alive()
        self.file.take(self.inode, source)
        return u64(len(source))

    def attributes(self) -> Attributes:
        return self.inode.described

    def is_seekable(self) -> bool:
        return True

    def readiness(self) -> Events:
        return ALWAYS_READY

    def closed(self) -> None:
        self.free_buffer()
        free(self)
