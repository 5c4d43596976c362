"""TraceLog: what the threads of a container do, as an open file that who asked for it reads (trace_container(1007)).

Interface: `open_trace`. A record is a `TraceRecord` with pieces of the program's memory behind it: which arguments are
paths, buffers and structures is told by the table that comes with the call, so that the kernel knows nothing of calls.

Records stand in a ring, which is charged to the container that asked. A thread that finds no room waits for it; one
that is to end, or that a signal is pending for, does not, and the next record that finds room says how many were lost.

Invariants
- The log lives until it is closed and no thread is in one of its methods (`uses`).
- Once it has ended (closed, its container or that of its reader destroyed) nobody waits in it.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    UserSlice,
    address_of,
    array,
    copy,
    deferred,
    fill,
    i32,
    i64,
    inline,
    local,
    on_error,
    reference,
    size_of,
    slice_at,
    store,
    struct,
    u8,
    u16,
    u32,
    u64,
    uninitialised,
    view,
)
from kernel.base.errno import EAGAIN, EBUSY, EFAULT, ENAMETOOLONG
from kernel.containers.abi import TRACE_ARGUMENTS, PieceKind, TraceKind, TraceRecord
from kernel.containers.container import Container
from kernel.containers.handle import ContainerHandle
from kernel.files.anonymous import describe, open_anonymous
from kernel.files.attributes import Attributes
from kernel.files.file import FileOwner, OpenFile
from kernel.files.operations import Events, FileOps
from kernel.files.poll import readiness_changed
from kernel.memory import user
from kernel.memory.heap import free, owner_of
from kernel.process.signal_queue import SignalInfo
from kernel.process.tracer import Tracer
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER, now
from kernel.sched.wait import WaitQueue

RECORD_MAX: u64 = 1024
"""A record with its pieces; what does not fit is left out."""
PIECE_HEADER: u64 = 8
STRINGS_MAX: u64 = 16
"""How many strings of an array, such as argv of execve(2), are copied."""
POINTER: u64 = 8


@struct
class Draft:
    """A record that is being made, on the stack of the thread that it is about."""

    memory: Array[u8] = array(RECORD_MAX)
    used: u64 = 0

    def begin(self, thread: Thread, kind: TraceKind, number: u64, result: i64) -> None:
        """A record without pieces."""
        record = local(TraceRecord)
        frame = thread.frame
        record.kind = u32(kind)
        record.pid = i32(thread.process.pid)
        record.tid = i32(thread.id)
        record.time = u64(now())
        record.number = number
        record.result = result
        if kind == TraceKind.ENTRY or kind == TraceKind.EXIT:
            given = record.arguments
            given[0], given[1], given[2] = frame.rdi, frame.rsi, frame.rdx
            given[3], given[4], given[5] = frame.r10, frame.r8, frame.r9
        self.used = size_of(TraceRecord)
        copy(self.memory[0 : self.used], slice_at(u8, address_of(record), self.used))

    def finish(self, lost: u32) -> Slice[u8]:
        """The bytes of the record."""
        store(u32, self.memory, 0, u32(self.used))
        store(u32, self.memory, LOST_OFFSET, lost)
        return self.memory[0 : self.used]

    def room(self) -> u64:
        """How many bytes a piece can have."""
        return RECORD_MAX - self.used - PIECE_HEADER if self.used + PIECE_HEADER < RECORD_MAX else 0

    def place(self, wanted: u64) -> MutableSlice[u8]:
        """Where the next piece goes: so many bytes, or fewer."""
        start = self.used + PIECE_HEADER
        return self.memory[start : start + min(wanted, self.room())]

    def add(self, argument: u64, length: u64, is_cut: bool) -> None:
        """The `length` bytes that were put in `place` are a piece about an argument."""
        header = self.memory[self.used : self.used + PIECE_HEADER]
        store(u16, header, 0, u16(argument))
        store(u16, header, 2, 1 if is_cut else 0)
        store(u32, header, 4, u32(length))
        end = self.used + PIECE_HEADER + length
        self.used = min((end + 7) // 8 * 8, RECORD_MAX)
        fill(self.memory[end : self.used], 0)

    def add_bytes(self, argument: u64, address: u64, length: u64, most: u64) -> None:
        """A piece of memory of the program, if it is there."""
        place = self.place(min(length, most))
        if len(place) == 0:
            return
        try:
            user.copy_in(place, UserSlice(UserAddr(address), len(place)))
        except EFAULT:
            return
        self.add(argument, len(place), len(place) < length)

    def add_string(self, argument: u64, address: u64, most: u64) -> None:
        """A string of the program, without its NUL."""
        place = self.place(most)
        if len(place) == 0:
            return
        try:
            self.add(argument, user.copy_in_string(place, UserAddr(address)), False)
        except ENAMETOOLONG:
            self.add(argument, len(place), True)
        except EFAULT:
            return

    def add_strings(self, argument: u64, address: u64, most: u64) -> None:
        """The strings of an array that ends with a null pointer, a piece each."""
        for index in range(STRINGS_MAX):
            try:
                string = user.get(u64, UserAddr(address + index * POINTER))
            except EFAULT:
                return
            if string == 0:
                return
            self.add_string(argument, string, most)


LOST_OFFSET: u64 = 40


@struct
class TraceLog(FileOps, Tracer):
    """The log of one container."""

    container: Container | None = None
    table: MutableSlice[u32] = uninitialised()
    """For each call six words: how its arguments are to be copied (`PieceKind` and more, abi.py)."""
    ring: MutableSlice[u8] = uninitialised()
    first: u64 = 0
    used: u64 = 0
    lost: u32 = 0
    uses: u64 = 1
    """By the open file, and by threads in one of the methods."""
    has_ended: bool = False
    arrived: WaitQueue = inline()
    room: WaitQueue = inline()
    described: Attributes = inline()

    # Tracer.

    def entered(self, thread: Thread, number: u64) -> None:
        self.tell_call(thread, TraceKind.ENTRY, number, 0)

    def left(self, thread: Thread, number: u64, result: i64) -> None:
        self.tell_call(thread, TraceKind.EXIT, number, result)

    def took_signal(self, thread: Thread, info: SignalInfo) -> None:
        draft = local(Draft)
        draft.begin(thread, TraceKind.SIGNAL, u64(info.signal), i64(info.code))
        arguments = reference(TraceRecord, address_of(draft.memory)).arguments
        arguments[0], arguments[1] = info.word, info.value
        self.put(thread, draft)

    def ended(self, thread: Thread, status: u32) -> None:
        draft = local(Draft)
        draft.begin(thread, TraceKind.END, 0, i64(status))
        self.put(thread, draft)

    def tell_call(self, thread: Thread, kind: TraceKind, number: u64, result: i64) -> None:
        """A call begins or has been made: copy what the table says of its arguments."""
        self.uses += 1
        with deferred(self.drop):
            draft = local(Draft)
            draft.begin(thread, kind, number, result)
            if (number + 1) * TRACE_ARGUMENTS <= len(self.table):
                for argument in range(TRACE_ARGUMENTS):
                    self.add_piece(draft, thread, kind, number, argument, result)
            self.put(thread, draft)

    def add_piece(self, draft: Draft, thread: Thread, kind: TraceKind, number: u64, argument: u64, result: i64) -> None:
        """What one argument points at, if that is wanted at this moment."""
        if self.has_ended:
            return
        word = self.table[number * TRACE_ARGUMENTS + argument]
        piece = word & 0xFF
        most = u64(word >> 16)
        address = argument_of(thread, argument)
        if piece == 0 or address == 0:
            return
        if kind == TraceKind.ENTRY:
            if piece == u32(PieceKind.STRING):
                draft.add_string(argument, address, most)
            elif piece == u32(PieceKind.STRINGS):
                draft.add_strings(argument, address, most)
            elif piece == u32(PieceKind.BYTES_IN):
                draft.add_bytes(argument, address, argument_of(thread, u64(word >> 8 & 0xF)), most)
            elif piece == u32(PieceKind.STRUCT_IN):
                draft.add_bytes(argument, address, most, most)
        elif piece == u32(PieceKind.BYTES_OUT):
            if result > 0:
                draft.add_bytes(argument, address, u64(result), most)
        elif piece == u32(PieceKind.STRUCT_OUT) and result >= 0:
            draft.add_bytes(argument, address, most, most)

    def put(self, thread: Thread, draft: Draft) -> None:
        """Add a record to the ring, once there is room."""
        self.uses += 1
        with deferred(self.drop):
            while not self.has_ended and self.used + draft.used > len(self.ring):
                seen = self.room.observe()
                if thread.interrupted or thread.killed:
                    self.lost = min(self.lost + 1, 0xFFFF_FFFE)
                    return
                self.room.wait(seen, NEVER, True)
            if self.has_ended:
                return
            self.append(draft.finish(self.lost))
            self.lost = 0
        self.arrived.wake_all()
        readiness_changed()

    def append(self, record: Slice[u8]) -> None:
        """Put bytes behind those in the ring, which has room for them."""
        size = len(self.ring)
        start = (self.first + self.used) % size
        before_end = min(len(record), size - start)
        copy(self.ring[start : start + before_end], record[0:before_end])
        copy(self.ring[0 : len(record) - before_end], record[before_end : len(record)])
        self.used += len(record)

    # FileOps.

    def read_piece(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        """The bytes of records, which may be cut anywhere; none once the container is gone."""
        while True:
            seen = self.arrived.observe()
            if self.used > 0:
                break
            if self.has_ended:
                return 0
            if not wait:
                raise EAGAIN
            self.arrived.sleep(seen)
        done: u64 = 0
        while done < len(destination) and self.used > 0:
            step = min(len(destination) - done, self.used, len(self.ring) - self.first)
            copy(destination[done : done + step], self.ring[self.first : self.first + step])
            self.first = (self.first + step) % len(self.ring)
            self.used -= step
            done += step
        self.room.wake_all()
        return done

    def title(self) -> Slice[u8]:
        return b"[trace]"

    def attributes(self) -> Attributes:
        return self.described

    def readiness(self) -> Events:
        if self.used > 0:
            return Events.INPUT | Events.READ_NORMAL
        return Events.INPUT | Events.HANG_UP if self.has_ended else Events.NONE

    def closed(self) -> None:
        self.end()
        self.drop()

    def revoked(self) -> None:
        self.end()
        self.arrived.end()

    # Life.

    def end(self) -> None:
        """Nothing is added any more, and nobody waits for room: it is closed, or one of the containers is gone."""
        container = self.container
        if container is not None:
            container.tracer = None
            self.container = None
        self.has_ended = True
        self.room.wake_all()
        self.arrived.wake_all()
        readiness_changed()

    def drop(self) -> None:
        """One use less; the last one frees it."""
        self.uses -= 1
        if self.uses == 0:
            heap = owner_of(self).heap
            heap.free_bytes(self.memory())
            free(self)

    def memory(self) -> MutableSlice[u8]:
        """Table and ring, which are one piece."""
        return slice_at(u8, address_of(self.table), len(self.table) * size_of(u32) + len(self.ring))


def argument_of(thread: Thread, index: u64) -> u64:
    """An argument of the call that a thread makes."""
    frame = thread.frame
    match index:
        case 0:
            return frame.rdi
        case 1:
            return frame.rsi
        case 2:
            return frame.rdx
        case 3:
            return frame.r10
        case 4:
            return frame.r8
        case _:
            return frame.r9


def open_trace(owner: FileOwner, handle: ContainerHandle, table: UserSlice, capacity: u64) -> Fallible[OpenFile]:
    """Begin to trace the container of `handle`: an open file with one reference, charged to `owner`.

    `table` is a whole number of words, and the capacity a few records at least. EBUSY, EFAULT, ENOMEM, ESRCH.
    """
    heap = owner.account.heap
    memory = heap.allocate_bytes(table.length + capacity)
    with on_error(heap.free_bytes, memory):
        user.copy_in(memory[0 : table.length], table)
        container = handle.get()
        if container.tracer is not None:
            raise EBUSY
        log = heap.new(TraceLog)
        log.table = view(u32, memory[0 : table.length])
        log.ring = memory[table.length : len(memory)]
        describe(log.described)
        with on_error(heap.free, log):
            file = open_anonymous(owner, log, False)
    log.container = container
    container.tracer = log
    for process in container.processes:
        for thread in process.threads:
            thread.is_traced = True
    return file
