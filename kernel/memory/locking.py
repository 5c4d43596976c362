"""Locked memory (mlock(2)): pages that are there, and stay. Nothing is ever taken out of memory here, so to lock is to
make the pages, to count them against RLIMIT_MEMLOCK, and to refuse to forget them.

Interface: `lock` `lock_new` `unlock` `lock_all` `unlock_all` `locked_outside` `is_any_locked`.
"""

from __future__ import annotations

from codegen.lang import Errno, Fallible, saturating_sub, u64
from kernel.base.errno import EAGAIN, ENOMEM
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.memory.advice import check_whole, populate_range, regions_in
from kernel.memory.region import Access, Protection
from kernel.memory.space import AddressSpace


def set_locked(space: AddressSpace, start: u64, end: u64, locked: bool) -> Fallible[None]:
    """Mark what is mapped of a range. ENOMEM when part is not mapped or cannot be split."""
    stop = min(end, USER_END)
    with space.lock:
        space.split_at(start)
        space.split_at(stop)
        for region in regions_in(space, start, stop):
            region.locked = locked
    check_whole(space, start, end)


def lock(space: AddressSpace, start: u64, end: u64, at_once: bool) -> Fallible[None]:
    """Lock a range; with `at_once` all of its pages are made. ENOMEM, EAGAIN when there is no page left (mlock(2))."""
    set_locked(space, start, end, True)
    if at_once:
        make_locked(space, start, end)


def make_locked(space: AddressSpace, start: u64, end: u64) -> Fallible[None]:
    """Make the pages of a range that is mapped: as own ones, where they may be written to."""
    address = start
    while address < end:
        with space.lock:
            region = space.region_at(address)
            if region is None:
                return
            stop = min(region.end, end)
            access = Access.WRITE if region.allows(Access.WRITE) and not region.shared else Access.READ
            is_accessible = region.protection != Protection.NONE
        if is_accessible:
            try:
                populate_range(space, address, stop, access)
            except ENOMEM:
                raise EAGAIN from None
            except Errno:
                raise ENOMEM from None
        elif stop > address:
            raise ENOMEM
        address = stop


def lock_new(space: AddressSpace, start: u64, length: u64) -> None:
    """Mark what was just mapped (MAP_LOCKED). What finds no memory to be split is not locked: that is no error."""
    try:
        set_locked(space, start, start + length, True)
    except ENOMEM:
        return


def unlock(space: AddressSpace, start: u64, end: u64) -> Fallible[None]:
    """Unlock a range. ENOMEM when part is not mapped."""
    set_locked(space, start, end, False)


def lock_all(space: AddressSpace, current: bool, future: bool, at_once: bool) -> None:
    """Lock all that is mapped, all that will be, or both; pages that cannot be made are left out (mlockall(2))."""
    with space.lock:
        space.locks_new = future
        if current:
            for region in space.regions:
                region.locked = True
    if current and at_once:
        address: u64 = 0
        while True:
            with space.lock:
                following = space.first_region(address, USER_END)
                if following is None:
                    return
                start = following.start
                address = following.end
            try:
                make_locked(space, start, address)
            except (EAGAIN, ENOMEM):
                continue


def unlock_all(space: AddressSpace) -> None:
    """Nothing is locked any more (munlockall(2))."""
    with space.lock:
        space.locks_new = False
        for region in space.regions:
            region.locked = False


def locked_outside(space: AddressSpace, start: u64, end: u64) -> u64:
    """How many pages of addresses are locked, a range excepted."""
    count: u64 = 0
    with space.lock:
        for region in space.regions:
            if region.locked:
                within = saturating_sub(u64, min(region.end, end), max(region.start, start))
                count += (region.end - region.start - within) // PAGE_SIZE
    return count


def is_any_locked(space: AddressSpace, start: u64, end: u64) -> bool:
    """Whether some of a range is locked."""
    found = False
    with space.lock:
        for region in regions_in(space, start, min(end, USER_END)):
            found = found or region.locked
    return found
