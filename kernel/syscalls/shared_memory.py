"""System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2)."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Nanoseconds,
    UserAddr,
    UserSlice,
    address_of,
    align_up,
    deferred,
    i32,
    local,
    replace,
    size_of,
    slice_at,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EINVAL, ENOMEM, EPERM
from kernel.files.capability import Capability
from kernel.files.credentials import Credentials
from kernel.ipc import sharing
from kernel.ipc.namespace import INDICES, IpcNamespace, index_of, pages_of
from kernel.ipc.permissions import PERMISSION_BITS, READ
from kernel.ipc.segment import SEGMENTS, Segment, SegmentStatus, mode_of
from kernel.machine.clock import wall_time
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.memory import user
from kernel.memory.pager import Pager
from kernel.memory.region import Terms
from kernel.memory.space import AddressSpace
from kernel.process.changes import begin_change, end_change, unmap_range
from kernel.process.filling import fill_silently
from kernel.process.limits import Resource
from kernel.sched.preemption import Freezing, preemption_point
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.memory import MAP_FIXED, choose_address, is_to_be_filled, is_to_be_locked, place

HIGHEST: u64 = 0xFFFF_FFFF_FFFF_FFFF
IPC_RMID: i32 = 0
IPC_SET: i32 = 1
IPC_STAT: i32 = 2
IPC_INFO: i32 = 3
SHM_LOCK: i32 = 11
SHM_UNLOCK: i32 = 12
SHM_STAT: i32 = 13
SHM_INFO: i32 = 14
SHM_STAT_ANY: i32 = 15
"""The commands of shmctl(2)."""

NOBODY: u32 = 0xFFFF_FFFF
SECOND: u64 = 1_000_000_000


@struct
class SegmentRecord:
    """struct shmid64_ds, with the struct ipc64_perm in it."""

    key: u32 = 0
    user: u32 = 0
    group: u32 = 0
    creator_user: u32 = 0
    creator_group: u32 = 0
    mode: u32 = 0
    sequence: u64 = 0
    unused_1: u64 = 0
    unused_2: u64 = 0
    size: u64 = 0
    attach_time: u64 = 0
    detach_time: u64 = 0
    change_time: u64 = 0
    creator: i32 = 0
    last: i32 = 0
    attached: u64 = 0
    unused_4: u64 = 0
    unused_5: u64 = 0

    def show(self, status: SegmentStatus) -> None:
        """Tell of a segment."""
        permissions = status.permissions
        self.key = permissions.key
        self.user = permissions.user
        self.group = permissions.group
        self.creator_user = permissions.creator_user
        self.creator_group = permissions.creator_group
        self.mode = mode_of(status)
        self.sequence = permissions.sequence
        self.size = status.size
        self.attach_time = seconds(status.attach_time)
        self.detach_time = seconds(status.detach_time)
        self.change_time = seconds(status.change_time)
        self.creator = status.creator
        self.last = status.last
        self.attached = status.attached


@struct
class Limits:
    """struct shminfo64."""

    largest: u64 = 0
    smallest: u64 = 1
    count: u64 = 0
    count_in_process: u64 = 0
    pages: u64 = 0
    unused_1: u64 = 0
    unused_2: u64 = 0
    unused_3: u64 = 0
    unused_4: u64 = 0


@struct
class Totals:
    """struct shm_info."""

    count: u64 = 0
    pages: u64 = 0
    resident: u64 = 0
    swapped: u64 = 0
    swap_attempts: u64 = 0
    swap_successes: u64 = 0


def seconds(time: Nanoseconds) -> u64:
    """A time as these calls tell it."""
    return u64(time) // SECOND


@syscall(29, missing="SHM_HUGETLB (ENOMEM)")
def shmget(task: Thread, key: u32, size: u64, flags: u32) -> Fallible[i32]:
    """shmget(2)."""
    process = task.process
    container = process.container
    return sharing.get(container.file_system, container.ipc, process.credentials, key, size, flags)


@syscall(30)
def shmat(task: Thread, id: i32, address: UserAddr, flags: u32) -> Fallible[u64]:
    """shmat(2)."""
    start = sharing.place_for(u64(address), flags)
    rights, wanted = sharing.rights_for(flags)
    process = task.process
    segment = sharing.find_for(process.container.ipc, process.credentials, id, wanted)
    with deferred(segment.let_go):
        if segment.status.size > USER_END:
            raise ENOMEM
        size = align_up(segment.status.size, PAGE_SIZE)
        terms = Terms(rights=u32(rights), shared=True, never_written=flags & sharing.SHM_RDONLY != 0)
        return show(task, segment, terms, size, start, flags & sharing.SHM_REMAP != 0)


def show(task: Thread, segment: Segment, terms: Terms, size: u64, address: u64, may_replace: bool) -> Fallible[u64]:
    """Map a segment at `address`, or anywhere (0); where it is. EINVAL where something is, unless that may be replaced;
    ENOMEM, EPERM, EAGAIN as mmap(2).
    """
    space = task.process.space
    begin_change(space)
    with deferred(end_change, space):
        if address != 0 and not may_replace and (size > HIGHEST - address or is_taken(space, address, size)):
            raise EINVAL
        start, is_free = choose_address(space, address, size, 0 if address == 0 else MAP_FIXED)
        shown = replace(terms, locked=is_to_be_locked(task, space, 0, size))
        place(space, shown, segment, 0, start, start + size, is_free)
    if shown.locked and is_to_be_filled(space, 0):
        fill_silently(space, start, start + size)
    return start


def is_taken(space: AddressSpace, start: u64, size: u64) -> bool:
    """Whether something is mapped in a range, which may reach beyond all addresses."""
    if start >= USER_END:
        return False
    with space.lock:
        return space.first_region(start, start + min(size, USER_END - start)) is not None


@syscall(67)
def shmdt(task: Thread, address: UserAddr) -> Fallible[None]:
    """shmdt(2)."""
    start = u64(address)
    if start % PAGE_SIZE != 0:
        raise EINVAL
    space = task.process.space
    begin_change(space)
    with deferred(end_change, space):
        shown: Pager | None = None
        position = start
        last = USER_END
        while position < last:
            preemption_point(Freezing.LATER)
            with space.lock:
                region, following = sharing.shown_step(space, start, position)
                is_of_it = False
                if region is not None:
                    if shown is None:
                        shown = region.pager
                        last = start + pages_of(sharing.size_of_segment(region)) * PAGE_SIZE
                    is_of_it = region.pager is shown and region.end <= last
                    position = region.start
            if is_of_it:
                unmap_range(space, position, following)
            position = following
        if shown is None:
            raise EINVAL


@syscall(31)
def shmctl(task: Thread, id: i32, command: i32, argument: UserAddr) -> Fallible[u64]:
    """shmctl(2)."""
    if id < 0 or command < 0:
        raise EINVAL
    namespace = task.process.container.ipc
    who = task.process.credentials
    if command == IPC_INFO:
        return tell_limits(namespace, argument)
    if command == SHM_INFO:
        return tell_totals(namespace, argument)
    if command == IPC_STAT or command == SHM_STAT or command == SHM_STAT_ANY:
        return tell_status(namespace, who, id, command, argument)
    if command == IPC_SET:
        change(namespace, who, id, argument)
    elif command == IPC_RMID:
        remove(namespace, who, id)
    elif command == SHM_LOCK or command == SHM_UNLOCK:
        lock(task, id, command == SHM_LOCK)
    else:
        raise EINVAL
    return 0


# Telling.


def tell_limits(namespace: IpcNamespace, argument: UserAddr) -> Fallible[u64]:
    """IPC_INFO: the highest index in use. EFAULT."""
    limits = local(Limits)
    with SEGMENTS.lock:
        limits.largest = namespace.largest
        limits.count = namespace.count_max
        limits.count_in_process = namespace.count_max
        limits.pages = namespace.pages_max
        highest = namespace.highest_index()
    user.copy_out(UserSlice(argument, size_of(Limits)), slice_at(u8, address_of(limits), size_of(Limits)))
    return highest


def tell_totals(namespace: IpcNamespace, argument: UserAddr) -> Fallible[u64]:
    """SHM_INFO: the highest index in use. EFAULT."""
    totals = local(Totals)
    with SEGMENTS.lock:
        totals.count = namespace.by_index.count
        totals.pages = namespace.pages
        highest = namespace.highest_index()
    totals.resident = resident_pages(namespace)
    user.copy_out(UserSlice(argument, size_of(Totals)), slice_at(u8, address_of(totals), size_of(Totals)))
    return highest


def resident_pages(namespace: IpcNamespace) -> Fallible[u64]:
    """How many pages of segments are in memory."""
    status = local(SegmentStatus)
    total: u64 = 0
    index: u64 = 0
    while namespace.describe_from(index, status):
        total += status.resident
        preemption_point()
        index = index_of(status.id) + 1
    return total


def tell_status(namespace: IpcNamespace, who: Credentials, id: i32, command: i32, argument: UserAddr) -> Fallible[u64]:
    """IPC_STAT of an id: 0. SHM_STAT of an index: the id; SHM_STAT_ANY needs no rights. EINVAL, EACCES, EFAULT."""
    status = local(SegmentStatus)
    with SEGMENTS.lock:
        segment = namespace.find(id) if command == IPC_STAT else found_at(namespace, id)
        if command != SHM_STAT_ANY:
            segment.status.permissions.check(who, READ)
        segment.describe(status)
    record = local(SegmentRecord)
    record.show(status)
    user.copy_out(UserSlice(argument, size_of(SegmentRecord)), slice_at(u8, address_of(record), size_of(SegmentRecord)))
    return 0 if command == IPC_STAT else u64(status.id)


def found_at(namespace: IpcNamespace, index: i32) -> Fallible[Segment]:
    """The segment at an index. EINVAL. The lock is held."""
    found = namespace.at_index(u64(index) % INDICES)
    if found is None:
        raise EINVAL
    return found


# Changing.


def change(namespace: IpcNamespace, who: Credentials, id: i32, argument: UserAddr) -> Fallible[None]:
    """IPC_SET: owner, group and permissions. EFAULT, EINVAL, EPERM."""
    record = local(SegmentRecord)
    user.copy_in(slice_at(u8, address_of(record), size_of(SegmentRecord)), UserSlice(argument, size_of(SegmentRecord)))
    with SEGMENTS.lock:
        status = namespace.find(id).status
        permissions = status.permissions
        permissions.check_owner(who)
        if record.user == NOBODY or record.group == NOBODY:
            raise EINVAL
        permissions.user = record.user
        permissions.group = record.group
        permissions.mode = record.mode & PERMISSION_BITS
        status.change_time = wall_time()


def remove(namespace: IpcNamespace, who: Credentials, id: i32) -> Fallible[None]:
    """IPC_RMID: the segment goes, when nobody has it attached any more. EINVAL, EPERM."""
    with SEGMENTS.lock:
        segment = namespace.find(id)
        segment.status.permissions.check_owner(who)
        segment.status.is_condemned = True
        is_unused = segment.status.attached == 0
        if is_unused:
            namespace.remove(segment)
        else:
            namespace.forget_key(segment)
    if is_unused:
        segment.give_back()


def lock(task: Thread, id: i32, is_locked: bool) -> Fallible[None]:
    """SHM_LOCK and SHM_UNLOCK: nothing is ever taken out of memory, so it is only noted. EINVAL, EPERM, ENOMEM."""
    who = task.process.credentials
    with SEGMENTS.lock:
        status = task.process.container.ipc.find(id).status
        if not who.has(Capability.IPC_LOCK):
            limit = task.process.settings.limits.soft_of(Resource.LOCKED_MEMORY)
            if not status.permissions.is_owner(who) or (is_locked and limit == 0):
                raise EPERM
            if is_locked and not status.is_locked and status.size > limit:
                raise ENOMEM
        status.is_locked = is_locked
