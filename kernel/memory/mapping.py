"""Mapping and unmapping ranges of an address space (mmap(2), munmap(2), brk(2)).

Interface: `map_step` `unmap_step`, which the caller repeats; `map_whole` for who maps little, or into a space that
nobody else has. What is to be mapped is said by its terms, its pager (None: zeros) and the offset in that.
"""

from __future__ import annotations

from codegen.lang import Fallible, align_up, deferred, local, on_error, u32, u64
from kernel.base.errno import EINVAL, ENOMEM
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.memory import quota, regions
from kernel.memory.budget import Budget
from kernel.memory.pager import Pager
from kernel.memory.region import Protection, Region, Terms
from kernel.memory.space import AddressSpace
from kernel.memory.user_layout import MAP_TOP


def map_step(
    space: AddressSpace, terms: Terms, pager: Pager | None, offset: u64, start: u64, end: u64, position: u64
) -> Fallible[u64]:
    """Map a range, in place of what is there. Returns up to where: the next `position`, which is `start` at first.

    At any moment an address of the range is mapped in the old way or in the new. ENOMEM only from the first step, and
    nothing has changed then.
    """
    with space.lock:
        budget = local(Budget)
        if position == start:
            quota.check_place(space, terms, start, end)
            if space.first_region(start, end) is None:
                regions.place(space, terms, pager, offset, start, end)
                return end
            fresh = space.account.heap.new(Region)
            with on_error(space.account.heap.free, fresh):
                regions.prepare_clear(space, start, end)
            stop = regions.clear(space, start, end, budget)
            regions.insert(space, fresh, terms, pager, offset, start, stop)
            regions.join_at(space, start)
        else:
            stop = regions.clear(space, position, end, budget)
            regions.extend(space, position, stop)
        if stop == end:
            regions.join_at(space, end)
        return stop


def map_free(
    space: AddressSpace, terms: Terms, pager: Pager | None, offset: u64, start: u64, end: u64
) -> Fallible[None]:
    """Map a range in which nothing is. ENOMEM."""
    with space.lock:
        quota.check_room(space, terms, (end - start) // PAGE_SIZE)
        regions.place(space, terms, pager, offset, start, end)


def map_new(
    space: AddressSpace, terms: Terms, pager: Pager | None, offset: u64, start: u64, end: u64
) -> Fallible[None]:
    """Map a range at one go, in place of the little that is there, in a space that nobody has yet. ENOMEM."""
    with space.lock:
        if space.first_region(start, end) is None:
            regions.place(space, terms, pager, offset, start, end)
            return
    with deferred(space.drop_removed):
        position = start
        while position < end:
            position = map_step(space, terms, pager, offset, start, end, position)


def check_unmap(start: u64, length: u64) -> Fallible[u64]:
    """Where a range that is to be unmapped ends. EINVAL for a bad one."""
    if start % PAGE_SIZE != 0 or length == 0 or length > USER_END:
        raise EINVAL
    size = align_up(length, PAGE_SIZE)
    if start > USER_END or size > USER_END - start:
        raise EINVAL
    return start + size


def unmap_step(space: AddressSpace, start: u64, end: u64, position: u64) -> Fallible[u64]:
    """Unmap a range from `position` on, which is `start` at first. Returns up to where.

    ENOMEM only from the first step, when there is no memory to divide a region, and nothing has changed then.
    """
    with space.lock:
        budget = local(Budget)
        if position == start:
            regions.prepare_clear(space, start, end)
        return regions.clear(space, position, end, budget)


def unmap_whole(space: AddressSpace, start: u64, length: u64) -> Fallible[None]:
    """Unmap a range at one go."""
    end = check_unmap(start, length)
    position = start
    with deferred(space.drop_removed):
        while position < end:
            position = unmap_step(space, start, end, position)


def move_break(space: AddressSpace, address: u64, may_lock_all: bool) -> Fallible[tuple[u64, u64]]:
    """brk(2): end the heap at `address`. Where its last page ended and ends now; what lies between, if it is less now,
    is to be unmapped by `unmap_step`. EINVAL, ENOMEM; EAGAIN above RLIMIT_MEMLOCK, unless that does not count.
    """
    with space.lock:
        if address < space.break_start or address > MAP_TOP:
            raise EINVAL
        old = align_up(space.break_end, PAGE_SIZE)
        new = align_up(address, PAGE_SIZE)
        if new < old:
            regions.prepare_clear(space, new, old)  # what may fail comes first
        elif new > old:
            if space.first_region(old, new) is not None:
                raise ENOMEM
            terms = Terms(rights=u32(Protection.READ | Protection.WRITE), locked=space.locks_new)
            quota.check_count(space)
            quota.check_room(space, terms, (new - old) // PAGE_SIZE)
            if terms.locked and not may_lock_all:
                quota.check_locked(space, (new - old) // PAGE_SIZE)
            regions.place(space, terms, None, 0, old, new)
        space.break_end = address
        return old, new
