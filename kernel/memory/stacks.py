"""Kernel stacks: 16 KiB each, in slots of their own, with a guard below that is never mapped.

Interface: `allocate` and `release`. A stack that grows into its guard faults, and the double-fault handler, which
has a stack of its own, reports it. Frames are charged to who asks; the tables of the area to the kernel.
"""

from __future__ import annotations

from codegen.lang import Array, Fallible, FrameNumber, VirtAddr, array, inline, must_use, struct, u64
from kernel.base.bitmap import clear_bit, find_clear, set_bit
from kernel.base.errno import ENOMEM
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.machine.instructions import invalidate_page
from kernel.machine.layout import PAGE_SIZE, STACK_SIZE, STACK_SLOT, STACKS
from kernel.machine.paging import Entry, index_at
from kernel.memory import frames, page_tables
from kernel.memory.account import KERNEL, Account
from kernel.memory.frames import FrameUse
from kernel.memory.kernel_space import KERNEL_SPACE

SLOTS: u64 = 16384
WORDS: u64 = SLOTS // 64


@struct
class StackArea:
    """Which slots are taken."""

    lock: SpinLock = inline(SpinLock(LockRank.STACK_AREA))
    taken: Array[u64] = array(WORDS)
    used: u64 = 0
    hint: u64 = 0


AREA = StackArea()


@must_use
def allocate(owner: Account) -> Fallible[VirtAddr]:
    """The top of a new stack, charged to `owner`. ENOMEM."""
    with AREA.lock:
        slot = find_clear(AREA.taken[0:WORDS], AREA.hint)
        if slot >= SLOTS:
            slot = find_clear(AREA.taken[0:WORDS], 0)
        if slot >= SLOTS:
            raise ENOMEM
        set_bit(AREA.taken[0:WORDS], slot)
        AREA.hint = slot
        AREA.used += 1
    top = STACKS + (slot + 1) * STACK_SLOT
    try:
        map_stack(top - STACK_SIZE, top, owner)
    except ENOMEM:
        release(VirtAddr(top))
        raise
    return VirtAddr(top)


def map_stack(start: u64, end: u64, owner: Account) -> Fallible[None]:
    """Give every page of a stack a frame."""
    address = start
    while address < end:
        table = page_tables.make_table(KERNEL_SPACE.root, address, KERNEL, False)
        frame = frames.allocate_uncleared(owner, 0, FrameUse.STACK)
        table.entries[index_at(address, 1)] = Entry(
            present=True, writable=True, global_page=True, no_execute=True, frame=frame
        )
        address += PAGE_SIZE


def release(top: VirtAddr) -> None:
    """Give back a stack that nothing runs on any more, or as much of one as there is."""
    address = u64(top) - STACK_SIZE
    while address < top:
        table = page_tables.find_table(KERNEL_SPACE.root, address)
        if table is not None:
            entry = table.entries[index_at(address, 1)]
            if entry.present:
                table.entries[index_at(address, 1)] = Entry()
                invalidate_page(address)
                frames.release(entry.frame)
        address += PAGE_SIZE
    slot = (u64(top) - STACKS) // STACK_SLOT - 1
    with AREA.lock:
        clear_bit(AREA.taken[0:WORDS], slot)
        AREA.hint = min(AREA.hint, slot)
        AREA.used -= 1


def frame_under(address: u64) -> FrameNumber:
    """The frame behind an address of the area; frame 0 when none is mapped, as in a guard."""
    table = page_tables.find_table(KERNEL_SPACE.root, address)
    if table is None:
        return FrameNumber(0)
    return table.entries[index_at(address, 1)].frame
