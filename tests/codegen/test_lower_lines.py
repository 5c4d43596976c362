"""A trap names the line that it is on, and each call on the way to it: inlined functions and iterators as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from codegen import run
from codegen.lang import Fallible, MutableSlice, Panic, TrapKind, inline, u8, u64


@inline
def inner(content: MutableSlice[u8], index: u64) -> u64:
    value = content[index]
    return u64(value) + 1  # inner ends here


def middle(content: MutableSlice[u8], index: u64) -> u64:
    total = inner(content, 0)
    total += inner(content, index)  # the failing call
    return total


def from_to(content: MutableSlice[u8], first: u64, last: u64) -> Iterator[u64]:
    while first < last:
        yield u64(content[first])  # the failing index
        first += 1


def over_iterator(content: MutableSlice[u8], index: u64) -> u64:
    total: u64 = 0
    for value in from_to(content, 0, index + 1):  # the loop
        total += value
    return total


def two_on_different_lines(content: MutableSlice[u8], index: u64) -> u64:
    total = content[index // 2]  # in range
    total += content[index]  # out of range
    return total


def in_cleanup(content: MutableSlice[u8], index: u64) -> Fallible[u64]:
    try:
        return u64(content[0])
    finally:
        content[index] = 1  # in the cleanup


def lines_of(function: Callable[..., object], kind: TrapKind = TrapKind.BOUNDS) -> list[tuple[str, str]]:
    """(function, the comment on its line) of each frame, outermost first."""
    with pytest.raises(Panic) as caught:
        run(function, bytearray(b"abcdef"), 6)
    assert caught.value.kind is kind
    return [(name, text.rpartition("# ")[2]) for _file, _line, name, text in caught.value.frames]


def test_an_inlined_function_is_a_frame() -> None:
    assert lines_of(middle)[-2:] == [("middle", "the failing call"), ("inner", "value = content[index]")]


def test_an_inlined_iterator_is_a_frame() -> None:
    assert lines_of(over_iterator)[-2:] == [("over_iterator", "the loop"), ("from_to", "the failing index")]


def test_lines_are_told_apart() -> None:
    assert lines_of(two_on_different_lines)[-1] == ("two_on_different_lines", "out of range")


def test_a_cleanup_has_its_own_line() -> None:
    assert lines_of(in_cleanup)[-1] == ("in_cleanup", "in the cleanup")
