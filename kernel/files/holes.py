"""Holes: where a file has data and where it only reads as zeros (lseek(2), SEEK_DATA), and making both (fallocate(2)).

A page without a frame, in whatever layer, is a hole. A page that was reserved has a frame, so it counts as data.
"""

from __future__ import annotations

from codegen.lang import Errno, Fallible, fill, u64
from kernel.files.content import DIRECT, HOLE, NUMBERS, PAGE, Content, numbers_of
from kernel.memory import frames


def pages_of(size: u64) -> u64:
    """How many pages hold `size` bytes."""
    return (size + PAGE - 1) // PAGE


def pages_below(content: Content) -> u64:
    """Up to which page something may show that is not the file's own."""
    below = content.extent_pages
    if content.origin is not None:
        below = max(below, pages_of(content.origin_size))
    return below


def page_after(content: Content, index: u64) -> u64:
    """The next page to look at after the hole at `index`: what has no table has no pages either."""
    if index < max(DIRECT, pages_below(content)) or content.table_of(index) != HOLE:
        return index + 1
    return index + NUMBERS - (index - DIRECT) % NUMBERS


def next_data(content: Content, offset: u64) -> u64:
    """The first byte from `offset` on that is data; the size of the file if there is none."""
    index = offset // PAGE
    end = pages_of(content.size)
    while index < end:
        if content.frame_at(index) != HOLE:
            return max(offset, index * PAGE)
        index = page_after(content, index)
    return content.size


def next_hole(content: Content, offset: u64) -> u64:
    """The first byte from `offset` on that is in a hole; the end of the file is one."""
    index = offset // PAGE
    end = pages_of(content.size)
    while index < end:
        if content.frame_at(index) == HOLE:
            return max(offset, index * PAGE)
        index += 1
    return content.size


def data_pages(content: Content) -> u64:
    """How many pages are data: what `st_blocks` counts."""
    end = pages_of(content.size)
    if content.own_pages >= end or content.extent_pages >= end:
        return end
    count: u64 = 0
    index: u64 = 0
    while index < end:
        if content.frame_at(index) != HOLE:
            count += 1
            index += 1
        else:
            index = page_after(content, index)
    return count


def reserve(content: Content, first: u64, end: u64) -> Fallible[None]:
    """Give every hole among the pages from `first` to before `end` a frame. ENOMEM, and no more is used than before."""
    for index in range(first, end):
        if content.frame_at(index) == HOLE:
            try:
                content.make_own(index)
            except Errno:
                give_up_zeros(content, first, index)
                raise


def give_up_zeros(content: Content, first: u64, end: u64) -> None:
    """Make holes of the own pages from `first` to before `end` that hold only zeros: nobody sees a difference."""
    for index in range(max(first, pages_below(content)), end):
        frame = content.own_frame(index)
        if frame != HOLE and not frames.is_shared(frame) and is_zero(content, index):
            forget_own(content, index)


def is_zero(content: Content, index: u64) -> bool:
    """Whether the own page `index` has only zeros in it."""
    for byte in frames.contents(content.own_frame(index)):
        if byte != 0:
            return False
    return True


def punch(content: Content, start: u64, end: u64) -> Fallible[None]:
    """Let the bytes from `start` to before `end` read as zeros, and give back the pages that are whole in there.

    ENOMEM, with nothing changed: a page of a layer below that is to be zero needs a frame.
    """
    index = start // PAGE
    while index * PAGE < end:
        if content.frame_at(index) == HOLE:
            index = page_after(content, index)
            continue
        is_whole = index * PAGE >= start and (index + 1) * PAGE <= end
        if not is_whole or index < pages_below(content):
            content.make_own(index)
        index += 1
    index = start // PAGE
    while index * PAGE < end:
        if content.own_frame(index) == HOLE:
            index = page_after(content, index)
            continue
        punch_page(content, index, max(start, index * PAGE), min(end, (index + 1) * PAGE))
        index += 1


def punch_page(content: Content, index: u64, start: u64, end: u64) -> None:
    """`punch` in the own page `index`, which goes unless a mapping shows it or it hides one below."""
    frame = content.own_frame(index)
    if end - start == PAGE and index >= pages_below(content) and not frames.is_shared(frame):
        forget_own(content, index)
    else:
        fill(frames.contents(frame)[start - index * PAGE : end - index * PAGE], 0)


def forget_own(content: Content, index: u64) -> None:
    """Give back the own frame of page `index`."""
    content.release_own(content.own_frame(index))
    if index < DIRECT:
        content.direct[index] = HOLE
    else:
        numbers_of(content.table_of(index))[(index - DIRECT) % NUMBERS] = 0
