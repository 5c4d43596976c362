"""Writer: text that the kernel makes for programs, by f-strings into a given buffer.

A text may be longer than the buffer: `skip` says how much of its beginning was read before.
"""

from __future__ import annotations

from codegen.lang import MutableSlice, Slice, copy, i64, local_array, struct, text_sink, u8, u64, uninitialised
from kernel.base.text import format_unsigned

LONGEST_NUMBER = 20


@text_sink
@struct
class Writer:
    """Collects text in `buffer`, without its first `skip` bytes; what does not fit is cut off."""

    buffer: MutableSlice[u8] = uninitialised()
    skip: u64 = 0
    length: u64 = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more fits."""
        return self.length == len(self.buffer)

    def __call__(self, message: str) -> None:
        """Append an f-string."""

    def begin(self) -> None:
        """Each f-string goes on where the last one ended."""

    def end(self) -> None:
        """Nothing follows an f-string."""

    def text(self, text: Slice[u8]) -> None:
        """Append bytes."""
        skipped = min(u64(len(text)), self.skip)
        self.skip -= skipped
        amount = min(u64(len(text)) - skipped, len(self.buffer) - self.length)
        copy(self.buffer[self.length : self.length + amount], text[skipped : skipped + amount])
        self.length += amount

    def unsigned(self, value: u64) -> None:
        """Append a number in decimal."""
        digits = local_array(u8, LONGEST_NUMBER)
        self.text(digits[format_unsigned(digits, value, 10) :])

    def signed(self, value: i64) -> None:
        """Append a number in decimal, with a sign if it is negative."""
        if value < 0:
            self.text(b"-")
            self.unsigned(u64(-(value + 1)) + 1)
        else:
            self.unsigned(u64(value))

    def hexadecimal(self, value: u64) -> None:
        """Append a number in hexadecimal."""
        digits = local_array(u8, LONGEST_NUMBER)
        self.text(digits[format_unsigned(digits, value, 16) :])
