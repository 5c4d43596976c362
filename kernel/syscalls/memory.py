"""Memory of a program: mmap(2), munmap(2), mprotect(2), brk(2)."""

from __future__ import annotations

from codegen.lang import (
    Errno,
    Fallible,
    Fd,
    UserAddr,
    align_up,
    deferred,
    i32,
    inline,
    local,
    replace,
    u32,
    u64,
    wrapping_add,
)
from kernel.base.errno import (
    EACCES,
    EBADF,
    EEXIST,
    EINVAL,
    ENODEV,
    ENOMEM,
    EOPNOTSUPP,
    EOVERFLOW,
    EPERM,
)
from kernel.devices.memory import ZERO
from kernel.files.file import OpenFile
from kernel.files.seals import forbids_shared_writes
from kernel.files.shared_memory import create_shared_memory
from kernel.machine.layout import PAGE_SIZE, USER_END, USER_START
from kernel.memory import growth, mapping, quota
from kernel.memory.pager import Pager
from kernel.memory.protection import Change
from kernel.memory.region import LARGEST_OFFSET, Protection, Terms
from kernel.memory.space import LOW_END, AddressSpace
from kernel.process.changes import begin_change, change_range, end_change, map_range, unmap_range
from kernel.process.filling import fill_silently
from kernel.process.limits import Resource
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.memory_locks import locks_all

PROTECTION_BITS: u32 = 7
PROT_SEM: u32 = 8
GROWS_DOWN: u32 = 0x100_0000
GROWS_UP: u32 = 0x200_0000
"""PROT_GROWSDOWN and PROT_GROWSUP of mprotect(2)."""
MAP_SHARED: u32 = 1
MAP_PRIVATE: u32 = 2
MAP_SHARED_VALIDATE: u32 = 3
MAP_TYPE: u32 = 0xF
MAP_FIXED: u32 = 0x10
MAP_ANONYMOUS: u32 = 0x20
MAP_32BIT: u32 = 0x40
MAP_GROWSDOWN: u32 = 0x100
MAP_LOCKED: u32 = 0x2000
MAP_POPULATE: u32 = 0x8000
MAP_NONBLOCK: u32 = 0x1_0000
MAP_HUGETLB: u32 = 0x4_0000
MAP_FIXED_NOREPLACE: u32 = 0x10_0000
"""The flags of mmap(2) that matter here; MAP_STACK, MAP_NORESERVE and others change nothing."""
CLASSIC_FLAGS: u32 = 0x7C07_F9F3
"""Those that MAP_SHARED_VALIDATE knows, whatever the file (LEGACY_MAP_MASK)."""
HUGE_SHIFT: u32 = 26
HUGE_SIZES: u32 = 0x3F
HUGE_2_MIB: u32 = 21
"""Of MAP_HUGETLB: the logarithm of the size of the pages; 0: as is usual, which is 2 MiB."""


@syscall(9, missing="MAP_HUGETLB: ENOMEM, as of a kernel without a pool of huge pages; addresses below 64 KiB: EPERM")
def mmap(
    task: Thread, address: UserAddr, length: u64, protection: u32, flags: u32, fd: i32, offset: u64
) -> Fallible[u64]:
    """mmap(2)."""
    if offset % PAGE_SIZE != 0:
        raise EINVAL
    if flags & MAP_ANONYMOUS != 0:
        if flags & MAP_HUGETLB != 0:
            refuse_huge(flags, length)
        return map_memory(task, u64(address), length, protection, flags, None, 0)
    file = task.process.files.pin(Fd(fd))
    with deferred(file.drop):
        if file.is_path_only:
            raise EBADF
        if flags & MAP_HUGETLB != 0:
            raise EINVAL
        return map_memory(task, u64(address), length, protection, flags, file, offset)


def refuse_huge(flags: u32, length: u64) -> Fallible[None]:
    """There are no huge pages: ENOMEM, EINVAL for sizes that there are none of, before anything is unmapped."""
    size = flags >> HUGE_SHIFT & HUGE_SIZES
    if length == 0 or (size != 0 and size != HUGE_2_MIB):
        raise EINVAL
    raise ENOMEM


def map_memory(
    task: Thread, address: u64, length: u64, protection: u32, flags: u32, file: OpenFile | None, offset: u64
) -> Fallible[u64]:
    """mmap(2) of `file`, or of memory without one; the checks in the order of do_mmap() of Linux."""
    if length == 0:
        raise EINVAL
    if length > USER_END:
        raise ENOMEM
    size = align_up(length, PAGE_SIZE)
    space = task.process.space
    terms = Terms(rights=protection & PROTECTION_BITS, grows_down=flags & MAP_GROWSDOWN != 0)
    begin_change(space)
    with deferred(end_change, space):
        start, is_free = choose_address(space, address, size, flags)
        terms = replace(terms, locked=is_to_be_locked(task, space, flags, size))
        if file is None:
            terms = checked_terms(terms, flags)
            place_memory(task, space, terms, start, start + size, is_free)
        elif file.ops is ZERO:
            place_memory(task, space, permitted_terms(file, terms, flags), start, start + size, is_free)
        else:
            terms = permitted_terms(file, terms, flags)
            pager = pager_of(file, terms, offset, size)
            place(space, terms, pager, offset, start, start + size, is_free)
    if flags & (MAP_POPULATE | MAP_NONBLOCK) == MAP_POPULATE or (terms.locked and is_to_be_filled(space, flags)):
        fill_silently(space, start, start + size)
    return start


def place_memory(
    task: Thread, space: AddressSpace, terms: Terms, start: u64, end: u64, is_free: bool
) -> Fallible[None]:
    """Map memory without a file: zeros, or with others, what is then a file without a name."""
    if not terms.shared:
        place(space, terms, None, 0, start, end, is_free)
        return
    shown = create_shared_memory(task.process.container.file_system, task.process.credentials, end - start)
    with deferred(shown.drop):
        place(space, terms, shown.pager(), 0, start, end, is_free)


@inline
def place(
    space: AddressSpace, terms: Terms, pager: Pager | None, offset: u64, start: u64, end: u64, is_free: bool
) -> Fallible[None]:
    """Map a range, in place of what is there unless it is free."""
    if is_free:
        mapping.map_free(space, terms, pager, offset, start, end)
    else:
        map_range(space, terms, pager, offset, start, end)


def choose_address(space: AddressSpace, address: u64, size: u64, flags: u32) -> Fallible[tuple[u64, bool]]:
    """Where to map: at the fixed address, at the hint if there is room, or where there is any; whether it is free.

    EINVAL, EEXIST, EPERM for the lowest addresses; ENOMEM when there is no room, or too much is mapped already.
    """
    with space.lock:
        quota.check_count(space)
        if flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) != 0:
            if address > USER_END - size:
                raise ENOMEM
            if address % PAGE_SIZE != 0:
                raise EINVAL
            if address < USER_START:
                raise EPERM
            if flags & MAP_FIXED_NOREPLACE == 0:
                return address, False
            if space.first_region(address, address + size) is not None:
                raise EEXIST
            return address, True
        if address != 0:
            hint = max(address - address % PAGE_SIZE, USER_START)
            highest = LOW_END if flags & MAP_32BIT != 0 else USER_END
            if size <= highest and hint <= highest - size and space.first_region(hint, hint + size) is None:
                return hint, True
        return space.find_low_gap(size) if flags & MAP_32BIT != 0 else space.find_gap(size), True


def is_to_be_locked(task: Thread, space: AddressSpace, flags: u32, size: u64) -> Fallible[bool]:
    """Whether what is mapped is locked: EPERM for who may not lock anything, EAGAIN above RLIMIT_MEMLOCK."""
    if not space.locks_new and flags & MAP_LOCKED == 0:
        return False
    if not locks_all(task):
        if flags & MAP_LOCKED != 0 and task.process.settings.limits.soft_of(Resource.LOCKED_MEMORY) == 0:
            raise EPERM
        with space.lock:
            quota.check_locked(space, size // PAGE_SIZE)
    return True


def is_to_be_filled(space: AddressSpace, flags: u32) -> bool:
    """Whether the pages of what is mapped and locked are made at once (mlockall(2), MCL_ONFAULT)."""
    return flags & MAP_LOCKED != 0 or space.fills_new


def checked_terms(terms: Terms, flags: u32) -> Fallible[Terms]:
    """`terms` of memory without a file, which may be shared. EINVAL."""
    kind = flags & MAP_TYPE
    if kind == MAP_PRIVATE:
        return terms
    if kind != MAP_SHARED or terms.grows_down:
        raise EINVAL
    return replace(terms, shared=True)


def permitted_terms(file: OpenFile, terms: Terms, flags: u32) -> Fallible[Terms]:
    """`terms` of what shows `file`, with what it permits later. EACCES, EOPNOTSUPP, EINVAL, EPERM for a seal."""
    kind = flags & MAP_TYPE
    permitted = terms
    if kind == MAP_SHARED or kind == MAP_SHARED_VALIDATE:
        wants_to_write = terms.rights & u32(Protection.WRITE) != 0
        inode = file.inode
        is_sealed = inode is not None and forbids_shared_writes(inode)
        if is_sealed and wants_to_write:
            raise EPERM
        if kind == MAP_SHARED_VALIDATE and flags & CLASSIC_FLAGS != flags:
            raise EOPNOTSUPP
        if wants_to_write and not file.is_writable:
            raise EACCES
        permitted = replace(terms, shared=True, never_written=is_sealed or not file.is_writable)
    elif kind != MAP_PRIVATE:
        raise EINVAL
    if not file.is_readable:
        raise EACCES
    return permitted


def pager_of(file: OpenFile, terms: Terms, offset: u64, size: u64) -> Fallible[Pager]:
    """What serves the pages of a mapping of `file`: ENODEV for what has no pages; EOVERFLOW, EINVAL."""
    inode = file.inode
    if inode is None or inode.content is None or not inode.described.is_regular:
        raise ENODEV
    if offset > LARGEST_OFFSET - size:
        raise EOVERFLOW
    if terms.grows_down:
        raise EINVAL
    inode.described.note_access()
    return inode.pager()


@syscall(11)
def munmap(task: Thread, address: UserAddr, length: u64) -> Fallible[None]:
    """munmap(2)."""
    end = mapping.check_unmap(u64(address), length)
    space = task.process.space
    begin_change(space)
    with deferred(end_change, space):
        unmap_range(space, u64(address), end)


@syscall(10)
def mprotect(task: Thread, address: UserAddr, length: u64, protection: u32) -> Fallible[None]:
    """mprotect(2)."""
    start = u64(address)
    grows = protection & (GROWS_DOWN | GROWS_UP)
    if grows == GROWS_DOWN | GROWS_UP or start % PAGE_SIZE != 0:
        raise EINVAL
    if length == 0:
        return
    size = wrapping_add(u64, length, PAGE_SIZE - 1) // PAGE_SIZE * PAGE_SIZE
    end = wrapping_add(u64, start, size)
    if end <= start:
        raise ENOMEM
    wanted = protection & (0xFFFF_FFFF ^ grows)
    if wanted & (PROTECTION_BITS | PROT_SEM) != wanted:
        raise EINVAL
    space = task.process.space
    change = local(Change)
    change.set_rights(wanted & PROTECTION_BITS)
    begin_change(space)
    with deferred(end_change, space):
        if grows == GROWS_DOWN:
            start = growth.growing_start(space, start)
        elif grows == GROWS_UP:
            refuse_growing_up(space, start)
        change_range(space, change, start, end)


def refuse_growing_up(space: AddressSpace, start: u64) -> Fallible[None]:
    """PROT_GROWSUP: no mapping grows upwards. ENOMEM where nothing is mapped, else EINVAL."""
    with space.lock:
        if space.region_at(start) is None:
            raise ENOMEM
    raise EINVAL


@syscall(12)
def brk(task: Thread, address: UserAddr) -> u64:
    """brk(2) as the kernel has it: returns where the heap ends, changed or not."""
    space = task.process.space
    begin_change(space)
    with deferred(end_change, space):
        try:
            old, new = mapping.move_break(space, u64(address), locks_all(task))
            if new < old:
                unmap_range(space, new, old)
        except Errno:
            old, new = 0, 0
        is_filled = new > old and space.locks_new and space.fills_new
        with space.lock:
            end = space.break_end
    if is_filled:
        fill_silently(space, old, new)
    return end
