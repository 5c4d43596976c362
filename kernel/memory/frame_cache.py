"""Frame caches: each processor keeps some free single frames, which it takes and gives back without a lock.

The frames of a cache are free (frames.py counts them), but in no block of the buddy system: their use is NONE. It is
filled and emptied by the batch, and last in is first out, because what was used last may still be in the processor's
caches (Bonwick and Adams, Magazines and Vmem, 2001).

Between `enter` and `leave`, with interrupts off, a cache belongs to one processor: its own, but for when memory is
nearly used up and all caches are emptied. So the flag is nearly always free, and as cheap as can be.
"""

from __future__ import annotations

from codegen.lang import Array, Atomic, Order, array, inline, inline_array, struct, truncate, u32, u64
from kernel.machine.cpu import current_cpu_number
from kernel.machine.instructions import spin_hint
from kernel.machine.segments import MAXIMUM_CPUS

CAPACITY: u64 = 1024
"""4 MiB a processor."""
BATCH_ORDER: u64 = 6
BATCH: u64 = 1 << BATCH_ORDER
"""How many frames come from, or go back to, the buddy system at once."""


@struct
class FrameCache:
    """The free frames of one processor: the first `count` of `numbers`."""

    busy: Atomic[u32] = inline()
    count: u64 = 0
    numbers: Array[u32] = array(CAPACITY)

    @inline
    def enter(self) -> None:
        """Keep the others out. Interrupts are off, and no other cache is entered."""
        while self.busy.exchange(1, Order.ACQUIRE) != 0:
            spin_hint()

    def leave(self) -> None:
        """Let others in."""
        self.busy.store(0, Order.RELEASE)

    @inline
    def push(self, number: u64) -> None:
        """Keep a free frame. There is room."""
        self.numbers[self.count] = truncate(u32, number)
        self.count += 1

    @inline
    def pop(self) -> u64:
        """Take the frame that came last. There is one."""
        self.count -= 1
        return u64(self.numbers[self.count])


@struct
class FrameCaches:
    """The cache of every processor, by its number."""

    of: Array[FrameCache] = inline_array(MAXIMUM_CPUS)


CACHES = FrameCaches()


def this_cache() -> FrameCache:
    """The cache of the processor that runs this. Interrupts are off."""
    return CACHES.of[current_cpu_number()]
