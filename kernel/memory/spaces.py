"""Every address space there is, so that pages can be taken from all that map them (rmap of Linux).

Interface: `SPACES`, and `unmap_beyond` for files that become shorter. Only that needs the way from a page to its
mappings, and it is rare; so there is no list for each file, which every mapping would pay for.
"""

from __future__ import annotations

from codegen.lang import u64
from kernel.machine.layout import PAGE_SIZE
from kernel.memory.pager import Pager
from kernel.memory.region import Region
from kernel.memory.space import SPACES, AddressSpace


def unmap_beyond(pager: Pager, first: u64) -> None:
    """Unmap the pages of `pager` from number `first` on wherever they are mapped, and private copies of them."""
    for space in SPACES.members:
        with space.lock:
            for region in space.regions:
                if region.pager is pager:
                    unmap_in(space, region, first)


def unmap_in(space: AddressSpace, region: Region, first: u64) -> None:
    """`unmap_beyond` in one region. The lock is held."""
    shown = region.offset // PAGE_SIZE
    start = region.start if first <= shown else region.start + (first - shown) * PAGE_SIZE
    if start < region.end:
        space.drop_pages(start, region.end)
