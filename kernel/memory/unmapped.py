"""Frames on their way out of an address space: taken out of its tables, and given back once nobody remembers them.

A frame goes back only when no processor may reach it by an old translation, as it is somebody else's from then on. To
ask the processors for each frame would be slow, so they are collected: `take_from` tables, then `give_back`.
"""

from __future__ import annotations

from codegen.lang import Array, FrameNumber, array, inline_array, struct, truncate, u32, u64
from kernel.machine.cpu import current_cpu_number
from kernel.machine.paging import ENTRIES, Entry, Table, next_used
from kernel.machine.segments import MAXIMUM_CPUS
from kernel.memory import frames

ROOM: u64 = 2 * ENTRIES


@struct
class Unmapped:
    """The frames that a processor has collected: the first `count` of `numbers`. Empty outside of one step."""

    count: u64 = 0
    numbers: Array[u32] = array(ROOM)

    @property
    def is_nearly_full(self) -> bool:
        """Whether there may be more frames in a table than there is room for."""
        return self.count > ROOM - ENTRIES

    def take_from(self, table: Table, first: u64, last: u64) -> None:
        """Clear the entries of a level-1 table from `first` to before `last`, and keep their frames. There is room."""
        count = self.count
        index = next_used(table, first, last)
        while index < last:
            self.numbers[count] = truncate(u32, u64(table.entries[index].frame))
            count += 1
            table.entries[index] = Entry()
            index += 1
            if index < last and table.entries[index].frame == FrameNumber(0):  # pages mostly lie side by side
                index = next_used(table, index, last)
        self.count = count

    def give_back(self) -> None:
        """Release all that was collected: no processor has a translation of it."""
        for index in range(self.count):
            frames.release(FrameNumber(u64(self.numbers[index])))
        self.count = 0


def release_entries(table: Table, first: u64, last: u64) -> u64:
    """Clear the entries of a level-1 table that no processor uses, and release the frames. How many."""
    count: u64 = 0
    index = next_used(table, first, last)
    while index < last:
        frame = table.entries[index].frame
        table.entries[index] = Entry()
        frames.release(frame)
        count += 1
        index += 1
        if index < last and table.entries[index].frame == FrameNumber(0):
            index = next_used(table, index, last)
    return count


@struct
class AllUnmapped:
    """Of every processor, by its number."""

    of: Array[Unmapped] = inline_array(MAXIMUM_CPUS)


UNMAPPED = AllUnmapped()


def unmapped_here() -> Unmapped:
    """That of the processor that runs this. Interrupts are off until it is empty again."""
    return UNMAPPED.of[current_cpu_number()]
