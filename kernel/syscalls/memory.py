"""Memory of a program: mmap(2), munmap(2), mprotect(2), brk(2), mremap(2), madvise(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, UserAddr, align_up, i32, u32, u64
from kernel.base.errno import EACCES, EBADF, EBUSY, EEXIST, EINVAL, ENODEV, ENOMEM, EOVERFLOW
from kernel.files.seals import check_shared_mapping
from kernel.machine.layout import PAGE_SIZE, USER_END, USER_START
from kernel.memory import growth
from kernel.memory.advice import check_whole, discard, make_present, populate_range, set_fork_rule
from kernel.memory.locking import is_any_locked, lock_new
from kernel.memory.pager import Pager
from kernel.memory.region import Access, ForkRule, Protection
from kernel.memory.remap import REMAP_BITS, Remap, remap
from kernel.memory.space import AddressSpace
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall

PROTECTION_BITS: u32 = 7
GROWS_UP: u32 = 0x200_0000
GROWS_BITS: u32 = 0x300_0000
"""PROT_GROWSDOWN and PROT_GROWSUP of mprotect(2)."""
LARGEST_OFFSET: u64 = 0x7FFF_FFFF_FFFF_F000
"""In a file (MAX_LFS_FILESIZE, less than a page)."""
MAP_SHARED: u32 = 1
MAP_PRIVATE: u32 = 2
MAP_SHARED_VALIDATE: u32 = 3
MAP_TYPE: u32 = 0xF
MAP_FIXED: u32 = 0x10
MAP_ANONYMOUS: u32 = 0x20
MAP_GROWSDOWN: u32 = 0x100
MAP_LOCKED: u32 = 0x2000
MAP_POPULATE: u32 = 0x8000
MAP_NONBLOCK: u32 = 0x1_0000
MAP_FIXED_NOREPLACE: u32 = 0x10_0000
"""The flags of mmap(2) that matter here; MAP_STACK, MAP_NORESERVE and others change nothing."""

MADV_DONTNEED: u32 = 4
MADV_FREE: u32 = 8
MADV_DONTFORK: u32 = 10
MADV_DOFORK: u32 = 11
MADV_WIPEONFORK: u32 = 18
MADV_KEEPONFORK: u32 = 19
MADV_POPULATE_READ: u32 = 22
MADV_POPULATE_WRITE: u32 = 23
MADV_DONTNEED_LOCKED: u32 = 24
"""Advice of madvise(2)."""
HARMLESS_ADVICE = (0, 1, 2, 3, 14, 15, 16, 17, 20, 21)
"""What may be ignored without anybody noticing."""
EFFECTIVE_ADVICE = (4, 8, 10, 11, 18, 19, 22, 23, 24)
"""The constants above."""
MS_INVALIDATE: u32 = 2
LARGEST: u64 = 0xFFFF_FFFF_FFFF_FFFF


@syscall(9)
def mmap(
    task: Thread, address: UserAddr, length: u64, protection: u32, flags: u32, fd: i32, offset: u64
) -> Fallible[u64]:
    """mmap(2)."""
    if offset % PAGE_SIZE != 0:
        raise EINVAL
    is_anonymous = flags & MAP_ANONYMOUS != 0
    if not is_anonymous and task.process.files.get(Fd(fd)).is_path_only:
        raise EBADF
    kind = flags & MAP_TYPE
    if kind != MAP_SHARED and kind != MAP_PRIVATE and kind != MAP_SHARED_VALIDATE:
        raise EINVAL
    if protection & PROTECTION_BITS != protection or length == 0:
        raise EINVAL
    space = task.process.space
    shared = kind != MAP_PRIVATE
    if is_anonymous:
        start = choose_address(space, u64(address), length, flags)
        if flags & MAP_GROWSDOWN != 0:
            if shared:
                raise EINVAL
            place = growth.map_growing(space, start, length, Protection(protection))
        else:
            place = space.map(start, length, Protection(protection), shared, None, 0)
        return made_present(space, place, length, flags)
    start = choose_address(space, u64(address), length, flags)
    if offset > LARGEST_OFFSET - length:
        raise EOVERFLOW
    pager = pager_of(task, Fd(fd), shared, protection)
    return made_present(space, space.map(start, length, Protection(protection), shared, pager, offset), length, flags)


def made_present(space: AddressSpace, start: u64, length: u64, flags: u32) -> u64:
    """`start`, after making the pages there if MAP_POPULATE or MAP_LOCKED want it. That it fails is no error."""
    with space.lock:
        is_locked = space.locks_new or flags & MAP_LOCKED != 0
    if is_locked:
        lock_new(space, start, align_up(length, PAGE_SIZE))
    if (is_locked or flags & MAP_POPULATE != 0) and flags & MAP_NONBLOCK == 0:
        make_present(space, start, length)
    return start


def choose_address(space: AddressSpace, wanted: u64, length: u64, flags: u32) -> Fallible[u64]:
    """Where to map: at the fixed address, at the hint if there is room, or 0: anywhere. EINVAL, EEXIST, ENOMEM."""
    if length > USER_END:
        raise ENOMEM
    size = align_up(length, PAGE_SIZE)
    if flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) != 0:
        if wanted % PAGE_SIZE != 0:
            raise EINVAL
        if wanted < USER_START or wanted > USER_END - size:
            raise ENOMEM
        if flags & MAP_FIXED_NOREPLACE != 0 and not space.is_free(wanted, size):
            raise EEXIST
        return wanted
    hint = wanted - wanted % PAGE_SIZE
    if hint < USER_START or hint > USER_END - size or not space.is_free(hint, size):
        return 0
    return hint


def pager_of(task: Thread, fd: Fd, shared: bool, protection: u32) -> Fallible[Pager]:
    """What serves the pages of a mapping of `fd`. EBADF, EACCES, ENODEV for what has no pages."""
    file = task.process.files.get(fd)
    inode = file.inode
    if not file.is_readable:
        raise EACCES
    if shared and protection & u32(Protection.WRITE) != 0 and not file.is_writable:
        raise EACCES
    if inode is None or not inode.attributes().is_regular:
        raise ENODEV
    check_shared_mapping(inode, shared and protection & u32(Protection.WRITE) != 0)
    return inode.pager()


@syscall(11)
def munmap(task: Thread, address: UserAddr, length: u64) -> Fallible[None]:
    """munmap(2)."""
    if length > USER_END:
        raise EINVAL
    task.process.space.unmap(u64(address), length)


@syscall(10)
def mprotect(task: Thread, address: UserAddr, length: u64, protection: u32) -> Fallible[None]:
    """mprotect(2). PROT_GROWSUP is EINVAL: no mapping grows upwards."""
    space = task.process.space
    grows = protection & GROWS_BITS
    if protection & (PROTECTION_BITS | GROWS_BITS) != protection or grows == GROWS_BITS:
        raise EINVAL
    start = u64(address)
    if grows != 0 and length != 0 and start % PAGE_SIZE == 0:
        if grows == GROWS_UP:
            raise EINVAL
        end = align_up(start + min(length, USER_END), PAGE_SIZE)
        start = growth.growing_start(space, start)
        space.protect(start, end - start, Protection(protection & PROTECTION_BITS))
        return
    space.protect(start, length, Protection(protection & PROTECTION_BITS))


@syscall(12)
def brk(task: Thread, address: UserAddr) -> u64:
    """brk(2) as the kernel has it: returns where the heap ends, changed or not."""
    return task.process.space.set_break(u64(address))


@syscall(25, missing="an old length of 0, which maps shared pages twice (EINVAL)")
def mremap(task: Thread, address: UserAddr, old_length: u64, new_length: u64, flags: u32, wanted: u64) -> Fallible[u64]:
    """mremap(2)."""
    if flags & REMAP_BITS != flags or old_length == 0 or new_length == 0:
        raise EINVAL
    return remap(task.process.space, u64(address), old_length, new_length, Remap(flags), wanted)


@syscall(28, missing="MADV_REMOVE, MADV_HUGEPAGE and those for pages that are broken or merged (EINVAL)")
def madvise(task: Thread, address: UserAddr, length: u64, advice: u32) -> Fallible[None]:
    """madvise(2). MADV_FREE frees at once, which it may."""
    is_harmless = False
    is_known = False
    for harmless in HARMLESS_ADVICE:
        is_harmless = is_harmless or advice == harmless
    for effective in EFFECTIVE_ADVICE:
        is_known = is_known or advice == effective
    if u64(address) % PAGE_SIZE != 0 or not (is_harmless or is_known):
        raise EINVAL
    start, end = checked_range(address, length)
    space = task.process.space
    if is_harmless:
        check_whole(space, start, end)
    elif advice == MADV_DONTNEED or advice == MADV_FREE or advice == MADV_DONTNEED_LOCKED:
        if advice != MADV_DONTNEED_LOCKED and is_any_locked(space, start, end):
            raise EINVAL
        discard(space, start, end)
    elif advice == MADV_DONTFORK:
        set_fork_rule(space, start, end, ForkRule.SKIP)
    elif advice == MADV_WIPEONFORK:
        set_fork_rule(space, start, end, ForkRule.WIPE)
    elif advice == MADV_DOFORK or advice == MADV_KEEPONFORK:
        set_fork_rule(space, start, end, ForkRule.COPY)
    elif advice == MADV_POPULATE_READ:
        populate_range(space, start, end, Access.READ)
    elif advice == MADV_POPULATE_WRITE:
        populate_range(space, start, end, Access.WRITE)
    else:
        raise EINVAL


def checked_range(address: UserAddr, length: u64) -> Fallible[tuple[u64, u64]]:
    """First and end of a range of whole pages. EINVAL if it goes beyond the end of all numbers."""
    start = u64(address)
    if length > LARGEST - PAGE_SIZE:
        if length > LARGEST - (PAGE_SIZE - 1):
            return start, start  # rounded up, it is 0
        raise EINVAL
    size = align_up(length, PAGE_SIZE)
    if size > LARGEST - start:
        raise EINVAL
    return start, start + size


@syscall(26)
def msync(task: Thread, address: UserAddr, length: u64, flags: u32) -> Fallible[None]:
    """msync(2): mappings show the pages of the file themselves, so there is nothing to write back."""
    if u64(address) % PAGE_SIZE != 0 or flags & 7 != flags or flags & 5 == 5:
        raise EINVAL
    try:
        start, end = checked_range(address, length)
    except EINVAL:
        raise ENOMEM from None
    if flags & MS_INVALIDATE != 0 and is_any_locked(task.process.space, start, end):
        raise EBUSY
    check_whole(task.process.space, start, end)
