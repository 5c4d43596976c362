"""The constructs that the front takes apart give the same under CPython and compiled; their trees verify."""

from __future__ import annotations

import pytest

from codegen import run
from codegen.check import check_program
from codegen.lang import Errno, Panic, TrapKind, UserAddr, UserSlice
from codegen.verify import verify
from kernel.base.errno import EINVAL, ENOENT
from tests.codegen import constructs
from tests.codegen.both import both
from tests.codegen.constructs import Sink, Trace

CALLS = [
    (constructs.sum_above, (2, 9, 9), 653),
    (constructs.sum_above, (0, 5, 2), 63),
    (constructs.find_item, (3,), 302),
    (constructs.find_item, (9,), 0),
    (constructs.loop_else, (2,), 1020),
    (constructs.loop_else, (9,), 1),
    (constructs.steps, (1, 6), None),
    (constructs.kinds, (), 225),
    (constructs.table, (1,), 15),
    (constructs.squares, (5,), 34),
    (constructs.devices, (2,), None),
    (constructs.devices, (4,), None),
    (constructs.walrus, (b"\x01\x02\x03\x04\x00\x01\x00",), None),
    (constructs.swap, (1, 2), None),
    (constructs.chained, (5, -5, 0), True),
    (constructs.chained, (11, 0, 7), True),
    (constructs.chained, (11, 0, 8), False),
    (constructs.rethrow, (0,), 2),
    (constructs.rethrow, (2,), 5),
    (constructs.registers, (Trace(), 12, (1 << 64) - 3, 1), 12 + 20 + 100 + 2),
    (constructs.registers, (Trace(), 13, 0, 0), -22),
    (constructs.report, (Sink(), 1234, -56, True), None),
    (constructs.report, (Sink(), 0, 0, False), None),
    (constructs.count_hits, (3,), None),
    (constructs.position_of_largest, (b"abzc",), 2),
    (constructs.bytes_match, (b"ps",), 1),
    (constructs.bytes_match, (b"dmesg",), 2),
    (constructs.bytes_match, (b"longer",), 3),
    (constructs.bytes_match, (b"",), 4),
    (constructs.narrow, (1, 0), 10),
    (constructs.narrow, (2, -1), 5),
    (constructs.narrow, (9, -1), 20),
    (constructs.narrow, (9, 1), 16),
    (constructs.user_range, (UserSlice(UserAddr(4096), 10),), None),
    (constructs.clear, (bytearray(b"abcdef"),), None),
]


@pytest.mark.parametrize(("function", "arguments", "wanted"), CALLS)
def test_both_ways(function, arguments, wanted) -> None:  # type: ignore[no-untyped-def]
    result = both(function, *arguments)
    if wanted is not None:
        assert result == wanted


@pytest.mark.parametrize("how", [0, 1, 2])
def test_undoing_in_order(how: int) -> None:
    if how == 0:
        assert both(constructs.undo_all, Trace(), how) == 8390
        return
    with pytest.raises((ENOENT, EINVAL)):
        both(constructs.undo_all, Trace(), how)


@pytest.mark.parametrize(("count", "leave"), [(0, 0), (2, 5), (4, 1), (4, 2)])
def test_leaving_an_inlined_iterator(count: int, leave: int) -> None:
    try:
        both(constructs.leave_guarded, Trace(), count, leave)
    except Errno as error:
        assert isinstance(error, ENOENT)
        assert leave == 2


def test_bounds_of_a_table() -> None:
    with pytest.raises(Panic) as caught:
        run(constructs.table, 4)
    assert caught.value.kind == TrapKind.BOUNDS


def test_the_trees_verify() -> None:
    roots = list({function: None for function, _, _ in CALLS})
    verify(check_program(roots))
