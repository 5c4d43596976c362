"""Memory of another program: pages of an address space that is not the current one (process_vm_readv(2)).

Interface: `lend_page`. The page is filled in as if its program had touched it, and stays as long as it is held.
"""

from __future__ import annotations

from codegen.lang import Errno, Fallible, FrameNumber, align_down, must_use, u64
from kernel.base.errno import EFAULT, ENOMEM
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.machine.paging import index_at
from kernel.memory import frames, page_tables
from kernel.memory.fault import handle_fault
from kernel.memory.region import Access
from kernel.memory.space import AddressSpace


@must_use
def lend_page(space: AddressSpace, address: u64, access: Access) -> Fallible[FrameNumber]:
    """The frame behind `address`, held: `frames.release` it. EFAULT where that access is not allowed; ENOMEM."""
    if address >= USER_END:
        raise EFAULT
    page = align_down(address, PAGE_SIZE)
    try:
        handle_fault(space, page, access)
    except ENOMEM:
        raise
    except Errno:
        raise EFAULT from None
    with space.lock:
        table = page_tables.find_table(space.root, page)
        assert table is not None, "the page was just filled in"
        entry = table.entries[index_at(page, 1)]
        assert entry.present, "the page was just filled in"
        frames.share(entry.frame)
        return entry.frame
