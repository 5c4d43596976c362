"""Memory of a program: mmap(2), munmap(2), mprotect(2), brk(2), mremap(2), madvise(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, UserAddr, align_up, i32, u32, u64
from kernel.base.errno import EACCES, EBADF, EEXIST, EINVAL, ENODEV, ENOMEM, EOVERFLOW
from kernel.files.seals import check_shared_mapping
from kernel.machine.layout import PAGE_SIZE, USER_END, USER_START
from kernel.memory import growth
from kernel.memory.pager import Pager
from kernel.memory.region import Protection
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
MAP_FIXED_NOREPLACE: u32 = 0x10_0000
"""The flags of mmap(2) that matter here; MAP_STACK, MAP_NORESERVE, MAP_POPULATE and others change nothing."""

MADV_NORMAL = 0
MADV_RANDOM = 1
MADV_SEQUENTIAL = 2
MADV_WILLNEED = 3
MADV_DONTNEED = 4
MADV_FREE = 8
MADV_DONTFORK = 10
MADV_DOFORK = 11
MADV_HUGEPAGE = 14
MADV_NOHUGEPAGE = 15
MADV_DONTDUMP = 16
MADV_DODUMP = 17
"""Advice of madvise(2)."""
HARMLESS_ADVICE = (0, 1, 2, 3, 14, 15, 16, 17)
"""What may be ignored without anybody noticing."""


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
            return growth.map_growing(space, start, length, Protection(protection))
        return space.map(start, length, Protection(protection), shared, None, 0)
    start = choose_address(space, u64(address), length, flags)
    if offset > LARGEST_OFFSET - length:
        raise EOVERFLOW
    pager = pager_of(task, Fd(fd), shared, protection)
    return space.map(start, length, Protection(protection), shared, pager, offset)


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


@syscall(28)
def madvise(task: Thread, address: UserAddr, length: u64, advice: u32) -> Fallible[None]:
    """madvise(2). MADV_FREE frees at once, which it may; what this kernel has no use for is EINVAL."""
    if u64(address) % PAGE_SIZE != 0:
        raise EINVAL
    if advice == MADV_DONTNEED or advice == MADV_FREE:
        if length != 0:
            task.process.space.discard(u64(address), length)
        return
    for harmless in HARMLESS_ADVICE:
        if advice == harmless:
            if length != 0:
                task.process.space.check_range(u64(address), length)
            return
    raise EINVAL


@syscall(26)
def msync(task: Thread, address: UserAddr, length: u64, flags: u32) -> Fallible[None]:
    """msync(2): mappings show the pages of the file themselves, so there is nothing to write back."""
    if u64(address) % PAGE_SIZE != 0 or flags & 7 != flags or flags & 5 == 5:
        raise EINVAL
