"""Functions in the kernel language for test_check_constructs.py: interfaces, failure, text, registers and matches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from codegen.lang import (
    Array,
    Atomic,
    Fallible,
    Interface,
    MutableSlice,
    Slice,
    UserAddr,
    UserSlice,
    array,
    deferred,
    i32,
    i64,
    inline,
    invoke_registers,
    local,
    local_array,
    on_error,
    size_of,
    static_array,
    struct,
    text_sink,
    u8,
    u16,
    u32,
    u64,
)
from kernel.base.errno import EINVAL, ENOENT
from tests.codegen.constructs_loops import Item, Trace

T = TypeVar("T")


@struct
class Tally:
    hits: Atomic[u32] = inline()
    small: Atomic[u16] = inline()
    reads: u64 = 0


TALLY = Tally()


class Device(Interface):
    def read(self, offset: u64) -> Fallible[u8]: ...

    @property
    def size(self) -> u64: ...


class Named(Interface):
    def name(self) -> Slice[u8]: ...


@struct
class Zero(Device, Named):
    reads: u32 = 0

    def read(self, offset: u64) -> u8:
        self.reads += 1
        return 0

    @property
    def size(self) -> u64:
        return 100

    def name(self) -> Slice[u8]:
        return b"zero"


@struct
class Rom(Device, Named):
    content: Array[u8] = array(4)

    def read(self, offset: u64) -> Fallible[u8]:
        if offset >= len(self.content):
            raise EINVAL
        return self.content[offset]

    @property
    def size(self) -> u64:
        return len(self.content)

    def name(self) -> Slice[u8]:
        return b"rom"


def describe(device: Device) -> u64:
    match device:
        case Zero():
            return device.reads + len(device.name())
        case Rom() as rom:
            return rom.content[0] + len(rom.name()) * 10
        case _:
            return 0


def length_of_name(thing: Named) -> u64:
    return len(thing.name())


def devices(offset: u64) -> u64:
    rom = local(Rom)
    rom.content[0] = 9
    zero = local(Zero)
    total = describe(rom) * 1000 + describe(zero) + length_of_name(zero) + read_or(rom, offset) + rom.size
    return total + (1 if isinstance(rom, Rom) else 0) + read_or(zero, offset)


def read_or(device: Device, offset: u64) -> u64:
    try:
        return device.read(offset) + device.size
    except EINVAL:
        return 5
    finally:
        TALLY.reads += 1


def walrus(values: Slice[u8]) -> u64:
    position: u64 = 0
    while position < len(values) and (found := values[position]) != 0:
        position += found
    return position


def swap(a: u64, b: u64) -> tuple[u64, u64]:
    a, b = b, a
    a += b
    (a, b), extra = pair(a, b), 3
    return a + extra, b


def pair(a: u64, b: u64) -> tuple[u64, u64]:
    return b, a


def chained(a: u32, b: i32, flags: u8) -> bool:
    return (1 < a <= 10 and -5 <= b < 5) or flags in (3, 7)


def undo_all(trace: Trace, how: u64) -> Fallible[u64]:
    with deferred(trace.note, how), on_error(trace.note, 5):
        if how == 1:
            raise ENOENT
        with trace as same:
            same.note(3)
            if how == 2:
                raise EINVAL
    return trace.events


def rethrow(how: u64) -> Fallible[i32]:
    try:
        if how == 0:
            raise ENOENT
        if how == 1:
            raise EINVAL
    except ENOENT as error:
        return error.code
    except EINVAL:
        raise
    else:
        return 5
    return 6


def weigh(context: Trace, small: u8, signed: i32, flag: bool, range_: UserSlice) -> Fallible[u64]:
    if small == 13:
        raise EINVAL
    context.note(1)
    return small + range_.length + (100 if flag else 0) + u64(signed + 5)


def nothing(context: Trace) -> None:
    context.note(2)


def registers(trace: Trace, a: u64, b: u64, c: u64) -> i64:
    invoke_registers(nothing, trace, a, b, c, 0, 0, 0)
    return invoke_registers(weigh, trace, a, b, c, 4096, 20, 0)


@struct
@text_sink
class Sink:
    """Collects text."""

    content: Array[u8] = array(64)
    used: u64 = 0

    def __call__(self, message: str) -> None:
        for byte in message.encode():
            self.put(byte)

    def put(self, byte: u8) -> None:
        self.content[self.used] = byte
        self.used += 1

    def begin(self) -> None:
        pass

    def end(self) -> None:
        pass

    def text(self, part: Slice[u8]) -> None:
        for byte in part:
            self.put(byte)

    def unsigned(self, value: u64) -> None:
        if value >= 10:
            self.unsigned_rest(value // 10)
        self.put(u8(48 + value % 10))

    def unsigned_rest(self, value: u64) -> None:
        digits = local_array(u8, 20)
        count: u64 = 0
        while value != 0:
            digits[count] = u8(48 + value % 10)
            value //= 10
            count += 1
        for index in reversed(range(count)):
            self.put(digits[index])

    def signed(self, value: i64) -> None:
        if value < 0:
            self.put(45)
            self.unsigned(u64(-value))
        else:
            self.unsigned(u64(value))

    def hexadecimal(self, value: u64) -> None:
        shift: u32 = 64
        started = False
        while shift != 0:
            shift -= 4
            digit = u8((value >> shift) & 15)
            if digit != 0 or started or shift == 0:
                started = True
                self.put(digit + 48 if digit < 10 else digit + 87)


def report(sink: Sink, number: u32, negative: i64, flag: bool) -> None:
    sink(f"n={number} {negative} {number:#x} {number:x} {flag} {size_of(Item)}")


COUNTERS = static_array(u32, 4)


def count_hits(index: u64) -> u64:
    COUNTERS[index] += 2
    before = TALLY.hits.fetch_add(3)
    swapped = TALLY.hits.compare_exchange(before + 3, 50)
    TALLY.small.store(7)
    return COUNTERS[index] + TALLY.hits.load() + (1000 if swapped else 0) + TALLY.small.fetch_or(8) + before


def largest(values: Slice[T], better: Callable[[T, T], bool]) -> u64:
    best: u64 = 0
    for index, value in enumerate(values):
        if better(value, values[best]):
            best = index
    return best


def above(a: u8, b: u8) -> bool:
    return a > b


def position_of_largest(values: Slice[u8]) -> u64:
    return largest(values, above)


def bytes_match(command: Slice[u8]) -> u32:
    match command:
        case b"ps":
            return 1
        case b"log" | b"dmesg":
            return 2
        case other if len(other) > 5:
            return 3
        case _:
            return 4


def narrow(number: u64, signed: i64) -> u64:
    match number:
        case 0 | 1:
            return 10
        case 2:
            pass
        case _ if signed < 0:
            return 20
    return min(number, 7) + max(u64(u8(number)), 3)


def user_range(range_: UserSlice) -> UserSlice:
    return UserSlice(UserAddr(range_.address + 1), range_.length - 1)


def clear(values: MutableSlice[u8]) -> None:
    index = len(values)
    while index > 0:
        index -= 1
        values[index] = 0 if index % 2 == 0 else values[index]
