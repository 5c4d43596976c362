"""Kernel stacks: 16 KiB each, in slots of their own, with a guard below that is never mapped.

Interface: `allocate` and `release`. A stack that grows into its guard faults, and the double-fault handler, which
has a stack of its own, reports it. Frames are charged to who asks; the tables of the area to the kernel.

Other processors may remember the translations of a stack that was given back. Nobody uses its addresses, so that does
no harm until the slot is used again: slots that were given back are stale, and stay taken, until all processors have
forgotten some tens of them at once.
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
from kernel.machine.processors import PROCESSORS
from kernel.memory import frames, page_tables, shootdown
from kernel.memory.account import KERNEL, Account
from kernel.memory.frames import FrameUse
from kernel.memory.kernel_space import KERNEL_SPACE

SLOTS: u64 = 16384
WORDS: u64 = SLOTS // 64
MOST_STALE: u64 = 32


@struct
class StackArea:
    """Which slots are taken."""

    lock: SpinLock = inline(SpinLock(LockRank.STACK_AREA))
    taken: Array[u64] = array(WORDS)
    stale: Array[u64] = array(MOST_STALE)
    """Slots that are taken only as other processors may remember what was there."""
    stale_count: u64 = 0
    used: u64 = 0
    hint: u64 = 0

    def free(self, slot: u64) -> None:
        """Let a slot be used again. The lock is held."""
        clear_bit(self.taken[0:WORDS], slot)
        self.hint = min(self.hint, slot)

    def free_later(self, slot: u64) -> None:
        """Let a slot be used again when no processor remembers its translations. The lock is held."""
        self.stale[self.stale_count] = slot
        self.stale_count += 1
        if self.stale_count == MOST_STALE:
            self.free_stale()

    def free_stale(self) -> None:
        """Let all processors forget what was in stale slots. The lock is held."""
        shootdown.forget_kernel()
        for index in range(self.stale_count):
            self.free(self.stale[index])
        self.stale_count = 0


AREA = StackArea()


@must_use
def allocate(owner: Account) -> Fallible[VirtAddr]:
    """The top of a new stack, charged to `owner`. ENOMEM."""
    with AREA.lock:
        slot = find_clear(AREA.taken[0:WORDS], AREA.hint)
        if slot >= SLOTS:
            AREA.free_stale()
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
        AREA.used -= 1
        if PROCESSORS.running > 1:
            AREA.free_later(slot)
        else:
            AREA.free(slot)


def frame_under(address: u64) -> FrameNumber:
    """The frame behind an address of the area; frame 0 when none is mapped, as in a guard."""
    table = page_tables.find_table(KERNEL_SPACE.root, address)
    if table is None:
        return FrameNumber(0)
    return table.entries[index_at(address, 1)].frame
