"""Reparenting: what others still refer to when a container ends is paid for by the container around it.

Interface: `reparent`, which the caller repeats for all frames of the machine. Linux does the same with what a memory
cgroup that was removed is still charged for (mm/memcontrol.c, memcg_reparent_objcgs()). A container's use counts in all
containers around it already, so nothing is charged, and no limit can be in the way.
"""

from __future__ import annotations

from codegen.lang import FrameNumber, Order, reference, u64
from kernel.machine.layout import frame_address
from kernel.memory import frames
from kernel.memory.account import Account
from kernel.memory.frame_table import FrameUse
from kernel.memory.heap import Heap, Slab

STEP: u64 = 16_384
"""How many frames are looked at in one step: some 0.1 ms. Blocks of any order lie within one."""


def reparent(owner: Account, heir: Account, first: u64) -> u64:
    """Make `heir`, the parent, pay for what `owner` still pays for of STEP frames from number `first` on, a multiple of
    STEP; returns how many that is.

    For the end of a container: nothing charges `owner` any more, and it has no children.
    """
    moved: u64 = 0
    for number in range(first, min(first + STEP, u64(len(frames.FRAMES.frames)))):
        frame = frames.FRAMES.frames[number]
        if frame.owner is owner:
            frame.owner = heir
            moved += 1
            if frame.use == FrameUse.HEAP:
                move_slab(reference(Slab, frame_address(FrameNumber(number))), heir.heap)
            elif frame.use == FrameUse.HEAP_RUN and frame.references.load(Order.RELAXED) != 0:
                move_objects(owner.heap, heir.heap, 1)
    owner.pages.remove(moved)
    return moved


def move_slab(slab: Slab, heir: Heap) -> None:
    """Let `heir` have a slab, with all objects in it."""
    before = slab.heap
    with before.lock:
        if slab.listed:
            before.unlist_slab(slab)
    slab.heap = heir
    with heir.lock:
        if slab.used < slab.capacity:
            heir.list_slab(slab)
    move_objects(before, heir, u64(slab.used))


def move_objects(before: Heap, heir: Heap, count: u64) -> None:
    """Count objects for `heir` from now on."""
    with before.lock:
        before.objects -= count
    with heir.lock:
        heir.objects += count
