"""Structs, slices, packed values, interfaces and iterators, compiled and under CPython."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import pytest

from codegen import run
from codegen.lang import (
    Array,
    Atomic,
    Interface,
    MutableSlice,
    Order,
    Panic,
    Slice,
    TrapKind,
    align_up,
    array,
    bit,
    bits,
    copy,
    fill,
    from_raw,
    i32,
    inline,
    inline_array,
    load,
    local,
    local_array,
    replace,
    store,
    struct,
    to_raw,
    u8,
    u16,
    u32,
    u64,
)
from codegen.lang import bits as packed
from tests.codegen.both import both

T = TypeVar("T")


@struct
class Point:
    """Two coordinates."""

    x: i32 = 0
    y: i32 = -1


@struct
class Shape:
    """A struct with all kinds of fields."""

    corner: Point = inline()
    points: Array[Point] = inline_array(4)
    flags: Array[bool] = array(3)
    weights: Array[u16] = array(5)
    next: Shape | None = None
    hits: Atomic[u32] = inline()
    open: bool = True

    def total(self) -> u32:
        total: u32 = 0
        for weight in self.weights:
            total += weight
        return total


@packed
class Entry:
    """A packed value."""

    present: bool = bit(0)
    kind: u8 = bits(1, 4)
    frame: u64 = bits(12, 52)


def use_shape(shape: Shape, index: u64) -> u32:
    shape.corner.x += 5
    shape.points[index].y = shape.corner.x * 2
    shape.flags[index % 3] = not shape.open
    shape.weights[index] = u16(index * 300)
    following = shape.next
    if following is not None and following.open:
        following.open = False
        shape.weights[0] += 1
    if following is shape:
        return 0
    return shape.total() + u32(len(shape.weights)) + shape.hits.fetch_add(3) + shape.hits.load(Order.ACQUIRE)


@pytest.mark.parametrize("index", [0, 3])
def test_fields(index: int) -> None:
    shape = Shape()
    shape.next = Shape()
    both(use_shape, shape, index)


def test_an_index_past_the_end_traps() -> None:
    with pytest.raises(Panic) as caught:
        both(use_shape, Shape(), 4)
    assert caught.value.kind is TrapKind.BOUNDS


def remake(raw: u64, frame: u64, kind: u8) -> u64:
    entry = from_raw(Entry, raw)
    if entry.present:
        entry = replace(entry, frame=frame, kind=kind)
    else:
        entry = Entry(present=True, kind=kind)
    return to_raw(entry) + entry.frame


def test_packed_values() -> None:
    both(remake, 0, 1, 7)
    both(remake, 0xFFF0_0000_0000_0FFF, 2**39 + 5, 2)
    with pytest.raises(Panic):
        both(remake, 0, 1, 8)
    with pytest.raises(Panic):
        both(remake, 1, 2**40, 1)


def slices(content: MutableSlice[u8], first: u64, last: u64) -> u64:
    part = content[first:last]
    total: u64 = len(part)
    for byte in part:
        total += byte
    if part == b"lo w":
        total += 1000
    scratch = local_array(u8, 16)
    fill(scratch, 9)
    copy(scratch[2:6], part[:4])
    total += u64(load(u32, scratch, 1)) + load(u16, scratch, 14)
    store(u32, content, 1, 0x41424344)
    copy(content[1:], content[: len(content) - 1])
    return total + content[len(content) - 1]


def test_slices() -> None:
    both(slices, bytearray(b"hello world, hello"), 3, 7)
    both(slices, bytearray(b"hello world, hello"), 0, 18)
    for first, last in ((3, 6), (7, 3), (0, 19)):
        with pytest.raises(Panic) as caught:
            both(slices, bytearray(b"hello world, hello"), first, last)
        assert caught.value.kind is TrapKind.BOUNDS


class Sound(Interface):
    """Something that can be heard."""

    def loudness(self, distance: u32) -> u32: ...

    def name(self) -> Slice[u8]: ...


@struct
class Bell(Sound):
    """A sound."""

    size: u32 = 3

    def loudness(self, distance: u32) -> u32:
        return self.size * 10 // distance

    def name(self) -> Slice[u8]:
        return b"bell"


@struct
class Wind(Sound):
    """Another sound."""

    force: u32 = 40
    heard: bool = False

    def loudness(self, distance: u32) -> u32:
        self.heard = True
        return self.force - distance

    def name(self) -> Slice[u8]:
        return b"wind"


def hear(sound: Sound, distance: u32) -> u32:
    bonus: u32 = 0
    match sound:
        case Bell():
            bonus = sound.size
        case Wind():
            bonus = sound.force + 1
    if isinstance(sound, Wind) and sound.name() == b"wind":
        bonus += 1000
    return sound.loudness(distance) * 100 + bonus + u32(len(sound.name()))


def test_interfaces() -> None:
    assert both(hear, Bell(), 2) == 1507
    assert both(hear, Wind(), 2) == 4845


@struct
class Pair(Generic[T]):
    """A generic struct."""

    first: T | None = None
    second: T | None = None

    def present(self) -> Iterator[T]:
        if self.first is not None:
            first = self.first
            if first is not None:
                yield first
        second = self.second
        if second is not None:
            yield second


def countdown(start: u32) -> Iterator[u32]:
    while start > 0:
        yield start
        start -= 1


def iterate(pair: Pair[Point], limit: u32) -> u32:
    point = local(Point)
    point.x = 4
    total = u32(point.x)
    for member in pair.present():
        total += u32(member.x)
    for number in countdown(10):
        if number == 7:
            continue
        if number == limit:
            break
        for inner in countdown(number):
            if inner == 2:
                break
            total += inner
    return total


@pytest.mark.parametrize("limit", [3, 7, 11])
def test_iterators_are_inlined(limit: int) -> None:
    pair: Pair[Point] = Pair()
    pair.second = Point()
    pair.second.x = 40
    both(iterate, pair, limit)


def double(value: u32) -> u32:
    return value * 2


def square(value: u32) -> u32:
    return value * value


CHOICES = (double, square)


def divide(value: u32, by: u32) -> tuple[u32, u32]:
    return value // by, value % by


def choose(which: u64, value: u32) -> u64:
    function: Callable[[u32], u32] = CHOICES[which]
    quotient, rest = divide(function(value), 7)
    return align_up(u64(quotient), 16) + rest if quotient != 0 else 5


def test_function_values_and_tuples() -> None:
    for which in (0, 1):
        for value in (0, 3, 20):
            both(choose, which, value)
    with pytest.raises(Panic) as caught:
        run(choose, 2, 3)
    assert caught.value.kind is TrapKind.BOUNDS


def same(left: Slice[u8], right: Slice[u8]) -> bool:
    return left == right


def test_equality_of_contents() -> None:
    """Eight bytes at a time, and the rest one by one."""
    for length in (0, 1, 7, 8, 9, 16, 23):
        content = bytes(range(length))
        assert run(same, content, content) is True
        for position in {0, 7, 8, length - 1} & set(range(length)):
            other = bytearray(content)
            other[position] ^= 0x80
            assert run(same, content, bytes(other)) is False
    assert run(same, b"abc", b"abcd") is False
