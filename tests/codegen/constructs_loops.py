"""Functions in the kernel language for test_check_constructs.py: loops, inlined iterators and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from codegen.lang import (
    Array,
    Fallible,
    comptime,
    field_at,
    field_offset,
    inline,
    inline_array,
    struct,
    u64,
)
from kernel.base.errno import ENOENT
from tests.codegen.samples import Colour

T = TypeVar("T")


@struct
class Trace:
    """What happened, in order: each event shifts the ones before by a decimal digit."""

    events: u64 = 0

    def note(self, event: u64) -> None:
        self.events = self.events * 10 + event

    def __enter__(self) -> Trace:
        self.note(8)
        return self

    def __exit__(self, *_: object) -> None:
        self.note(9)


@struct
class Link(Generic[T]):
    next: T | None = None


@struct
class Chain(Generic[T]):
    first: T | None = None
    offset: u64 = 0

    def __init__(self, link: Link[T] | None = None) -> None:
        if link is not None:
            self.offset = field_offset(link)

    def push(self, member: T) -> None:
        link = field_at(Link[T], member, self.offset)
        link.next = self.first
        self.first = member

    def __iter__(self) -> Iterator[T]:
        member = self.first
        while member is not None:
            following = field_at(Link[T], member, self.offset).next
            yield member
            member = following


@struct
class Item:
    value: u64 = 0
    chain_link: Link[Item] = inline()


@struct
class Items:
    all: Array[Item] = inline_array(6)
    chain: Chain[Item] = inline(Chain(Item.chain_link))

    def fill(self) -> None:
        self.chain.first = None
        for index in range(len(self.all)):
            self.all[index].value = index + 1
            self.chain.push(self.all[index])

    def above(self, floor: u64) -> Iterator[Item]:
        for item in self.chain:
            if item.value <= floor:
                return
            if item.value == 4:
                continue
            yield item


ITEMS = Items()


def sum_above(floor: u64, skip: u64, stop: u64) -> u64:
    ITEMS.fill()
    total: u64 = 0
    for item in ITEMS.above(floor):
        if item.value == skip:
            continue
        if item.value == stop:
            break
        total = total * 10 + item.value
    return total


def find_item(value: u64) -> u64:
    ITEMS.fill()
    for item in ITEMS.chain:
        for other in ITEMS.chain:
            if item.value == value and other.value == 2:
                return item.value * 100 + other.value
    return 0


def guarded(trace: Trace, count: u64) -> Iterator[u64]:
    for index in range(count):
        with trace:
            yield index


def leave_guarded(trace: Trace, count: u64, leave: u64) -> Fallible[u64]:
    for index in guarded(trace, count):
        trace.note(index)
        if index == leave:
            if leave == 2:
                raise ENOENT
            return index
    return 77


def loop_else(limit: u64) -> u64:
    for index in range(5):
        if index == limit:
            result = index * 10
            break
    else:
        result = 1
    count: u64 = 0
    while count < limit:
        count += 1
        if count == 3:
            break
    else:
        result += 1000
    return result


def steps(start: u64, stop: u64) -> u64:
    total: u64 = 0
    for index in range(start, stop, 3):
        total = total * 10 + index
    for index in reversed(range(start, stop)):
        total = total * 10 + index % 10
    for back in range(5, -1, -2):
        total = total * 10 + u64(back)
    return total


def kinds() -> u64:
    total: u64 = 0
    for colour in (Colour.RED, Colour.GREEN):
        if colour == Colour.GREEN:
            continue
        total += u64(colour)
    for function, weight in ((double, 1), (triple, 10)):
        total += function(7) * weight
    return total


def double(value: u64) -> u64:
    return value * 2


def triple(value: u64) -> u64:
    return value * 3


OPERATIONS: tuple[Callable[[u64], u64], ...] = (double, triple, double)
PRIMES = (2, 3, 5, 7, 11)


def table(index: u64) -> u64:
    return OPERATIONS[index](PRIMES[index + 1])


@comptime
def square_table(count: int) -> tuple[int, ...]:
    return tuple(number * number for number in range(count))


SQUARES = square_table(20)


def squares(index: u64) -> u64:
    return SQUARES[index] + square_table(4)[3]
