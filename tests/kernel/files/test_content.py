"""File contents, page by page: sizes, holes, sharing with the layer below, and every frame given back."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.base.errno import EFBIG, EIO, ENOMEM, ENXIO
from kernel.files import content as content_module
from kernel.files.content import PAGE, SIZE_MAX, Content, pages_of
from kernel.files.frame_tree import HOLE, PAGES_MAX, FrameTree
from kernel.files.holes import data_pages, next_data, next_hole, punch, reserve
from kernel.files.inode import Inode
from kernel.files.ramfs import RamFs
from kernel.files.reclaim import reclaim_step
from kernel.memory import frames, mappings
from kernel.memory.account import Account
from kernel.memory.budget import Budget
from kernel.memory.frames import FrameUse
from kernel.memory.heap import free
from kernel.memory.region import Region
from tests.kernel.files.transfers import read, write


def content_of(account: Account) -> Content:
    return account.heap.new(Content)


def end(*contents: Content) -> None:
    """Give contents back."""
    for content in contents:
        while not content.release(0, PAGES_MAX):
            pass
        free(content)


def reclaim(content: Content) -> None:
    assert content.inode is not None
    while not reclaim_step(content.inode.fs, Budget()):
        pass


def test_write_then_read(account: Account) -> None:
    content = content_of(account)
    assert write(content, 0, b"hello world") == 11
    assert read(content, 6, 100) == b"world"
    assert read(content, 11, 1) == b""
    end(content)


def test_holes_read_as_zeros_and_take_no_frames(account: Account) -> None:
    content = content_of(account)
    write(content, 600 * PAGE + 5, b"x")
    assert content.size == 600 * PAGE + 6
    assert content.own_pages == 1
    assert read(content, 3 * PAGE, 8) == bytes(8)
    assert read(content, 600 * PAGE, 100) == bytes(5) + b"x"
    end(content)


def test_truncated_bytes_do_not_come_back(account: Account) -> None:
    content = content_of(account)
    write(content, 0, b"a" * 5000)
    content.truncate(4100)
    content.truncate(5000)
    assert read(content, 4090, 20) == b"a" * 10 + bytes(10)
    before = account.pages.used.load()
    content.truncate(0)
    assert account.pages.used.load() == before - 2
    end(content)


def test_a_file_that_is_cut_ends_everywhere(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    content = content_of(account)
    write(content, 0, b"x" * 3 * PAGE)
    regions = [Region(), Region(), Region()]
    for region in regions:
        content.mappings.enter(region)
    visits: list[tuple[Region, int, int]] = []

    def sweep(region: Region, first: int, end: int, private_too: bool) -> bool:
        visits.append((region, first, region.swept_up_to))
        region.swept_up_to = 2 * PAGE
        return first == 0

    monkeypatch.setattr(mappings, "sweep", sweep)
    monkeypatch.setattr(content_module, "give_way", content.end_step)
    with pytest.raises(EIO):
        content.truncate(PAGE)
    while not content.end_step():
        pass
    assert visits == [(regions[0], 1, 0), *((region, 0, 0) for region in regions)]
    assert (content.size, content.own_pages) == (0, 0)
    for region in regions:
        content.mappings.leave(region)
    end(content)


def test_the_layer_below_shows_until_written(account: Account) -> None:
    below, above = content_of(account), content_of(account)
    write(below, 0, b"b" * 10_000)
    above.origin, above.origin_size, above.size = below, 10_000, 10_000
    assert above.page(1) == below.page(1)
    write(above, 4096, b"changed")
    assert read(above, 4090, 20) == b"b" * 6 + b"changed" + b"b" * 7
    assert read(below, 4090, 20) == b"b" * 20
    assert above.own_pages == 1
    above.truncate(8200)
    above.truncate(10_000)
    assert read(above, 8190, 20) == b"b" * 10 + bytes(10)
    end(above)
    assert read(below, 9_990, 100) == b"b" * 10
    end(below)


def test_limits(account: Account) -> None:
    content = content_of(account)
    with pytest.raises(EFBIG):
        content.truncate(SIZE_MAX + 1)
    with pytest.raises(EFBIG):
        write(content, SIZE_MAX, b"x")
    with pytest.raises(ENXIO):
        content.page(0)
    end(content)


def test_a_full_account_shortens_a_write(account: Account) -> None:
    content = content_of(account)
    account.set_limits(account.pages.used.load() + 2, 0)
    assert write(content, 0, b"z" * 3 * PAGE) == 2 * PAGE
    with pytest.raises(ENOMEM):
        write(content, 2 * PAGE, b"z")
    assert content.size == 2 * PAGE
    end(content)


PAGES_MODELLED = 8
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 9000), st.integers(1, 700)),
        st.tuples(st.just("truncate"), st.integers(0, 9000), st.just(0)),
        st.tuples(st.just("punch"), st.integers(0, 9000), st.integers(1, 9000)),
        st.tuples(st.just("reserve"), st.integers(0, 2), st.integers(1, 3)),
    ),
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, below=st.integers(0, 6000))
def test_it_is_a_sequence_of_bytes(account: Account, steps: list[tuple[str, int, int]], below: int) -> None:
    """Any writes and truncations, over any layer below, do what they do to a bytearray."""
    lower, content = content_of(account), content_of(account)
    write(lower, 0, b"L" * below)
    content.origin, content.origin_size, content.size = lower, below, below
    model = bytearray(b"L" * below)
    for number, (kind, where, length) in enumerate(steps):
        if kind == "write":
            text = bytes([65 + number]) * length
            write(content, where, text)
            model.extend(bytes(max(0, where - len(model))))
            model[where : where + length] = text
        elif kind == "punch":
            punch(content, where, where + length)
            model[where : where + length] = bytes(len(model[where : where + length]))
        elif kind == "reserve":
            reserve(content, where, where + length)
        else:
            content.truncate(where)
            model[where:] = b""
            model.extend(bytes(where - len(model)))
    assert content.size == len(model)
    assert read(content, 0, 20_000) == bytes(model)
    shown = [content.frame_at(index) != HOLE for index in range(PAGES_MODELLED)]
    assert data_pages(content) == sum(shown)
    for offset in range(0, content.size, 1000):
        data = next(
            (max(offset, i * PAGE) for i in range(offset // PAGE, pages_of(content.size)) if shown[i]), content.size
        )
        assert next_data(content, offset) == data
        hole = next(
            (max(offset, i * PAGE) for i in range(offset // PAGE, pages_of(content.size)) if not shown[i]), None
        )
        assert next_hole(content, offset) == (content.size if hole is None else hole)
    end(content)
    end(lower)


def test_pages_that_can_be_made_again_are_reclaimed(account: Account) -> None:
    """Zeros in place of a hole, and what is as in the layer below; not what differs, or is mapped."""
    below, above = content_of(account), content_of(account)
    write(below, 0, b"b" * 3 * PAGE)
    above.origin, above.origin_size, above.size = below, 3 * PAGE, 3 * PAGE
    above.inode = Inode()
    above.inode.fs = RamFs()
    above.own_page(0)
    write(above, PAGE, b"c")
    write(above, 2 * PAGE, b"b" * 10)
    for index in (3, 4, 5, 6, 520):
        write(above, index * PAGE, bytes(PAGE))
    write(above, 5 * PAGE + 4095, b"x")
    mapped = above.page(6)
    frames.share(mapped)
    before = read(above, 0, above.size)
    reclaim(above)
    assert above.own_pages == 3
    assert [index for index in range(521) if above.own_frame(index) != HOLE] == [1, 5, 6]
    assert read(above, 0, above.size) == before
    frames.release(mapped)
    reclaim(above)
    assert above.own_pages == 3, "nothing has changed that would be a reason to look again"
    above.list_for_reclaim()
    reclaim(above)
    assert above.own_pages == 2
    end(above)
    end(below)


INDEXES = st.one_of(st.integers(0, 12), st.integers(505, 520), st.integers(0, 512**3), st.integers(0, PAGES_MAX - 1))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    used=st.sets(INDEXES, max_size=8),
    looked=st.lists(INDEXES, max_size=8),
    cut=INDEXES,
    end=INDEXES,
    left=st.integers(64, 90),
)
def test_the_tree_of_frames_is_a_dictionary(
    account: Account, used: set[int], looked: list[int], cut: int, end: int, left: int
) -> None:
    """Whatever pages have frames, each is found, the next is found, and what is released is released in steps."""
    before = account.pages.used.load()
    tree = FrameTree()
    model = {}
    for index in used:
        model[index] = frames.allocate(account, FrameUse.FILE)
        tree.put(index, model[index], account)
    assert tree.count == len(model)
    for index in [*looked, *used]:
        assert tree.at(index) == model.get(index, HOLE)
        assert tree.next_used(index, PAGES_MAX, Budget()) == min((i for i in model if i >= index), default=PAGES_MAX)
    for index in list(model)[::2]:
        tree.clear(index)
        frames.release(model.pop(index))
    budget = Budget()
    budget.left = left
    while not tree.release(cut, end, budget):
        budget = Budget()
        budget.left = left
    model = {index: frame for index, frame in model.items() if not cut <= index < end}
    assert tree.count == len(model)
    assert all(tree.at(index) == frame for index, frame in model.items())
    while not tree.release(0, PAGES_MAX, Budget()):
        pass
    assert tree.count == 0 and tree.top == HOLE and account.pages.used.load() == before
