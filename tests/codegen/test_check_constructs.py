"""The constructs that the front takes apart give the same under CPython and compiled; their trees verify."""

from __future__ import annotations

import pytest

from codegen import run
from codegen.check import check_program
from codegen.lang import Errno, Panic, TrapKind, UserAddr, UserSlice
from codegen.verify import verify
from kernel.base.errno import EINVAL, ENOENT
from tests.codegen import constructs_loops, constructs_objects
from tests.codegen.both import both
from tests.codegen.constructs_loops import Trace
from tests.codegen.constructs_objects import Sink

CALLS = [
    (constructs_loops.sum_above, (2, 9, 9), 653),
    (constructs_loops.sum_above, (0, 5, 2), 63),
    (constructs_loops.find_item, (3,), 302),
    (constructs_loops.find_item, (9,), 0),
    (constructs_loops.loop_else, (2,), 1020),
    (constructs_loops.loop_else, (9,), 1),
    (constructs_loops.steps, (1, 6), None),
    (constructs_loops.kinds, (), 225),
    (constructs_loops.table, (1,), 15),
    (constructs_loops.squares, (5,), 34),
    (constructs_objects.devices, (2,), None),
    (constructs_objects.devices, (4,), None),
    (constructs_objects.walrus, (b"\x01\x02\x03\x04\x00\x01\x00",), None),
    (constructs_objects.swap, (1, 2), None),
    (constructs_objects.chained, (5, -5, 0), True),
    (constructs_objects.chained, (11, 0, 7), True),
    (constructs_objects.chained, (11, 0, 8), False),
    (constructs_objects.rethrow, (0,), 2),
    (constructs_objects.rethrow, (2,), 5),
    (constructs_objects.registers, (Trace(), 12, (1 << 64) - 3, 1), 12 + 20 + 100 + 2),
    (constructs_objects.registers, (Trace(), 13, 0, 0), -22),
    (constructs_objects.report, (Sink(), 1234, -56, True), None),
    (constructs_objects.report, (Sink(), 0, 0, False), None),
    (constructs_objects.count_hits, (3,), None),
    (constructs_objects.position_of_largest, (b"abzc",), 2),
    (constructs_objects.bytes_match, (b"ps",), 1),
    (constructs_objects.bytes_match, (b"dmesg",), 2),
    (constructs_objects.bytes_match, (b"longer",), 3),
    (constructs_objects.bytes_match, (b"",), 4),
    (constructs_objects.narrow, (1, 0), 10),
    (constructs_objects.narrow, (2, -1), 5),
    (constructs_objects.narrow, (9, -1), 20),
    (constructs_objects.narrow, (9, 1), 16),
    (constructs_objects.user_range, (UserSlice(UserAddr(4096), 10),), None),
    (constructs_objects.clear, (bytearray(b"abcdef"),), None),
]


@pytest.mark.parametrize(("function", "arguments", "wanted"), CALLS)
def test_both_ways(function, arguments, wanted) -> None:  # type: ignore[no-untyped-def]
    result = both(function, *arguments)
    if wanted is not None:
        assert result == wanted


@pytest.mark.parametrize("how", [0, 1, 2])
def test_undoing_in_order(how: int) -> None:
    if how == 0:
        assert both(constructs_objects.undo_all, Trace(), how) == 8390
        return
    with pytest.raises((ENOENT, EINVAL)):
        both(constructs_objects.undo_all, Trace(), how)


@pytest.mark.parametrize(("count", "leave"), [(0, 0), (2, 5), (4, 1), (4, 2)])
def test_leaving_an_inlined_iterator(count: int, leave: int) -> None:
    try:
        both(constructs_loops.leave_guarded, Trace(), count, leave)
    except Errno as error:
        assert isinstance(error, ENOENT)
        assert leave == 2


def test_bounds_of_a_table() -> None:
    with pytest.raises(Panic) as caught:
        run(constructs_loops.table, 4)
    assert caught.value.kind == TrapKind.BOUNDS


def test_the_trees_verify() -> None:
    roots = list({function: None for function, _, _ in CALLS})
    verify(check_program(roots))
