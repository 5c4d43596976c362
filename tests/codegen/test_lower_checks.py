"""Checks that are lowered in a way of their own, so that later ones can be left out: sums with a constant, strides."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from codegen.lang import MutableSlice, Panic, TrapKind, i8, u8, u16, u32, u64
from tests.codegen.both import both


def add_to_u8(a: u8) -> u8:
    return a + 7


def add_to_u16(a: u16) -> u16:
    return a + 300


def add_to_u32(a: u32) -> u32:
    return 0x8000_0000 + a


def add_to_u64(a: u64) -> u64:
    return a + 0xFFFF_FFFF_FFFF_FFFF


def add_to_i8(a: i8) -> i8:
    return a + 7


@pytest.mark.parametrize(
    ("function", "highest"),
    [
        (add_to_u8, 0xFF - 7),
        (add_to_u16, 0xFFFF - 300),
        (add_to_u32, 0x7FFF_FFFF),
        (add_to_u64, 0),
        (add_to_i8, 0x7F - 7),
    ],
)
def test_sum_with_a_constant_traps_from_the_first_value_that_does_not_fit(
    function: Callable[[int], int], highest: int
) -> None:
    both(function, highest)
    with pytest.raises(Panic) as caught:
        both(function, highest + 1)
    assert caught.value.kind is TrapKind.OVERFLOW


def sum_of_four(values: MutableSlice[u8], first: u64) -> u64:
    part = values[first : first + 4]
    return u64(part[0]) + part[1] + part[2] + part[3]


def test_part_of_constant_length_is_still_checked_as_a_whole() -> None:
    assert both(sum_of_four, bytearray(range(10)), 6) == 30
    for first in (7, 10, 11, (1 << 64) - 5):
        with pytest.raises(Panic) as caught:
            both(sum_of_four, bytearray(range(10)), first)
        assert caught.value.kind is TrapKind.BOUNDS


def stride_up(first: u64, last: u64) -> u64:
    rounds: u64 = 0
    for index in range(first, last, 3):
        if index % 2 == 1:
            continue
        if rounds > 500:
            break
        rounds += 1 + (last - index) % 16
    else:
        rounds += 1000
    return rounds


def stride_down(first: u64, last: u64) -> u64:
    rounds: u64 = 0
    for index in range(first, last, -5):
        if index == 12:
            break
        rounds += 1
    else:
        rounds += 1000
    return rounds


@pytest.mark.parametrize("last", [0, 1, 2, 3, 4, 7, 8, 9])
def test_stride_up(last: int) -> None:
    assert both(stride_up, 0, last) == stride_up(0, last) >= 1000
    end = (1 << 64) - 1
    assert both(stride_up, end - last, end) >= 1000
    assert both(stride_up, 9, last) == 1000


@pytest.mark.parametrize("first", [0, 1, 4, 5, 6, 22, 23])
def test_stride_down(first: int) -> None:
    assert both(stride_down, first, 0) == stride_down(first, 0)
    assert both(stride_down, 0, first) == 1000
