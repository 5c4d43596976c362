"""Moving mappings, and changing their length (mremap(2)). Interface: `remap` and `Remap`."""

from __future__ import annotations

from enum import IntFlag

from codegen.lang import Fallible, on_error, u32, u64, width
from kernel.base.errno import EFAULT, EINVAL, ENOMEM
from kernel.machine.layout import PAGE_SIZE, USER_END, USER_START
from kernel.memory import pages
from kernel.memory.region import Region, checked_length
from kernel.memory.space import AddressSpace


@width(u32)
class Remap(IntFlag):
    """MREMAP_* of mremap(2)."""

    NONE = 0
    MAY_MOVE = 1
    FIXED = 2
    KEEP_OLD = 4
    """MREMAP_DONTUNMAP: the old range stays mapped, without its pages."""


REMAP_BITS: u32 = 7


def remap(
    space: AddressSpace, start: u64, old_length: u64, new_length: u64, flags: Remap, wanted: u64
) -> Fallible[u64]:
    """mremap(2) within one region: shrink, grow in place, or move; returns where it is then. EFAULT, EINVAL, ENOMEM.

    `wanted` is the new address with FIXED.
    """
    if start % PAGE_SIZE != 0:
        raise EINVAL
    old = checked_length(old_length)
    new = checked_length(new_length)
    if Remap.FIXED in flags or Remap.KEEP_OLD in flags:
        return move_to(space, start, old, new, flags, wanted)
    with space.lock:
        if new <= old:
            check_source(space, start, PAGE_SIZE)
            space.clear_range(start + new, start + old)
            return start
        region = check_source(space, start, old)
        if region.end == start + old and may_extend(space, region, start + new):
            space.mapped_pages += (new - old) // PAGE_SIZE
            region.end = start + new
            return start
        if Remap.MAY_MOVE not in flags:
            raise ENOMEM
        return move(space, start, old, new, space.find_gap(new), False)


def move_to(space: AddressSpace, start: u64, old: u64, new: u64, flags: Remap, wanted: u64) -> Fallible[u64]:
    """`remap` to a given place, or leaving the old one mapped."""
    if Remap.MAY_MOVE not in flags or (Remap.KEEP_OLD in flags and old != new):
        raise EINVAL
    if wanted % PAGE_SIZE != 0 or new > USER_END or wanted > USER_END - new:
        raise EINVAL
    if start + old > wanted and wanted + new > start:
        raise EINVAL
    with space.lock:
        kept = old
        target = wanted
        if Remap.FIXED in flags:
            if wanted < USER_START:
                raise EINVAL
            space.clear_range(wanted, wanted + new)
            if new < old:
                space.clear_range(start + new, start + old)
                kept = new
            check_source(space, start, kept)
        else:
            check_source(space, start, kept)
            target = space.find_gap(new)
        return move(space, start, kept, new, target, Remap.KEEP_OLD in flags)


def check_source(space: AddressSpace, start: u64, length: u64) -> Fallible[Region]:
    """The region that a whole range lies in. EFAULT. The lock is held."""
    region = space.region_at(start)
    if region is None or length > region.end - start:
        raise EFAULT
    return region


def may_extend(space: AddressSpace, region: Region, end: u64) -> bool:
    """Whether `region` may end at `end`, as nothing is in the way. The lock is held."""
    return end <= USER_END and space.first_region(region.end, end) is None


def move(space: AddressSpace, start: u64, old: u64, new: u64, target: u64, keep_old: bool) -> Fallible[u64]:
    """Move part of a region to the free range at `target`, with its pages. ENOMEM. The lock is held."""
    moved = space.account.heap.new(Region)
    with on_error(space.account.heap.free, moved):
        if not keep_old:
            space.split_at(start)
            space.split_at(start + old)
        space.has_stray_tables = True
        pages.move(space.root, start, target, old, space.account)
    source = space.region_at(start)
    assert source is not None, "the range is mapped"
    moved.copy_from(source, start)
    space.place(moved, target, target + new, source.protection, source.shared)
    if not keep_old:
        space.forget(source)
    return target
