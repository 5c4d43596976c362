"""Stacks: regions that grow downwards when a program touches what lies below them (mmap(2), MAP_GROWSDOWN).

Interface: `grow_to`, for the page-fault handler; `make_room_below`; `growing_start`. As on Linux, such a region becomes
at most as large as RLIMIT_STACK says, and ends `GUARD_GAP` above the next one below, so that a stack that overflows
meets a fault and not the memory of others.
"""

from __future__ import annotations

from codegen.lang import Fallible, align_down, saturating_sub, u64
from kernel.base.errno import EINVAL, ENOMEM
from kernel.machine.layout import PAGE_SIZE, USER_START
from kernel.memory.region import GUARD_GAP, Region
from kernel.memory.space import AddressSpace


def grow_to(space: AddressSpace, page: u64) -> Region | None:
    """Let the region above `page`, where nothing is mapped, begin there if it may. The lock is held.

    None: no region grows to there (acct_stack_growth() and expand_downwards() of Linux).
    """
    region = space.regions.at_or_above(page)
    if region is None or not region.grows_down or page < USER_START:
        return None
    added = (region.start - page) // PAGE_SIZE
    if region.end - page > space.quota.stack or space.mapped.pages + added > space.quota.total // PAGE_SIZE:
        return None
    below = space.regions.at_or_below(page)
    if below is not None and not below.grows_down and below.terms.rights != 0:
        if saturating_sub(u64, page, below.end) < GUARD_GAP:
            return None
    space.mapped.count(region.terms, added)
    region.start = page
    space.regions.rekey(region, page)
    return region


def make_room_below(space: AddressSpace, address: u64, length: u64) -> None:
    """Let the stack reach `length` below `address`, as far as it may: programs find some of it mapped (execve(2))."""
    with space.lock:
        page = align_down(saturating_sub(u64, address, length), PAGE_SIZE)
        if space.region_at(page) is None:
            _ = grow_to(space, page)


def growing_start(space: AddressSpace, address: u64) -> Fallible[u64]:
    """Where the region at `address` begins (mprotect(2), PROT_GROWSDOWN). ENOMEM; EINVAL if it does not grow."""
    with space.lock:
        region = space.region_at(address)
        if region is None:
            raise ENOMEM
        if not region.grows_down:
            raise EINVAL
        return region.start
