"""Text: numbers in bytes and out of them, and words in a line."""

from __future__ import annotations

from codegen.lang import Fallible, MutableSlice, Slice, u8, u64
from kernel.base.errno import EINVAL, ERANGE

DIGITS = b"0123456789abcdef"
DECIMAL_LENGTH: u64 = 20
"""The decimal digits of the largest u64."""
HIGHEST: u64 = 0xFFFF_FFFF_FFFF_FFFF


def format_unsigned(buffer: MutableSlice[u8], value: u64, base: u64) -> u64:
    """Write `value` at the end of `buffer` in `base` (2 to 16); returns the index of the first digit."""
    index: u64 = len(buffer)
    while True:
        index -= 1
        buffer[index] = DIGITS[value % base]
        value //= base
        if value == 0:
            return index


def digit_value(character: u8) -> u64:
    """What a digit is worth in bases up to 16; 255 for what is no digit."""
    if 0x30 <= character <= 0x39:
        return u64(character) - 0x30
    if 0x61 <= character <= 0x66:
        return u64(character) - 0x61 + 10
    if 0x41 <= character <= 0x46:
        return u64(character) - 0x41 + 10
    return 255


def parse_unsigned(text: Slice[u8], base: u64) -> Fallible[u64]:
    """The number that all of `text` spells in `base`. EINVAL if it does not, ERANGE above 64 bits."""
    if len(text) == 0:
        raise EINVAL
    value: u64 = 0
    for character in text:
        digit = digit_value(character)
        if digit >= base:
            raise EINVAL
        if value > (HIGHEST - digit) // base:
            raise ERANGE
        value = value * base + digit
    return value


def parse_number(text: Slice[u8]) -> Fallible[u64]:
    """A number as a person writes one: `0x` before hexadecimal, else decimal. EINVAL or ERANGE."""
    if len(text) > 2 and text[0] == 0x30 and text[1] == 0x78:
        return parse_unsigned(text[2:], 16)
    return parse_unsigned(text, 10)


def index_of(text: Slice[u8], wanted: u8) -> u64:
    """Where `wanted` first stands in `text`; its length when nowhere."""
    index: u64 = 0
    for character in text:
        if character == wanted:
            return index
        index += 1
    return index


def starts_with(text: Slice[u8], prefix: Slice[u8]) -> bool:
    """Whether `text` begins with `prefix`."""
    return len(text) >= len(prefix) and text[: len(prefix)] == prefix


def split_at(text: Slice[u8], separator: u8) -> tuple[Slice[u8], Slice[u8]]:
    """What stands before the first `separator`, and what behind it; all and nothing if there is none."""
    length = index_of(text, separator)
    return text[0:length], text[min(length + 1, len(text)) :]
