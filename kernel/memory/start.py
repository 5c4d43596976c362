"""From the loader's memory map to a working memory: the frame table, and the kernel's final page tables.

Interface: `initialise`, once, before anything allocates. It runs on the first page tables, which map 4 GiB.

What the loader left below 1 MiB (its information, the command line) stays as it is; the boot archive and the image
become frames of the kernel's account; all other memory is free.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    FrameNumber,
    align_down,
    align_up,
    fill,
    inline_array,
    local,
    panic,
    size_of,
    slice_at,
    struct,
    symbol_address,
    u8,
    u64,
)
from kernel.base.errno import ENOMEM
from kernel.machine.layout import BOOT_AREA_END, DEVICES_END, DIRECT_MAP, IMAGE_BASE, IMAGE_PHYSICAL, PAGE_SIZE
from kernel.machine.pvh import StartInfo
from kernel.memory import kernel_space
from kernel.memory.account import KERNEL
from kernel.memory.frames import FRAMES, Frame, FrameUse

RESERVED_MAX: u64 = 16


@struct
class Range:
    """Physical addresses from `start` up to `end`."""

    start: u64 = 0
    end: u64 = 0
    use: FrameUse = FrameUse.NONE


@struct
class Plan:
    """Which memory there is, and which of it is taken already."""

    taken: Array[Range] = inline_array(RESERVED_MAX)
    taken_count: u64 = 0
    memory_end: u64 = 0
    low_memory_end: u64 = 0
    """The end of the memory below the device registers at 4 GiB."""

    def take(self, start: u64, end: u64, use: FrameUse) -> None:
        """Say that a range, widened to whole pages, is taken."""
        assert self.taken_count < RESERVED_MAX, "too many modules"
        taken = self.taken[self.taken_count]
        taken.start = align_down(start, PAGE_SIZE)
        taken.end = align_up(end, PAGE_SIZE)
        taken.use = use
        self.taken_count += 1

    def first_taken(self, start: u64, end: u64) -> Range | None:
        """The lowest taken range that overlaps [start, end)."""
        found: Range | None = None
        for index in range(self.taken_count):
            taken = self.taken[index]
            if taken.start < end and start < taken.end and (found is None or taken.start < found.start):
                found = taken
        return found

    def room_for(self, start: u64, end: u64, size: u64) -> u64:
        """Where `size` bytes lie free in [start, end); 0 if nowhere."""
        while end >= size and start <= end - size:
            taken = self.first_taken(start, start + size)
            if taken is None:
                return start
            start = taken.end
        return 0

    def donate(self, start: u64, end: u64) -> None:
        """Make free what is not taken of [start, end)."""
        while start < end:
            taken = self.first_taken(start, end)
            stop = end if taken is None else max(start, taken.start)
            FRAMES.donate(FrameNumber(start // PAGE_SIZE), FrameNumber(stop // PAGE_SIZE))
            if taken is None:
                return
            start = taken.end


def initialise(info: StartInfo) -> None:
    """Take over all memory that `info` tells of; panics when there is too little."""
    plan = local(Plan)
    find_memory(plan, info)
    plan.take(0, BOOT_AREA_END, FrameUse.NONE)
    plan.take(IMAGE_PHYSICAL, symbol_address("__image_end") - IMAGE_BASE, FrameUse.IMAGE)
    for index in range(info.module_count):
        module = info.module(index)
        plan.take(module.start, module.start + module.size, FrameUse.ARCHIVE)
    make_frame_table(plan, info)
    try:
        for number in range(plan.taken_count):
            claim(plan.taken[number])
        kernel_space.initialise(plan.memory_end, plan.low_memory_end)
    except ENOMEM:
        panic("no memory for the kernel's own tables")


def find_memory(plan: Plan, info: StartInfo) -> None:
    """Find out where memory ends."""
    for index in range(info.memory_map_count):
        entry = info.memory_range(index)
        end = entry.start + entry.size
        if entry.is_ram:
            plan.memory_end = max(plan.memory_end, end)
            if end <= DEVICES_END:
                plan.low_memory_end = max(plan.low_memory_end, end)


def make_frame_table(plan: Plan, info: StartInfo) -> None:
    """Put the frame table where there is room, and give it all memory that is not taken."""
    count = align_down(plan.memory_end, PAGE_SIZE) // PAGE_SIZE
    size = align_up(count * size_of(Frame), PAGE_SIZE)
    place: u64 = 0
    for index in range(info.memory_map_count):
        entry = info.memory_range(index)
        if entry.is_ram and place == 0:
            start = align_up(u64(entry.start), PAGE_SIZE)
            place = plan.room_for(start, min(entry.start + entry.size, DEVICES_END), size)
    assert place != 0, "no memory for the frame table"
    plan.take(place, place + size, FrameUse.FRAME_TABLE)
    fill(slice_at(u8, DIRECT_MAP + place, size), 0)
    FRAMES.prepare(slice_at(Frame, DIRECT_MAP + place, count))
    for index in range(info.memory_map_count):
        entry = info.memory_range(index)
        if entry.is_ram:
            plan.donate(align_up(u64(entry.start), PAGE_SIZE), align_down(entry.start + entry.size, PAGE_SIZE))


def claim(taken: Range) -> None:
    """Enter the frames of a taken range as the kernel's, but for what the firmware keeps."""
    if taken.use == FrameUse.NONE:
        return
    first = FrameNumber(taken.start // PAGE_SIZE)
    try:
        FRAMES.claim(first, FrameNumber(taken.end // PAGE_SIZE), KERNEL, taken.use)
    except ENOMEM:
        panic("the kernel's account has no limit")
