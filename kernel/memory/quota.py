"""Quota: how much of its addresses a program may use, and how much it does (setrlimit(2), proc(5) "max_map_count").

Interface: `count` and `discount` for who changes regions; `check_room` `check_count` before something is mapped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Fallible, inline, struct, u64
from kernel.base.errno import EAGAIN, ENOMEM
from kernel.machine.layout import PAGE_SIZE
from kernel.memory.region import Terms, is_data
from kernel.memory.user_layout import STACK_SIZE

if TYPE_CHECKING:
    from kernel.memory.space import AddressSpace

NO_LIMIT: u64 = 0xFFFF_FFFF_FFFF_FFFF
REGIONS_MAX: u64 = 65_530
"""vm.max_map_count of a fresh Linux (DEFAULT_MAX_MAP_COUNT)."""


@struct
class Quota:
    """The limits, in bytes, that the process has set."""

    total: u64 = NO_LIMIT
    """RLIMIT_AS."""
    data: u64 = NO_LIMIT
    """RLIMIT_DATA."""
    stack: u64 = STACK_SIZE
    """RLIMIT_STACK: how large regions that grow may become."""
    locked: u64 = NO_LIMIT
    """RLIMIT_MEMLOCK."""

    def copy_from(self, other: Quota) -> None:
        """Have the limits of `other`."""
        self.total = other.total
        self.data = other.data
        self.stack = other.stack
        self.locked = other.locked


@struct
class Mapped:
    """How many pages of addresses are mapped, and of these, how many are data, and locked."""

    pages: u64 = 0
    pages_before: u64 = 0
    """The most that there were, when some were taken away."""
    data: u64 = 0
    locked: u64 = 0

    @property
    def most(self) -> u64:
        """The most pages that were mapped at a time."""
        return max(self.pages, self.pages_before)

    @inline
    def count(self, terms: Terms, pages: u64) -> None:
        """So many pages more are of these terms."""
        self.pages += pages
        if is_data(terms):
            self.data += pages
        if terms.locked:
            self.locked += pages

    @inline
    def discount(self, terms: Terms, pages: u64) -> None:
        """So many pages less."""
        self.pages_before = max(self.pages_before, self.pages)
        self.pages -= pages
        if is_data(terms):
            self.data -= pages
        if terms.locked:
            self.locked -= pages


def check_count(space: AddressSpace) -> Fallible[None]:
    """ENOMEM where something more is to be mapped and there are too many regions. The lock is held."""
    if len(space.regions) > REGIONS_MAX:
        raise ENOMEM


def check_split(space: AddressSpace) -> Fallible[None]:
    """ENOMEM where a region is to become two and there are too many. The lock is held."""
    if len(space.regions) >= REGIONS_MAX:
        raise ENOMEM


def check_room(space: AddressSpace, terms: Terms, pages: u64, replaced: u64 = 0) -> Fallible[None]:
    """ENOMEM unless so many pages may be mapped of these terms, where so many are unmapped. The lock is held."""
    if space.mapped.pages + pages > space.quota.total // PAGE_SIZE + replaced:
        raise ENOMEM
    if is_data(terms):
        check_data(space, pages)


def check_place(space: AddressSpace, terms: Terms, start: u64, end: u64) -> Fallible[None]:
    """ENOMEM unless a range may be mapped of these terms, in place of what is there. The lock is held."""
    pages = (end - start) // PAGE_SIZE
    if space.mapped.pages + pages > space.quota.total // PAGE_SIZE:
        check_room(space, terms, pages, pages_within(space, start, end))
    elif is_data(terms):
        check_data(space, pages)


def check_data(space: AddressSpace, pages: u64) -> Fallible[None]:
    """ENOMEM unless so many pages more may be data. The lock is held."""
    if space.mapped.data + pages > space.quota.data // PAGE_SIZE:
        raise ENOMEM


def pages_within(space: AddressSpace, start: u64, end: u64) -> u64:
    """How many pages of a range are mapped. The lock is held."""
    pages: u64 = 0
    address = start
    while address < end:
        region = space.first_region(address, end)
        if region is None:
            break
        pages += (min(region.end, end) - max(region.start, address)) // PAGE_SIZE
        address = region.end
    return pages


def locked_within(space: AddressSpace, start: u64, end: u64) -> u64:
    """How many pages of a range are locked. The lock is held."""
    pages: u64 = 0
    address = start
    while address < end:
        region = space.first_region(address, end)
        if region is None:
            break
        if region.locked:
            pages += (min(region.end, end) - max(region.start, address)) // PAGE_SIZE
        address = region.end
    return pages


def check_locked(space: AddressSpace, pages: u64) -> Fallible[None]:
    """EAGAIN unless so many pages more may be locked, by whom the limit counts for. The lock is held."""
    if space.mapped.locked + pages > space.quota.locked // PAGE_SIZE:
        raise EAGAIN
