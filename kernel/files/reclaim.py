"""Giving back pages of files that can be made again, when memory is short (containers/out_of_memory.py).

Those are pages that a mapping had made of a hole or of a page of a layer below, and that nobody has changed since. Only
files are looked at that have such pages, and once: until a mapping has made another, or one of it has gone.
"""

from __future__ import annotations

from codegen.lang import FrameNumber
from kernel.files.content import Content
from kernel.files.frame_tree import HOLE, PAGES_MAX, next_number, numbers_of
from kernel.files.ramfs import RamFs
from kernel.memory import frames
from kernel.memory.budget import Budget

LOOK_COST = 16
"""What comparing a page costs, in pages that are unmapped."""


def reclaim_step(fs: RamFs, budget: Budget) -> bool:
    """Give back what the files of `fs` have of such pages. Whether all were looked at before the budget was spent."""
    while not budget.is_spent:
        content = fs.reclaimable.first
        if content is None:
            return True
        look(content, fs, budget)
    return False


def look(content: Content, fs: RamFs, budget: Budget) -> None:
    """Look at the pages of a file from where the last step has ended."""
    while not budget.is_spent:
        index = content.own.next_used(fs.reclaim_position, PAGES_MAX, budget)
        fs.reclaim_position = index
        if index >= PAGES_MAX:
            fs.forget_reclaimable(content)
            return
        if not budget.is_spent:
            budget.take(LOOK_COST)
            frame = content.own.at(index)
            if frame != HOLE and not frames.is_shared(frame) and is_same(frame, content.frame_below(index)):
                content.forget(index)
            fs.reclaim_position += 1


def is_same(frame: FrameNumber, other: FrameNumber) -> bool:
    """Whether two frames hold the same; HOLE holds zeros."""
    if other != HOLE:
        return frames.contents(frame) == frames.contents(other)
    return next_number(numbers_of(frame), 0) == 512
