"""Holes: where a file has data and where it only reads as zeros (lseek(2), SEEK_DATA), and making both (fallocate(2)).

A page without a frame, in whatever layer, is a hole. A page that was reserved has a frame, so it counts as data. What
goes through a file lets others run meanwhile, so its caller holds the inode; who changes it has its write lock.
"""

from __future__ import annotations

from codegen.lang import Errno, Fallible, fill, local, saturating_sub, sleeps, u64
from kernel.files.content import PAGE, Content, pages_below, pages_of
from kernel.files.frame_tree import HOLE
from kernel.files.reclaim import is_same
from kernel.memory import frames
from kernel.memory.budget import Budget
from kernel.sched.preemption import Freezing, give_way, preemption_point

LOOKED_UP: u64 = 4096
"""How far `data_pages_up_to` looks."""


@sleeps
def next_data_page(content: Content, first: u64, end: u64) -> u64:
    """The first page from `first` on that is data; `end` if none before it is."""
    index = first
    while index < end:
        if index < pages_below(content):
            if content.frame_at(index) != HOLE:
                return index
            index += 1
        else:
            budget = local(Budget)
            index = content.own.next_used(index, end, budget)
            if index < end and content.own.at(index) != HOLE:
                return index
        give_way()
    return end


@sleeps
def next_data(content: Content, offset: u64) -> u64:
    """The first byte from `offset` on that is data; the size of the file if there is none."""
    end = pages_of(content.size)
    index = next_data_page(content, offset // PAGE, end)
    return content.size if index >= end else max(offset, index * PAGE)


@sleeps
def next_hole(content: Content, offset: u64) -> u64:
    """The first byte from `offset` on that is in a hole; the end of the file is one."""
    index = offset // PAGE
    end = pages_of(content.size)
    while index < end:
        if content.frame_at(index) == HOLE:
            return max(offset, index * PAGE)
        index += 1
        give_way()
    return content.size


def data_pages(content: Content) -> u64:
    """How many pages are data: what `st_blocks` counts."""
    count: u64 = 0
    level = content
    while True:
        count += level.own.count - level.own_hiding + level.extent_pages
        origin = level.origin
        if origin is None:
            return count
        if level.origin_size < origin.size:
            return count + data_pages_up_to(level, pages_of(level.origin_size))
        level = origin


def data_pages_up_to(content: Content, end: u64) -> u64:
    """How many pages before page `end` show data of layers below, of a file that was cut off there.

    Unless all are data, each has to be looked up, as far as that is quick; the others count as data.
    """
    origin = content.origin
    if origin is not None and is_solid(origin, end):
        return end
    count = saturating_sub(u64, end, LOOKED_UP)
    for index in range(min(end, LOOKED_UP)):
        if content.frame_below(index) != HOLE:
            count += 1
    return count


def is_solid(content: Content, count: u64) -> bool:
    """Whether the first `count` pages all are data, as far as that is known without looking at each."""
    level: Content | None = content
    while level is not None:
        if level.own.count - level.own_hiding + level.extent_pages >= max(count, pages_of(level.size)):
            return True
        if pages_of(level.origin_size) < count:
            return False
        level = level.origin
    return False


@sleeps
def reserve(content: Content, first: u64, end: u64) -> Fallible[None]:
    """Give every hole among the pages from `first` to before `end` a frame. ENOMEM, and no more is used than before."""
    index = first
    while index < end:
        try:
            if content.frame_at(index) == HOLE:
                _ = content.make_own(index)
            index += 1
            preemption_point(Freezing.LATER)
        except Errno:
            give_up_zeros(content, first, index)
            raise


@sleeps
def give_up_zeros(content: Content, first: u64, end: u64) -> None:
    """Make holes of the own pages from `first` to before `end` that hold only zeros: nobody sees a difference."""
    index = max(first, pages_below(content))
    while index < end:
        budget = local(Budget)
        index = content.own.next_used(index, end, budget)
        if index < end:
            frame = content.own.at(index)
            if frame != HOLE and not frames.is_shared(frame) and is_same(frame, HOLE):
                content.forget(index)
            index += 1
        give_way()


@sleeps
def punch(content: Content, start: u64, end: u64) -> Fallible[None]:
    """Let the bytes from `start` to before `end` read as zeros, and give back the pages that are whole in there.

    ENOMEM, with nothing changed but that own pages show what showed before: a page that is partly in there, or one of a
    layer below that is to be zero, needs a frame.
    """
    own_if_cut(content, start)
    own_if_cut(content, end)
    first_whole = pages_of(start)
    end_whole = end // PAGE
    hiding_end = min(end_whole, pages_below(content))
    index = first_whole
    while index < hiding_end:
        if content.frame_below(index) != HOLE:
            _ = content.make_own(index)
        index += 1
        preemption_point(Freezing.LATER)
    if first_whole > end_whole:
        zero_part(content, start, end)
        return
    zero_part(content, start, first_whole * PAGE)
    zero_part(content, end_whole * PAGE, end)
    content.unmap(first_whole, end_whole, False)
    zero_pages(content, first_whole, hiding_end)
    give_back_pages(content, max(first_whole, hiding_end), end_whole)


def own_if_cut(content: Content, place: u64) -> Fallible[None]:
    """Let the page in which `place` lies, if it is not at its beginning, be an own one, unless it is a hole. ENOMEM."""
    if place % PAGE != 0 and content.frame_at(place // PAGE) != HOLE:
        _ = content.make_own(place // PAGE)


def zero_part(content: Content, start: u64, end: u64) -> None:
    """Zero bytes that lie within one page, if that is an own one."""
    if start < end:
        frame = content.own.at(start // PAGE)
        if frame != HOLE:
            within = start % PAGE
            fill(frames.contents(frame)[within : within + (end - start)], 0)


@sleeps
def zero_pages(content: Content, first: u64, end: u64) -> None:
    """Zero own pages, which hide what would show below."""
    index = first
    while index < end:
        zero_part(content, index * PAGE, (index + 1) * PAGE)
        index += 1
        give_way()


@sleeps
def give_back_pages(content: Content, first: u64, end: u64) -> None:
    """Make holes of pages; what a mapping has been shown again meanwhile becomes zeros where it is."""
    index = first
    while index < end:
        budget = local(Budget)
        index = content.own.next_used(index, end, budget)
        if index < end:
            frame = content.own.at(index)
            if frame != HOLE and not frames.is_shared(frame):
                content.forget(index)
            else:
                zero_part(content, index * PAGE, (index + 1) * PAGE)
            index += 1
        give_way()
