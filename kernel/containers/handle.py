"""Container descriptors: a container as an open file.

Reading yields events (ContainerEvent), and poll(2) says when there are some. A handle
outlives its container: it keeps what destroying gave back, and every other use of it answers ESRCH.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    Fallible,
    MutableSlice,
    Pid,
    Slice,
    address_of,
    copy,
    field_offset,
    i32,
    inline,
    inline_array,
    on_error,
    size_of,
    slice_at,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EAGAIN, EBADF, EINVAL, ESRCH
from kernel.base.list import Link
from kernel.containers.abi import ContainerEvent, ContainerState, EventKind
from kernel.containers.container import Container
from kernel.files.attributes import Attributes, Kind
from kernel.files.file import FileOwner, OpenFile, open_file
from kernel.files.flags import OpenFlags
from kernel.files.operations import Events, FileOps
from kernel.files.poll import readiness_changed
from kernel.machine.clock import CLOCK
from kernel.memory.account import NO_LIMIT, Usage
from kernel.memory.heap import free
from kernel.sched.timer import now
from kernel.sched.wait import WaitQueue

EVENTS = 32
"""How many events a descriptor keeps for who reads it."""


@struct
class ContainerHandle(FileOps):
    """One opening of a container."""

    container: Container | None = None
    container_link: Link[ContainerHandle] = inline()
    id: u64 = 0
    reclaimed_pages: u64 = 0
    reclaimed_objects: u64 = 0
    reclaimed_processes: u64 = 0
    described: Attributes = inline()

    # The events that were not read yet, in a ring.
    events: Array[ContainerEvent] = inline_array(EVENTS)
    first: u64 = 0
    count: u64 = 0
    lost: u32 = 0
    """How many found no room since the last one that did."""
    noted: WaitQueue = inline()

    def note(self, kind: EventKind, pid: Pid, status: u32) -> None:
        """Something happened in the container. Without room it is only counted."""
        if self.count == EVENTS:
            self.lost = min(self.lost + 1, 0xFFFF_FFFE)
            return
        event = self.events[(self.first + self.count) % EVENTS]
        event.kind = u32(kind)
        event.pid = i32(pid)
        event.status = status
        event.lost = self.lost
        event.time = u64(now())
        self.lost = 0
        self.count += 1
        self.noted.wake_all()

    def get(self) -> Fallible[Container]:
        """The container; ESRCH once it is destroyed."""
        container = self.container
        if container is None:
            raise ESRCH
        return container

    def cut_off(self, pages: u64, objects: u64, processes: u64) -> None:
        """The container is gone; this is what came back."""
        self.container = None
        self.reclaimed_pages = pages
        self.reclaimed_objects = objects
        self.reclaimed_processes = processes
        self.noted.wake_all()
        readiness_changed()

    def fill_state(self, state: ContainerState) -> None:
        """Tell how the container is, or what is left of it: zeros, and what destroying gave back."""
        state.id = self.id
        state.reclaimed_pages = self.reclaimed_pages
        state.reclaimed_objects = self.reclaimed_objects
        state.reclaimed_processes = self.reclaimed_processes
        container = self.container
        if container is None:
            return
        pages = container.account.pages
        processes = container.account.processes
        state.stage = u32(container.stage)
        state.processes_used = processes.used.load()
        state.processes_peak = processes.peak
        state.processes_limit = limit_of(processes)
        state.pages_used = pages.used.load()
        state.pages_peak = pages.peak
        state.pages_limit = limit_of(pages)
        state.unknown_calls = container.unknown_calls.load()
        state.last_unknown_call = container.last_unknown_call
        state.cpu_time = u64(CLOCK.nanoseconds_of(container.group.used))
        state.children = u64(len(container.children))
        state.open_files = u64(len(container.files.open_files))
        state.weight = container.group.weight
        state.cpu_limit = container.group.bandwidth.limit
        state.cpu_throttled = container.group.bandwidth.throttled

    # FileOps.

    def read_piece(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        room = u64(len(destination))
        size = size_of(ContainerEvent)
        if room < size:
            raise EINVAL
        while True:
            seen = self.noted.observe()
            if self.count > 0:
                break
            if self.container is None:
                return 0
            if not wait:
                raise EAGAIN
            self.noted.sleep(seen)
        done: u64 = 0
        while self.count > 0 and room - done >= size:
            event = self.events[self.first]
            copy(destination[done : done + size], slice_at(u8, address_of(event), size))
            self.first = (self.first + 1) % EVENTS
            self.count -= 1
            done += size
        return done

    def title(self) -> Slice[u8]:
        return b"[container]"

    def attributes(self) -> Attributes:
        return self.described

    def readiness(self) -> Events:
        container = self.container
        if container is None:
            return Events.INPUT | Events.HANG_UP
        if self.count > 0:
            return Events.INPUT | Events.READ_NORMAL
        return Events.NONE

    def closed(self) -> None:
        self.forget_container()
        free(self)

    def revoked(self) -> None:
        self.forget_container()
        self.noted.end()

    def forget_container(self) -> None:
        """Be told nothing of the container any more."""
        container = self.container
        if container is not None:
            container.handles.remove(self)
            self.container = None


def limit_of(usage: Usage) -> u64:
    """A limit as the calls tell it: 0 for none."""
    return 0 if usage.limit == NO_LIMIT else usage.limit


def open_container(owner: FileOwner, container: Container) -> Fallible[OpenFile]:
    """A descriptor's worth of `container`, charged to `owner`, with one reference, the caller's."""
    heap = owner.account.heap
    handle = heap.new(ContainerHandle)
    handle.id = container.id
    handle.described.kind = Kind.REGULAR
    handle.described.permissions = 0o600
    with on_error(heap.free, handle):
        file = open_file(owner, handle, None, OpenFlags.READ_WRITE)
    container.handles.offset = field_offset(ContainerHandle.container_link)
    container.handles.push_last(handle)
    handle.container = container
    return file


def handle_of(file: OpenFile) -> Fallible[ContainerHandle]:
    """The handle behind an open file; EBADF for any other file."""
    ops = file.ops
    if isinstance(ops, ContainerHandle):
        return ops
    raise EBADF
