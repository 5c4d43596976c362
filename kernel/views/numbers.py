"""Numbers that programs write to files of /proc, as the kstrto functions of Linux take them."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, i64, u8, u64
from kernel.base.errno import EINVAL, EPERM, ERANGE
from kernel.base.text import parse_unsigned
from kernel.sched.cpu import current

NEWLINE: u8 = 10
MINUS: u8 = 0x2D
PLUS: u8 = 0x2B
ZERO: u8 = 0x30
LONGEST: u64 = 24
"""More bytes are no number: the largest one has 22 octal digits."""


def trimmed(text: Slice[u8]) -> Slice[u8]:
    """`text` without space and line ends around it."""
    start: u64 = 0
    end = u64(len(text))
    while start < end and is_space(text[start]):
        start += 1
    while end > start and (is_space(text[end - 1]) or text[end - 1] == 0):
        end -= 1
    return text[start:end]


def is_space(character: u8) -> bool:
    """Whether `character` is white space."""
    return character == 0x20 or 9 <= character <= 13


def taken_unsigned(text: Slice[u8]) -> Fallible[u64]:
    """The number that `text` is: hexadecimal after 0x, octal after 0, else decimal. EINVAL, ERANGE."""
    digits = trimmed(text)
    if len(digits) > 0 and digits[0] == PLUS:
        digits = digits[1:]
    if len(digits) == 0 or len(digits) > LONGEST:
        raise EINVAL
    if len(digits) > 2 and digits[0] == ZERO and (digits[1] == 0x78 or digits[1] == 0x58):
        return parse_unsigned(digits[2:], 16)
    if len(digits) > 1 and digits[0] == ZERO:
        return parse_unsigned(digits[1:], 8)
    return parse_unsigned(digits, 10)


def taken_signed(text: Slice[u8], lowest: i64, highest: i64) -> Fallible[i64]:
    """A number that may be negative. EINVAL, also outside of the range."""
    digits = trimmed(text)
    is_negative = len(digits) > 0 and digits[0] == MINUS
    value = taken_unsigned(digits[1:] if is_negative else digits)
    if value > 0x7FFF_FFFF_FFFF_FFFF:
        raise ERANGE
    found = -i64(value) if is_negative else i64(value)
    if not lowest <= found <= highest:
        raise EINVAL
    return found


def setting_in(text: Slice[u8], lowest: u64, highest: u64) -> Fallible[u64]:
    """The number that is written to a setting in /proc/sys. EPERM for others than user 0; EINVAL, also outside of the
    range.
    """
    if current().process.credentials.effective_user != 0:
        raise EPERM
    try:
        value = taken_unsigned(text)
    except ERANGE:
        raise EINVAL from None
    if not lowest <= value <= highest:
        raise EINVAL
    return value
