"""What programs say and ask of their memory: madvise(2), msync(2), mincore(2)."""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, UserSlice, align_up, deferred, local, local_array, u8, u32, u64
from kernel.base.errno import EACCES, EAGAIN, EBUSY, EINVAL, ENOMEM, EPERM
from kernel.files.content import Content
from kernel.files.holes import punch
from kernel.files.inode import Inode
from kernel.files.seals import forbids_shared_writes
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.memory import user
from kernel.memory.advice import Range
from kernel.memory.protection import Change
from kernel.memory.region import Access, ForkRule
from kernel.memory.residence import tell_residence
from kernel.memory.space import AddressSpace
from kernel.process.changes import begin_change, change_range, end_change
from kernel.process.filling import fill_for_advice
from kernel.sched.preemption import preemption_point
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import advance

MADV_DONTNEED: u32 = 4
MADV_FREE: u32 = 8
MADV_REMOVE: u32 = 9
MADV_DONTFORK: u32 = 10
MADV_DOFORK: u32 = 11
MADV_WIPEONFORK: u32 = 18
MADV_KEEPONFORK: u32 = 19
MADV_POPULATE_READ: u32 = 22
MADV_POPULATE_WRITE: u32 = 23
MADV_DONTNEED_LOCKED: u32 = 24
"""Advice of madvise(2)."""
HARMLESS_ADVICE: u32 = 0x33_C00F
"""What may be ignored without anybody noticing: 0 to 3, 14 to 17, 20 and 21, as bits."""
EFFECTIVE_ADVICE: u32 = 0x1CC_0F10
"""The constants above."""
MS_INVALIDATE: u32 = 2
LARGEST: u64 = 0xFFFF_FFFF_FFFF_FFFF
STEP = 1024
"""How many pages mincore(2) looks at under one lock."""


@syscall(28, missing="MADV_COLLAPSE and those for pages that are broken or merged (EINVAL)")
def madvise(task: Thread, address: UserAddr, length: u64, advice: u32) -> Fallible[None]:
    """madvise(2). MADV_FREE frees at once, which it may."""
    if advice > MADV_DONTNEED_LOCKED or (HARMLESS_ADVICE | EFFECTIVE_ADVICE) >> advice & 1 == 0:
        raise EINVAL
    if u64(address) % PAGE_SIZE != 0:
        raise EINVAL
    start, end = checked_range(address, length)
    space = task.process.space
    if advice == MADV_POPULATE_READ or advice == MADV_POPULATE_WRITE:
        fill_for_advice(space, start, end, Access.READ if advice == MADV_POPULATE_READ else Access.WRITE)
        return
    if start == end:
        return
    wanted = local(Range)
    wanted.begin(start, end)
    if HARMLESS_ADVICE >> advice & 1 != 0:
        look_through(space, wanted)
    elif advice == MADV_DONTFORK or advice == MADV_DOFORK:
        set_fork_rule(space, wanted, ForkRule.SKIP if advice == MADV_DONTFORK else ForkRule.COPY)
    elif advice == MADV_WIPEONFORK or advice == MADV_KEEPONFORK:
        set_fork_rule(space, wanted, ForkRule.WIPE if advice == MADV_WIPEONFORK else ForkRule.COPY)
    elif advice == MADV_REMOVE:
        remove(space, wanted)
    else:
        while not wanted.is_done:
            wanted.discard_step(space, advice == MADV_DONTNEED_LOCKED, advice == MADV_FREE)
            preemption_point()
    if wanted.has_hole:
        raise ENOMEM


def look_through(space: AddressSpace, wanted: Range) -> Fallible[None]:
    """Find out whether all of a range is mapped."""
    while not wanted.is_done:
        wanted.check_step(space)
        preemption_point()


def set_fork_rule(space: AddressSpace, wanted: Range, rule: ForkRule) -> Fallible[None]:
    """What a child gets of a range. EINVAL for WIPE of what is not private memory without a file."""
    change = local(Change)
    change.set_fork_rule(rule)
    change.skips_holes = True
    begin_change(space)
    with deferred(end_change, space):
        try:
            change_range(space, change, wanted.position, wanted.end)
        except ENOMEM:
            raise EAGAIN from None  # no memory for the kernel, or too many mappings: not a hole
    wanted.has_hole = wanted.has_hole or change.has_hole


def remove(space: AddressSpace, wanted: Range) -> Fallible[None]:
    """MADV_REMOVE: a hole in the file that is mapped there. EINVAL for private memory and what is locked; EACCES for a
    mapping that may never be written to, EPERM for a sealed file.
    """
    while not wanted.is_done:
        inode: Inode | None = None
        offset: u64 = 0
        size: u64 = 0
        with space.lock:
            region = wanted.find_region(space)
            if region is not None:
                pager = region.pager
                if region.locked or pager is None or not isinstance(pager, Content):
                    raise EINVAL
                if not region.may_write_to_pager:
                    raise EACCES
                inode = pager.inode
                offset = region.offset_of(wanted.position)
                size = min(region.end, wanted.end) - wanted.position
                if inode is not None:
                    inode.hold()
        wanted.position += size
        if inode is not None:
            with deferred(inode.drop):
                punch_in(inode, offset, size)


def punch_in(inode: Inode, offset: u64, size: u64) -> Fallible[None]:
    """A hole in a file of memory. EPERM if it is sealed."""
    with inode.write_lock:
        if forbids_shared_writes(inode):
            raise EPERM
        content = inode.content
        assert content is not None, "what is mapped has contents"
        punch(content, offset, offset + size)


def checked_range(address: UserAddr, length: u64) -> Fallible[tuple[u64, u64]]:
    """First and end of a range of whole pages. EINVAL if it goes beyond the end of all numbers."""
    start = u64(address)
    if length > LARGEST - (PAGE_SIZE - 1):
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
    if length > LARGEST - (PAGE_SIZE - 1):
        return  # rounded up, it is 0
    try:
        start, end = checked_range(address, length)
    except EINVAL:
        raise ENOMEM from None
    space = task.process.space
    wanted = local(Range)
    wanted.begin(start, end)
    while not wanted.is_done:
        if flags & MS_INVALIDATE != 0:
            if wanted.is_locked_step(space):
                raise EBUSY
        else:
            wanted.check_step(space)
        preemption_point()
    if wanted.has_hole:
        raise ENOMEM


@syscall(27)
def mincore(task: Thread, address: UserAddr, length: u64, out: UserAddr) -> Fallible[None]:
    """mincore(2): pages of files count that are in memory, whoever has touched them. ENOMEM where nothing is mapped."""
    start = u64(address)
    if start % PAGE_SIZE != 0:
        raise EINVAL
    if start > USER_END or length > USER_END - start:
        raise ENOMEM
    count = align_up(length, PAGE_SIZE) // PAGE_SIZE
    user.check_range(out, count)
    answer = local_array(u8, STEP)
    done: u64 = 0
    while done < count:
        step = min(count - done, STEP)
        tell_residence(task.process.space, start + done * PAGE_SIZE, answer[0:step])
        user.copy_out(UserSlice(advance(out, done), step), answer[0:step])
        done += step
        preemption_point()
