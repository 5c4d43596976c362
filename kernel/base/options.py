"""Options: the kernel's command line, words of the form `key=value` or `key`, separated by spaces.

The loader's text is copied at start, so that its memory can be given back. A value is a view of the copy. When a
key stands twice, the last one counts. Unknown keys are kept, and harm nobody.
"""

from __future__ import annotations

from collections.abc import Iterator

from codegen.lang import Array, Slice, array, copy, struct, u8, u64
from kernel.base.errno import EINVAL, ERANGE
from kernel.base.text import index_of, parse_number, starts_with

SPACE: u8 = 0x20
EQUALS: u8 = 0x3D
MAXIMUM_LENGTH: u64 = 1024
KNOWN = ("cpus", "harness", "quiet", "standalone", "timer_khz", "tsc_khz")
"""The keys that mean something, to the kernel or to the first process."""


@struct
class Options:
    """The command line. Constant after start."""

    text: Array[u8] = array(1024)
    length: u64 = 0

    def read(self, command_line: Slice[u8]) -> None:
        """Keep a copy of `command_line`; what is beyond 1024 bytes is cut off."""
        self.length = min(u64(len(command_line)), MAXIMUM_LENGTH)
        copy(self.text[: self.length], command_line[: self.length])

    def words(self) -> Iterator[Slice[u8]]:
        """Every word of the line, in order."""
        start: u64 = 0
        while start < self.length:
            rest: Slice[u8] = self.text[start : self.length]
            word = rest[: index_of(rest, SPACE)]
            start += len(word) + 1
            if len(word) > 0:
                yield word

    def find(self, key: Slice[u8]) -> Slice[u8]:
        """The value of `key`; empty when it is not given or has none."""
        found: Slice[u8] = b""
        for word in self.words():
            if starts_with(word, key) and len(word) > len(key) and word[len(key)] == EQUALS:
                found = word[len(key) + 1 :]
        return found

    def has(self, key: Slice[u8]) -> bool:
        """Whether the word `key` stands on the line, with or without a value."""
        for word in self.words():
            if word[: index_of(word, EQUALS)] == key:
                return True
        return False

    def number(self, key: Slice[u8], default: u64) -> u64:
        """The number that `key` is given; `default` when there is none, or it is no number."""
        try:
            return parse_number(self.find(key))
        except (EINVAL, ERANGE):
            return default


OPTIONS = Options()
