"""Which pages of an address space are in memory (mincore(2))."""

from __future__ import annotations

from codegen.lang import Fallible, MutableSlice, u8, u64
from kernel.base.errno import ENOMEM
from kernel.machine.layout import PAGE_SIZE
from kernel.machine.paging import index_at
from kernel.memory import page_tables
from kernel.memory.space import AddressSpace


def tell_residence(space: AddressSpace, start: u64, answer: MutableSlice[u8]) -> Fallible[None]:
    """A byte for each page from `start` on: 1 if a program would find it in memory. ENOMEM where nothing is mapped."""
    address = start
    with space.lock:
        for index in range(len(answer)):
            region = space.region_at(address)
            if region is None:
                raise ENOMEM
            table = page_tables.find_table(space.root, address)
            is_there = table is not None and table.entries[index_at(address, 1)].present
            pager = region.pager
            if not is_there and pager is not None:
                is_there = pager.has_page(region.page_index(address))
            answer[index] = u8(is_there)
            address += PAGE_SIZE
