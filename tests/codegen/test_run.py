"""`codegen.run`: every kind of value goes in and comes out, and agrees with CPython."""

from __future__ import annotations

from typing import Any

import pytest

from codegen import Panic, run
from codegen.lang import PhysAddr, TrapKind, UserAddr, UserSlice
from kernel.base.errno import EINVAL, ENOENT
from tests.codegen import samples
from tests.codegen.both import both, state
from tests.codegen.samples import Colour, Node, Pair, Rectangle, Square


def test_integers() -> None:
    assert both(samples.add, 3, 4) == 7
    assert both(samples.negate, -5) == 5


def test_bools() -> None:
    assert both(samples.is_even, 4) is True
    assert both(samples.is_even, 5) is False


def test_enums() -> None:
    assert both(samples.other, Colour.RED) is Colour.GREEN


def test_packed_values() -> None:
    assert both(samples.raise_flag, Pair(low=3)) == Pair(low=3, flag=True)


def test_units() -> None:
    answer = both(samples.next_page, PhysAddr(0x1000))
    assert answer == PhysAddr(0x2000)
    assert type(answer) is PhysAddr


def test_errors_come_out_as_their_classes() -> None:
    assert both(samples.divide, 20, 6) == 3
    with pytest.raises(EINVAL):
        both(samples.divide, 1, 0)
    with pytest.raises(ENOENT):
        both(samples.divide, 1, 2)
    assert both(samples.check_only, 1) is None
    with pytest.raises(EINVAL):
        both(samples.check_only, 0)


def test_slices_of_bytes() -> None:
    assert both(samples.total, b"\x01\x02\xff") == 258
    assert both(samples.total, b"") == 0
    assert bytes(both(samples.middle, b"hello")) == b"ell"


def test_a_slice_that_may_be_written_comes_back() -> None:
    content = bytearray(b"abc")
    assert both(samples.zero_first, content) is None
    assert content == b"\0bc"


def test_tuples() -> None:
    assert both(samples.split, 120) == (12, True)


def test_user_slices() -> None:
    given = UserSlice(UserAddr(0x7000), 12)
    assert both(samples.length_of, given) == 12
    assert both(samples.shorter, given) == UserSlice(UserAddr(0x7001), 11)


def test_structs_come_back_changed() -> None:
    node = Node()
    assert both(samples.change, node) == 1
    assert (node.value, node.colour, node.inner.weight) == (1, Colour.GREEN, 4)
    assert [inner.weight for inner in node.many] == [3, 3, 9]
    assert (list(node.cells), node.count.load(), node.pair) == ([0, 200, 0, 0], 5, Pair(low=7, flag=True))


def test_references_between_structs_stay_the_same_objects() -> None:
    first, second = Node(), Node()
    first.next = second
    both(samples.change, first)
    assert first.next is None
    assert first.owner is second
    assert second.next is first
    assert second.value == 77


def test_a_returned_reference_is_the_object_that_was_passed() -> None:
    first, second = Node(), Node()
    first.next = second
    assert run(samples.last, first) is second
    assert both(samples.length, first) == 2
    assert both(samples.length, None) == 0


def test_a_returned_static_is_the_host_object() -> None:
    assert run(samples.totals) is samples.TOTALS


def test_calls_through_an_interface() -> None:
    assert both(samples.areas) == 19
    square, rectangle = Square(), Rectangle()
    square.side = 4
    rectangle.width, rectangle.height = 3, 4
    assert both(samples.area_of, square) == 16
    assert both(samples.area_of, rectangle) == 12


def test_statics_begin_as_they_were_built_every_time() -> None:
    assert run(samples.count_up) == run(samples.count_up) == 1


def test_a_trap_says_kind_place_and_source() -> None:
    with pytest.raises(Panic) as caught:
        both(samples.add, 200, 100)
    assert caught.value.kind is TrapKind.OVERFLOW
    (frame,) = caught.value.frames
    assert (frame[0], frame[2:]) == ("tests/codegen/samples.py", ("add", "return a + b"))


@pytest.mark.parametrize(
    ("kind", "function", "arguments"),
    [
        (TrapKind.BOUNDS, samples.at, (b"abc", 3)),
        (TrapKind.NULL, samples.owner_of, (Node(),)),
        (TrapKind.OVERFLOW, samples.shorter, (UserSlice(UserAddr(0x7000), 0),)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_traps_agree_with_cpython(kind: TrapKind, function: Any, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(Panic) as caught:
        run(function, *arguments)
    assert caught.value.kind is kind


def test_an_assertion_has_its_text_and_the_whole_traceback() -> None:
    with pytest.raises(Panic) as caught:
        run(samples.outer, 10)
    assert (caught.value.kind, caught.value.text) == (TrapKind.ASSERTION, "a is too big")
    assert [frame[2] for frame in caught.value.frames] == ["outer", "must_be_small"]
    assert caught.value.frames[1][3] == 'assert a < 10, "a is too big"'


def test_state_tells_graphs_apart() -> None:
    """The comparison that `both` relies on sees every field and every reference."""
    first, second = Node(), Node()
    assert state(first) == state(second)
    second.many[1].weight = 4
    assert state(first) != state(second)
    loop = Node()
    loop.next = loop
    assert state(loop) != state(first)
