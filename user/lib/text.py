"""OUT: standard output, for f-strings."""

from __future__ import annotations

from codegen.lang import (
    Array,
    Fd,
    Slice,
    array,
    copy,
    i64,
    struct,
    text_sink,
    truncate,
    u8,
    u64,
    wrapping_sub,
)
from kernel.base.text import DECIMAL_LENGTH, format_unsigned
from user.lib.system import write_all

STANDARD_OUTPUT = Fd(1)
LINE_MAX: u64 = 512
MINUS = b"-"


@text_sink
@struct
class Output:
    """Collects one message and writes it; what does not fit in LINE_MAX bytes is cut off."""

    used: u64 = 0
    line: Array[u8] = array(LINE_MAX)
    digits: Array[u8] = array(DECIMAL_LENGTH)

    def __call__(self, message: str) -> None:
        """Print `message`; compiled code calls the methods below instead."""
        print(message, end="")

    def begin(self) -> None:
        """Start an empty message."""
        self.used = 0

    def text(self, part: Slice[u8]) -> None:
        """Add bytes."""
        length = min(u64(len(part)), LINE_MAX - self.used)
        copy(self.line[self.used : self.used + length], part[0:length])
        self.used += length

    def unsigned(self, value: u64) -> None:
        """Add a number in decimal."""
        first = format_unsigned(self.digits[0:DECIMAL_LENGTH], value, 10)
        self.text(self.digits[first:DECIMAL_LENGTH])

    def signed(self, value: i64) -> None:
        """Add a number in decimal, with its sign."""
        if value < 0:
            self.text(MINUS)
            self.unsigned(wrapping_sub(u64, 0, truncate(u64, value)))
        else:
            self.unsigned(u64(value))

    def hexadecimal(self, value: u64) -> None:
        """Add a number in hexadecimal."""
        first = format_unsigned(self.digits[0:DECIMAL_LENGTH], value, 16)
        self.text(self.digits[first:DECIMAL_LENGTH])

    def end(self) -> None:
        """Write the message."""
        write_all(STANDARD_OUTPUT, self.line[0 : self.used])


OUT = Output()
