"""FrameTree: the own frames of a file by page number, as a tree of frames of frame numbers.

The first pages are found directly, so that a small file has no table; the tree is as high as its last page asks for
(as radix trees of Linux were), so that a large file with holes takes no more than what is in it. What looks at many
places takes a budget (memory/budget.py), and says how far it came.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    Fallible,
    FrameNumber,
    MutableSlice,
    array,
    bounded,
    inline,
    struct,
    u64,
    view,
)
from kernel.memory import frames
from kernel.memory.account import Account
from kernel.memory.budget import TABLE_COST, Budget
from kernel.memory.frames import FrameUse

DIRECT: u64 = 4
BITS: u64 = 9
NUMBERS: u64 = 1 << BITS
"""Frame numbers in one frame."""
HIGHEST: u64 = 6
"""Levels of tables at most: 2^54 pages."""
PAGES_MAX: u64 = 1 << 51
"""Pages of the largest file, of 2^63 bytes."""

HOLE = FrameNumber(0)
"""Frame 0 belongs to the firmware; its number says that there is no frame."""

EIGHT = tuple(range(8))


@struct
class FrameTree:
    """The frames of one file, held once each."""

    direct: Array[FrameNumber] = array(DIRECT)
    top: FrameNumber = HOLE
    height: u64 = 0
    """How many levels of tables there are; `top` is the highest."""
    count: u64 = 0
    """How many frames."""

    def at(self, index: u64) -> FrameNumber:
        """The frame of page `index`, or HOLE."""
        if index < DIRECT:
            return self.direct[index]
        if index >> BITS * self.height != 0:
            return HOLE
        frame = self.top
        level = self.height
        while level > 0 and frame != HOLE:
            level -= 1
            frame = FrameNumber(numbers_of(frame)[slot_at(index, level)])
        return frame

    def put(self, index: u64, frame: FrameNumber, account: Account) -> Fallible[None]:
        """Let `frame` be that of page `index`, which has none; `account` pays for the tables. ENOMEM."""
        if index < DIRECT:
            self.direct[index] = frame
        else:
            numbers_of(self.make_table(index, account))[slot_at(index, 0)] = u64(frame)
        self.count += 1

    def make_table(self, index: u64, account: Account) -> Fallible[FrameNumber]:
        """The lowest table above page `index`, made if need be, with those above it. ENOMEM."""
        if self.height == 0:
            self.top = frames.allocate(account, FrameUse.FILE)
            self.height = 1
            while index >> BITS * self.height != 0:
                self.height += 1
        while index >> BITS * self.height != 0:
            made = frames.allocate(account, FrameUse.FILE)
            numbers_of(made)[0] = u64(self.top)
            self.top = made
            self.height += 1
        table = self.top
        level = self.height - 1
        while level > 0:
            numbers = numbers_of(table)
            slot = slot_at(index, level)
            if numbers[slot] == 0:
                numbers[slot] = u64(frames.allocate(account, FrameUse.FILE))
            table = FrameNumber(numbers[slot])
            level -= 1
        return table

    def clear(self, index: u64) -> None:
        """Let page `index`, which has a frame, have none; the caller has the frame."""
        self.count -= 1
        if index < DIRECT:
            self.direct[index] = HOLE
            return
        table = self.top
        level = self.height - 1
        while level > 0:
            table = FrameNumber(numbers_of(table)[slot_at(index, level)])
            level -= 1
        numbers_of(table)[slot_at(index, 0)] = u64(HOLE)

    def next_used(self, index: u64, end: u64, budget: Budget) -> u64:
        """The first page from `index` on that has a frame; `end` when none before it has.

        If the budget is spent, a page up to which there is none.
        """
        position = index
        while position < min(end, DIRECT):
            if self.direct[position] != HOLE:
                return position
            position += 1
        while position < end and not budget.is_spent:
            if position >> BITS * self.height != 0 or self.height == 0:
                return end
            table = self.top
            level = self.height
            while level > 0:
                level -= 1
                budget.take(TABLE_COST)
                numbers = numbers_of(table)
                slot = slot_at(position, level)
                found = next_number(numbers, slot)
                if found != slot:
                    # Leave the entries that are empty behind; beyond the last, to where the next table begins.
                    position = ((position >> BITS * level) - slot + found) << BITS * level
                if found == NUMBERS:
                    break
                if level == 0:
                    return min(position, end)
                table = FrameNumber(numbers[found])
        return min(position, end)

    def release(self, first: u64, end: u64, budget: Budget) -> bool:
        """Release the frames of pages `first` to before `end`, and tables that only serve those. Whether all are."""
        for index in range(min(first, DIRECT), min(end, DIRECT)):
            if self.direct[index] != HOLE:
                self.release_frame(self.direct[index])
                self.direct[index] = HOLE
        if self.height == 0:
            return True
        # The tree may have room for more than there can be.
        last = end if end < PAGES_MAX else u64(1) << BITS * HIGHEST
        if self.release_in(self.top, self.height - 1, 0, first, last, budget):
            self.top = HOLE
            self.height = 0
        return not budget.is_spent

    @bounded(HIGHEST)
    def release_in(self, table: FrameNumber, level: u64, base: u64, first: u64, end: u64, budget: Budget) -> bool:
        """`release` in a table of `level`, which begins with page `base`. Whether the table itself is released."""
        numbers = numbers_of(table)
        span = u64(1) << BITS * level
        slot = (first - base) // span if first > base else 0
        last = NUMBERS if end - base >= NUMBERS * span else (end - base + span - 1) // span
        budget.take(TABLE_COST)
        slot = next_number(numbers, slot)
        while slot < last:
            if budget.is_spent:
                return False
            below = FrameNumber(numbers[slot])
            if level == 0:
                self.release_frame(below)
                numbers[slot] = 0
                budget.take(1)
            elif self.release_in(below, level - 1, base + slot * span, first, end, budget):
                numbers[slot] = 0
            slot = next_number(numbers, slot + 1)
        if budget.is_spent or first > base or last < NUMBERS:
            return False
        frames.release(table)
        return True

    def release_frame(self, frame: FrameNumber) -> None:
        """Release one frame; mappings that share it keep it until they end."""
        frames.release(frame)
        self.count -= 1


@inline
def slot_at(index: u64, level: u64) -> u64:
    """Which number of a table of `level`, 0 being the lowest, leads to page `index`."""
    return index >> BITS * level & NUMBERS - 1


def next_number(numbers: MutableSlice[u64], start: u64) -> u64:
    """The first place from `start` on where a number stands; NUMBERS if there is none."""
    index = start
    while index < NUMBERS:
        if index % len(EIGHT) == 0 and are_eight_empty(numbers, index):
            index += len(EIGHT)
        elif numbers[index] == 0:
            index += 1
        else:
            return index
    return NUMBERS


@inline
def are_eight_empty(numbers: MutableSlice[u64], first: u64) -> bool:
    """Whether no number stands in eight places."""
    group = numbers[first : first + len(EIGHT)]
    together: u64 = 0
    for place in EIGHT:
        together |= group[place]
    return together == 0


def numbers_of(frame: FrameNumber) -> MutableSlice[u64]:
    """A frame seen as frame numbers."""
    return view(u64, frames.contents(frame))
