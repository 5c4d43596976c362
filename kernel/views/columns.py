"""Numbers in columns of files of /proc."""

from __future__ import annotations

from codegen.lang import local_array, u8, u64
from kernel.base.text import DECIMAL_LENGTH, format_unsigned
from kernel.base.writer import Writer


def write_right(writer: Writer, value: u64, base: u64, width: u64) -> None:
    """A number, with spaces before it until it is `width` wide."""
    digits = local_array(u8, DECIMAL_LENGTH)
    start = format_unsigned(digits, value, base)
    for _ in range(DECIMAL_LENGTH - start, width):
        writer.text(b" ")
    writer.text(digits[start:])
