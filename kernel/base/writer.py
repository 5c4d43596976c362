"""Writer: text that the kernel makes for programs, by f-strings into a given buffer."""

from __future__ import annotations

from codegen.lang import MutableSlice, Slice, copy, i64, local_array, struct, text_sink, u8, u64, uninitialised
from kernel.base.text import format_unsigned

LONGEST_NUMBER = 20


@text_sink
@struct
class Writer:
    """Collects text in `buffer`; what does not fit is cut off."""

    buffer: MutableSlice[u8] = uninitialised()
    length: u64 = 0
    is_cut: bool = False
    """Something had no room."""

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
        amount = min(u64(len(text)), len(self.buffer) - self.length)
        copy(self.buffer[self.length : self.length + amount], text[0:amount])
        self.length += amount
        if amount < len(text):
            self.is_cut = True

    def unsigned(self, value: u64) -> None:
        """Append a number in decimal."""
        digits = local_array(u8, LONGEST_NUMBER)
        self.text(digits[format_unsigned(digits, value, 10) :])

    def padded(self, value: u64, base: u64, width: u64) -> None:
        """Append a number, with spaces before it up to `width` characters."""
        self.fill_up(value, base, width, b" ")

    def zero_padded(self, value: u64, width: u64) -> None:
        """Append a number in hexadecimal, with zeros before it up to `width` digits."""
        self.fill_up(value, 16, width, b"0")

    def fill_up(self, value: u64, base: u64, width: u64, filler: Slice[u8]) -> None:
        """Append a number with `filler` before it up to `width` characters."""
        digits = local_array(u8, LONGEST_NUMBER)
        number = digits[format_unsigned(digits, value, base) :]
        for _ in range(u64(len(number)), width):
            self.text(filler)
        self.text(number)

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
