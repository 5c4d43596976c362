"""What calls ask of ranges of memory without changing what they are: forgetting pages, and whether all is mapped.

As on Linux, what is mapped of a range is treated even if it has holes; madvise(2) tells of those afterwards (ENOMEM).
"""

from __future__ import annotations

from codegen.lang import Fallible, local, struct, u64
from kernel.base.errno import EINVAL
from kernel.machine.layout import USER_END
from kernel.memory.budget import REGION_COST, Budget
from kernel.memory.region import Region
from kernel.memory.space import AddressSpace


@struct
class Range:
    """Addresses that a call goes through in steps."""

    position: u64 = 0
    end: u64 = 0
    has_hole: bool = False
    """Some of it was not mapped."""

    def begin(self, start: u64, end: u64) -> None:
        """Stand at `start`. What lies beyond all addresses of a program is a hole."""
        self.position = start
        self.end = min(end, USER_END)
        self.has_hole = end > USER_END

    @property
    def is_done(self) -> bool:
        """Whether the end is reached."""
        return self.position >= self.end

    def find_region(self, space: AddressSpace) -> Region | None:
        """The next region, at which the range stands then; None at the end. The lock is held."""
        region = space.first_region(self.position, self.end)
        if region is None:
            self.has_hole = True
            self.position = self.end
        elif region.start > self.position:
            self.has_hole = True
            self.position = region.start
        return region

    def check_step(self, space: AddressSpace) -> None:
        """Look for holes."""
        budget = local(Budget)
        with space.lock:
            while not self.is_done and not budget.is_spent:
                region = self.find_region(space)
                budget.take(REGION_COST)
                if region is not None:
                    self.position = region.end

    def discard_step(self, space: AddressSpace, locked_too: bool, without_files: bool) -> Fallible[None]:
        """Forget what is in the pages (MADV_DONTNEED). EINVAL at what is locked, unless that is to go, too, and at what
        shows a file, if that must not be (MADV_FREE).
        """
        budget = local(Budget)
        with space.lock:
            while not self.is_done and not budget.is_spent:
                region = self.find_region(space)
                budget.take(REGION_COST)
                if region is not None:
                    if (region.locked and not locked_too) or (without_files and region.pager is not None):
                        raise EINVAL
                    self.position = space.drop_pages(self.position, min(region.end, self.end), budget)

    def is_locked_step(self, space: AddressSpace) -> bool:
        """Whether some of what was looked at now is locked (msync(2), MS_INVALIDATE)."""
        budget = local(Budget)
        with space.lock:
            while not self.is_done and not budget.is_spent:
                region = self.find_region(space)
                budget.take(REGION_COST)
                if region is not None:
                    if region.locked:
                        return True
                    self.position = region.end
        return False
