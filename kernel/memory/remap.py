"""Moving mappings, and changing their length (mremap(2)).

Interface: `Remapping`: `check` it, unmap what is in the way and what is too much, then `extend`; or `choose_place`, and
`prepare_step` and `move_step` until each is done.
"""

from __future__ import annotations

from enum import IntFlag

from codegen.lang import Fallible, local, on_error, replace, struct, u32, u64, width, wrapping_add
from kernel.base.errno import EFAULT, EINVAL, ENOMEM
from kernel.machine.layout import PAGE_SIZE, USER_END, USER_START
from kernel.memory import moving, quota, regions
from kernel.memory.budget import Budget
from kernel.memory.pages import TABLE_SPAN
from kernel.memory.region import LARGEST_OFFSET, Region, Terms
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
FARTHEST: u64 = LARGEST_OFFSET + (1 << 62)
"""Mappings of a file may grow beyond its end, and beyond that of all files, but not without limit."""


@struct
class Remapping:
    """One call, with lengths in whole pages."""

    start: u64 = 0
    old: u64 = 0
    new: u64 = 0
    flags: Remap = Remap.NONE
    target: u64 = 0
    done: u64 = 0
    """How much is prepared, then how much is moved."""

    @property
    def has_place(self) -> bool:
        """Whether the caller says where to."""
        return Remap.FIXED in self.flags

    @property
    def keeps_old(self) -> bool:
        """Whether the old range stays mapped."""
        return Remap.KEEP_OLD in self.flags or self.old == 0

    def check(self) -> Fallible[None]:
        """EINVAL for numbers that cannot be (check_mremap_params() of Linux)."""
        if self.start % PAGE_SIZE != 0 or self.new == 0 or self.new > USER_END:
            raise EINVAL
        if not self.has_place and Remap.KEEP_OLD not in self.flags:
            return
        if self.target % PAGE_SIZE != 0 or self.target > USER_END - self.new:
            raise EINVAL
        if Remap.MAY_MOVE not in self.flags or (Remap.KEEP_OLD in self.flags and self.old != self.new):
            raise EINVAL
        if wrapping_add(u64, self.start, self.old) > self.target and self.target + self.new > self.start:
            raise EINVAL
        if self.has_place and self.target < USER_START:
            raise EINVAL

    def check_source(self, space: AddressSpace, may_lock_all: bool) -> Fallible[None]:
        """EFAULT unless what is to be moved or to grow is in one region; EINVAL, EAGAIN or ENOMEM if it may not grow.

        An old length of 0 maps shared memory once more.
        """
        with space.lock:
            region = space.region_at(self.start)
            if region is None:
                raise EFAULT
            if self.old == 0 and not region.shared:
                raise EINVAL
            if self.new == self.old and not self.has_place and not self.keeps_old:
                return
            if min(self.old, self.new) > region.end - self.start and (self.new >= self.old or self.has_place):
                raise EFAULT
            added = max(self.new, self.old) - self.old
            if added == 0:
                return
            if region.pager is not None:
                if region.offset + (self.start - region.start) > FARTHEST - self.new:
                    raise EINVAL
            pages = added // PAGE_SIZE
            if region.locked and not may_lock_all:
                quota.check_locked(space, pages)
            quota.check_room(space, region.terms, pages)

    def extend(self, space: AddressSpace) -> bool:
        """Let the range grow where it is, if nothing is in the way. Whether it has."""
        with space.lock:
            region = space.region_at(self.start)
            end = self.start + self.new
            if region is None or self.old == 0 or region.end != self.start + self.old or end > USER_END:
                return False
            if space.first_region(region.end, end) is not None:
                return False
            regions.extend(space, region.end, end)
            regions.join_at(space, end)
            return True

    def choose_place(self, space: AddressSpace) -> Fallible[None]:
        """Find room, where tables can be moved whole if that is possible. ENOMEM."""
        with space.lock:
            if len(space.regions) + 4 > quota.REGIONS_MAX:
                raise ENOMEM
            if self.has_place:
                return
            if self.new >= TABLE_SPAN:
                try:
                    room = space.find_gap(self.new + TABLE_SPAN)
                    self.target = room + (wrapping_add(u64, self.start, TABLE_SPAN) - room % TABLE_SPAN) % TABLE_SPAN
                    return
                except ENOMEM:
                    pass
            self.target = space.find_gap(self.new)

    def prepare_step(self, space: AddressSpace) -> Fallible[bool]:
        """Make page tables for the new place. Whether all are made. ENOMEM, and nothing has changed."""
        budget = local(Budget)
        with space.lock:
            space.has_stray_tables = True
            self.done = moving.make_tables(
                space.root, self.start, self.target, self.done, self.old, space.account, budget
            )
            if self.done < self.old:
                return False
            self.done = 0
            return True

    def move_step(self, space: AddressSpace) -> Fallible[bool]:
        """Move what the budget permits. Whether all is moved.

        What is moved is out of its old place and in the new one; the rest of the new place cannot be used meanwhile.
        ENOMEM from the first step, and nothing has changed.
        """
        budget = local(Budget)
        with space.lock:
            if self.done == 0:
                self.begin(space)
            moved = space.region_at(self.target)
            source = space.region_at(self.start + self.done)
            if moved is None or source is None:
                raise EFAULT  # the process is being killed, and its memory was taken
            before = self.done
            self.done = moving.move(space.root, self.start, self.target, before, self.old, space.account, budget)
            regions.show_for(moved, source)
            self.shift(space, source)
            return self.done == self.old

    def begin(self, space: AddressSpace) -> Fallible[None]:
        """Set aside the new place: its first page is like the source, the rest cannot be used. ENOMEM."""
        heap = space.account.heap
        fresh = heap.new(Region)
        with on_error(heap.free, fresh):
            rest = heap.new(Region)
            with on_error(heap.free, rest):
                if not self.keeps_old:
                    regions.split_at(space, self.start)
                    regions.split_at(space, self.start + self.old)
        source = space.region_at(self.start)
        assert source is not None, "it was checked"
        terms = source.terms
        if Remap.KEEP_OLD in self.flags and source.locked:
            space.mapped.locked -= source.pages
            source.terms = replace(source.terms, locked=False)
        boundary = self.target + PAGE_SIZE
        if self.new == PAGE_SIZE:
            heap.free(rest)
        else:
            regions.insert(space, rest, Terms(), None, 0, boundary, self.target + self.new)
        regions.insert(space, fresh, terms, source.pager, source.offset_of(self.start), self.target, boundary)

    def shift(self, space: AddressSpace, source: Region) -> None:
        """Let the regions meet where the moved pages end, and at the end be what they are to be."""
        is_done = self.done == self.old
        if not self.keeps_old:
            if is_done:
                regions.remove(space, source)
            else:
                regions.cut_front(space, source, self.start + self.done)
        boundary = self.target + (self.new if is_done else self.done)
        moved = space.region_at(self.target)
        assert moved is not None, "it was put there"
        rest = space.region_at(moved.end) if moved.end < self.target + self.new else None
        if rest is not None and boundary > moved.end:
            if is_done:
                regions.remove(space, rest)
            else:
                regions.cut_front(space, rest, boundary)
            regions.extend(space, moved.end, boundary)
        if is_done:
            regions.join_at(space, boundary)
            regions.join_at(space, self.target)
