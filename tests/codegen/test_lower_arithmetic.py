"""Integer operations: compiled code gives Python's answer, or traps exactly where the answer does not fit."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest

from codegen import run
from codegen.lang import (
    IntEnum,
    IntFlag,
    Panic,
    TrapKind,
    count_leading_zeros,
    count_trailing_zeros,
    i8,
    i16,
    i32,
    i64,
    invert,
    population_count,
    saturating_sub,
    truncate,
    u8,
    u16,
    u32,
    u64,
    width,
    wrapping_add,
    wrapping_mul,
    wrapping_shl,
    wrapping_sub,
)
from tests.codegen.both import both


def add_u8(a: u8, b: u8) -> u8:
    return a + b


def subtract_u16(a: u16, b: u16) -> u16:
    return a - b


def multiply_u32(a: u32, b: u32) -> u32:
    return a * b


def add_i64(a: i64, b: i64) -> i64:
    return a + b


def subtract_i32(a: i32, b: i32) -> i32:
    return a - b


def multiply_i8(a: i8, b: i8) -> i8:
    return a * b


def negate_i16(a: i16, b: i16) -> i16:
    return b - a + -a


def floor_i8(a: i8, b: i8) -> i8:
    return a // b


def modulo_i8(a: i8, b: i8) -> i8:
    return a % b


def floor_u64(a: u64, b: u64) -> u64:
    return a // b


def modulo_u64(a: u64, b: u64) -> u64:
    return a % b


EDGES: dict[str, list[int]] = {
    "u8": [0, 1, 2, 127, 128, 255],
    "u16": [0, 1, 2, 255, 65535],
    "u32": [0, 1, 3, 65535, 65536, 2**32 - 1],
    "u64": [0, 1, 7, 2**63, 2**64 - 1],
    "i8": [-128, -127, -7, -1, 0, 1, 7, 127],
    "i16": [-(2**15), -1, 0, 1, 2**15 - 1],
    "i32": [-(2**31), -1, 0, 1, 2**31 - 1],
    "i64": [-(2**63), -1, 0, 1, 2**63 - 1],
}

OPERATIONS: list[tuple[Callable[..., Any], Callable[[int, int], int], Any]] = [
    (add_u8, operator.add, u8),
    (subtract_u16, operator.sub, u16),
    (multiply_u32, operator.mul, u32),
    (add_i64, operator.add, i64),
    (subtract_i32, operator.sub, i32),
    (multiply_i8, operator.mul, i8),
    (floor_i8, operator.floordiv, i8),
    (modulo_i8, operator.mod, i8),
    (floor_u64, operator.floordiv, u64),
    (modulo_u64, operator.mod, u64),
]


def outcome(function: Callable[..., Any], *arguments: int) -> int | TrapKind:
    """The value, or the trap."""
    try:
        return int(run(function, *arguments))
    except Panic as panic:
        return panic.kind


def expected(operation: Callable[[int, int], int], kind: Any, a: int, b: int) -> int | TrapKind:
    """What Python says, if it fits."""
    try:
        value = operation(a, b)
    except ZeroDivisionError:
        return TrapKind.DIVISION
    return value if kind.minimum <= value <= kind.maximum else TrapKind.OVERFLOW


@pytest.mark.parametrize(("function", "operation", "kind"), OPERATIONS, ids=lambda each: getattr(each, "__name__", ""))
def test_binary(function: Callable[..., Any], operation: Callable[[int, int], int], kind: Any) -> None:
    edges = EDGES[kind.name]
    for a in edges:
        for b in edges:
            assert outcome(function, a, b) == expected(operation, kind, a, b), (a, b)


def test_negation_traps_for_the_least_value() -> None:
    assert outcome(negate_i16, 5, 1) == -9
    assert outcome(negate_i16, -(2**15), -1) is TrapKind.OVERFLOW


def shift_left_u16(a: u16, count: u8) -> u16:
    return a << count


def shift_left_i16(a: i16, count: u64) -> i16:
    return a << count


def shift_right_i16(a: i16, count: u64) -> i16:
    return a >> count


@pytest.mark.parametrize("count", [0, 1, 7, 14, 15, 16, 64, 255])
def test_shifts(count: int) -> None:
    for a in (0, 1, 3, 0x4000, 0x8000, 0xFFFF):
        fits = count < 16 and a << count < 1 << 16
        assert outcome(shift_left_u16, a, count) == (a << count if fits else TrapKind.SHIFT), (a, count)
    for b in (-(2**15), -3, -1, 0, 1, 0x3FFF, 2**15 - 1):
        fits = count < 16 and -(2**15) <= b << count < 2**15
        assert outcome(shift_left_i16, b, count) == (b << count if fits else TrapKind.SHIFT), (b, count)
        assert outcome(shift_right_i16, b, count) == (b >> count if count < 16 else TrapKind.SHIFT), (
            b,
            count,
        )


def narrow_u64_u8(a: u64) -> u8:
    return u8(a)


def narrow_i64_u32(a: i64) -> u32:
    return u32(a)


def narrow_u32_i32(a: u32) -> i32:
    return i32(a)


def narrow_i64_i8(a: i64) -> i8:
    return i8(a)


def narrow_i8_u64(a: i8) -> u64:
    return u64(a)


@pytest.mark.parametrize(
    ("function", "values"),
    [
        (narrow_u64_u8, [0, 255, 256, 2**64 - 1]),
        (narrow_i64_u32, [-(2**63), -1, 0, 2**32 - 1, 2**32]),
        (narrow_u32_i32, [0, 2**31 - 1, 2**31]),
        (narrow_i64_i8, [-(2**63), -129, -128, 127, 128]),
        (narrow_i8_u64, [-128, -1, 0, 127]),
    ],
)
def test_narrowing(function: Callable[..., Any], values: list[int]) -> None:
    for value in values:
        try:
            assert both(function, value) == value
        except Panic as panic:
            assert panic.kind is TrapKind.NARROWING


def wrap_around(a: u8, b: u8, c: i8, d: i8) -> u64:
    first = u64(wrapping_add(u8, a, b)) * 1000
    second = u64(wrapping_sub(u8, a, b))
    third = u64(wrapping_mul(u8, a, b)) * 1000000
    fourth = u64(truncate(u8, wrapping_add(i8, c, d))) * 1000000000
    return first + second + third + fourth


def bits_of(a: u64, b: u16) -> u64:
    counts = u64(count_trailing_zeros(u64, a)) + 100 * u64(count_leading_zeros(u64, a))
    counts += 10000 * u64(population_count(u64, a))
    counts += 1000000 * u64(count_leading_zeros(u16, b)) + 100000000 * u64(count_trailing_zeros(u16, b))
    return counts + u64(invert(u16, b)) * 10000000000


def clamp(a: i32, b: u32, c: u32) -> i32:
    return max(min(a, 100), -100) + i32(saturating_sub(u32, b, c))


def shift_and_drop(a: u8, count: u8) -> u8:
    return wrapping_shl(u8, a, count)


def test_explicit_forms_agree_with_the_host() -> None:
    for a in (0, 1, 127, 128, 255):
        for b in (0, 1, 127, 128, 255):
            both(wrap_around, a, b, a - 128, b - 128)
    for a in (0, 1, 6, 2**63, 2**64 - 1):
        for b in (0, 1, 0x8000, 0xFFFF):
            both(bits_of, a, b)
    for a in (-(2**31), -101, -100, 0, 99, 101, 2**31 - 1):
        both(clamp, a, 5, 3)
        both(clamp, a, 3, 5)
    for count in range(8):
        both(shift_and_drop, 0xA5, count)
    with pytest.raises(Panic, match="shift"):
        both(shift_and_drop, 0xA5, 8)


def compare_all(a: i16, b: i16) -> u32:
    result: u32 = 0
    if a < b:
        result |= 1
    if a <= b:
        result |= 2
    if a > b:
        result |= 4
    if a >= b:
        result |= 8
    if a == b:
        result |= 16
    if a != b:
        result |= 32
    if -5 < a <= b < 100:
        result |= 64
    return result


def logic(a: bool, b: bool, c: bool) -> bool:
    return ((a and not b) or c) != (a or (b and c))


def test_comparisons_and_logic() -> None:
    for a in (-6, -5, -4, 0, 99, 100):
        for b in (-6, -4, 0, 99, 100):
            both(compare_all, a, b)
    for number in range(8):
        both(logic, bool(number & 1), bool(number & 2), bool(number & 4))


@width(u8)
class Gap(IntEnum):
    LOW = 1
    MIDDLE = 2
    HIGH = 200


@width(u16)
class Mode(IntFlag):
    READ = 1
    WRITE = 4


def to_gap(value: u32) -> u32:
    match Gap(value):
        case Gap.LOW | Gap.HIGH:
            return 10
        case Gap.MIDDLE:
            return 20


def to_mode(value: u16) -> bool:
    mode = Mode(value)
    return Mode.WRITE in mode and (mode & Mode.READ) != Mode(0)


def test_integers_become_enums_only_of_members() -> None:
    assert [outcome(to_gap, value) for value in (1, 2, 200)] == [10, 20, 10]
    assert [outcome(to_gap, value) for value in (0, 3, 199, 255)] == [TrapKind.ENUM] * 4
    assert outcome(to_gap, 257) in (TrapKind.ENUM, TrapKind.NARROWING)
    assert [outcome(to_mode, value) for value in (0, 1, 4, 5)] == [0, 0, 0, 1]
    assert both(to_mode, 2) is False  # IntFlag keeps unknown bits
