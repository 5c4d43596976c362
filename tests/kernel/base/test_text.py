"""Numbers, words, bit maps, rings and the command line: the same under CPython and compiled."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.lang import Array, Fallible, Slice, array, copy, inline, struct, u8, u64
from kernel.base.bitmap import clear_bit, find_clear, set_bit
from kernel.base.errno import EINVAL, ERANGE
from kernel.base.options import Options
from kernel.base.ring import ByteRing
from kernel.base.text import format_unsigned, index_of, parse_number
from tests.codegen.both import both


@struct
class Buffer:
    """Bytes to write to."""

    content: Array[u8] = array(20)

    def format(self, value: u64, base: u64) -> u64:
        """Where the digits begin."""
        return format_unsigned(self.content[:], value, base)


@pytest.mark.parametrize(
    ("value", "base", "text"),
    [(0, 10, b"0"), (2**64 - 1, 10, b"18446744073709551615"), (0xC0FFEE, 16, b"c0ffee"), (5, 2, b"101")],
)
def test_numbers_are_written(value: int, base: int, text: bytes) -> None:
    buffer = Buffer()
    start = both(Buffer.format, buffer, value, base)
    assert bytes(buffer.content[start:20]) == text


@pytest.mark.parametrize(
    ("text", "value"), [(b"0", 0), (b"007", 7), (b"0x1F", 31), (b"18446744073709551615", 2**64 - 1)]
)
def test_numbers_are_read(text: bytes, value: int) -> None:
    assert both(parse_number, text) == value


@pytest.mark.parametrize("text", [b"", b"x", b"12 ", b"0x", b"0xg", b"-1"])
def test_what_is_no_number_is_refused(text: bytes) -> None:
    with pytest.raises(EINVAL):
        both(parse_number, text)


def test_numbers_above_64_bits_are_refused() -> None:
    for text in (b"18446744073709551616", b"0x10000000000000000"):
        with pytest.raises(ERANGE):
            both(parse_number, text)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**64 - 1), st.sampled_from((2, 10, 16)))
def test_format_agrees_with_python(value: int, base: int) -> None:
    buffer = Buffer()
    if base == 2 and value >= 1 << 20:
        value %= 1 << 20
    start = buffer.format(value, base)
    assert int(bytes(buffer.content[start:20]), base) == value


def test_index_of() -> None:
    assert both(index_of, b"key=value", 0x3D) == 3
    assert both(index_of, b"key", 0x3D) == 3


@struct
class Line:
    """A command line and questions to it."""

    options: Options = inline()

    def number(self, line: Slice[u8], key: Slice[u8]) -> u64:
        """What `key` is in `line`; 99 by default."""
        self.options.read(line)
        return self.options.number(key, 99)

    def has(self, line: Slice[u8], key: Slice[u8]) -> bool:
        """Whether `key` stands in `line`."""
        self.options.read(line)
        return self.options.has(key)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"", 99),
        (b"timer=5", 5),
        (b"a=1 timer=0x10 b", 16),
        (b"timer=1 timer=2", 2),
        (b"mytimer=3", 99),
        (b"timer", 99),
        (b"timer=many", 99),
        (b"  timer=4  ", 4),
    ],
)
def test_options_find_the_last_value(line: bytes, value: int) -> None:
    assert both(Line.number, Line(), line, b"timer") == value


@pytest.mark.parametrize(
    ("line", "present"), [(b"quiet", True), (b"a quiet=1", True), (b"quieter", False), (b"", False)]
)
def test_options_know_words(line: bytes, present: bool) -> None:
    assert both(Line.has, Line(), line, b"quiet") is present


@struct
class Bits:
    """Three words of bits."""

    words: Array[u64] = array(3)

    def fill_up(self, count: u64) -> u64:
        """Set the lowest `count` bits, then find a clear one from 0 on."""
        for number in range(count):
            set_bit(self.words[:], number)
        return find_clear(self.words[:], 0)

    def hole(self, position: u64, start: u64) -> u64:
        """With only `position` clear, the first clear bit from `start` on."""
        self.fill_up(192)
        clear_bit(self.words[:], position)
        return find_clear(self.words[:], start)


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 128, 191, 192])
def test_the_first_clear_bit(count: int) -> None:
    assert both(Bits.fill_up, Bits(), count) == count


@pytest.mark.parametrize(("position", "start", "found"), [(70, 0, 70), (70, 70, 70), (70, 71, 192), (0, 192, 192)])
def test_the_search_begins_where_asked(position: int, start: int, found: int) -> None:
    assert both(Bits.hole, Bits(), position, start) == found


@struct
class Pipe:
    """A ring of 8 bytes."""

    storage: Array[u8] = array(8)
    taken: Array[u8] = array(32)
    ring: ByteRing = inline()

    def pass_through(self, text: Slice[u8], step: u64) -> Fallible[u64]:
        """Put and take `text` in steps of at most `step`; how much came out."""
        self.ring.storage = self.storage[:]
        put: u64 = 0
        got: u64 = 0
        while got < len(text):
            put += self.ring.put(text[put : min(len(text), put + step)])
            got += self.ring.take(self.taken[got : min(got + step - 1, 32)])
        return got


@pytest.mark.parametrize("step", [2, 3, 5, 8, 11])
def test_a_ring_keeps_order(step: int) -> None:
    pipe = Pipe()
    text = bytes(range(1, 31))
    pipe.pass_through(text, step)
    assert bytes(pipe.taken[:30]) == text


def test_a_full_ring_takes_no_more() -> None:
    pipe = Pipe()
    pipe.ring.storage = pipe.storage[:]
    assert pipe.ring.put(bytes(10)) == 8
    assert pipe.ring.put(b"x") == 0
    pipe.ring.clear()
    assert pipe.ring.free == 8
    copy(pipe.storage[:1], b"x")
