"""The line table: from a return address to file, line, function and source text.

`codegen/lines.py` packs it, docs/internals.md describes it. All numbers are little-endian u32 and are read
at byte offsets of the whole table.
"""

from __future__ import annotations

from codegen.lang import Slice, load, struct, u8, u16, u32, u64, uninitialised

MAGIC: u32 = 0x454E494C
VERSION: u32 = 1
NO_RECORD: u32 = 0xFFFF_FFFF
RANGE_SIZE: u64 = 8
RECORD_SIZE: u64 = 20
HEADER_SIZE: u64 = 32


@struct
class LineTable:
    """A packed table."""

    content: Slice[u8] = uninitialised()

    def is_valid(self) -> bool:
        """Whether this is a table of the version that we know."""
        return self.number(0) == MAGIC and self.number(4) == VERSION

    def number(self, offset: u64) -> u32:
        """The number at a byte offset."""
        return load(u32, self.content, offset)

    def find(self, offset: u64) -> u32:
        """The record of the instruction at `offset` from the start of the text; NO_RECORD if there is none."""
        low: u64 = 0
        high = u64(self.number(8))
        ranges = u64(self.number(16))
        while low < high:
            middle = (low + high) // 2
            if u64(self.number(ranges + middle * RANGE_SIZE)) <= offset:
                low = middle + 1
            else:
                high = middle
        if low == 0:
            return NO_RECORD
        return self.number(ranges + (low - 1) * RANGE_SIZE + 4)

    def field(self, record: u32, index: u64) -> u32:
        """One of the five numbers of a record."""
        return self.number(u64(self.number(20)) + u64(record) * RECORD_SIZE + index * 4)

    def file(self, record: u32) -> Slice[u8]:
        """The path of the source file, relative to the root of the tree."""
        return self.string(self.field(record, 0))

    def function(self, record: u32) -> Slice[u8]:
        """The name of the function."""
        return self.string(self.field(record, 1))

    def text(self, record: u32) -> Slice[u8]:
        """The source line without its indentation."""
        return self.string(self.field(record, 2))

    def line(self, record: u32) -> u32:
        """The number of the source line."""
        return self.field(record, 3)

    def caller(self, record: u32) -> u32:
        """The record of the call that this one was inlined into; NO_RECORD if it was not."""
        return self.field(record, 4)

    def string(self, offset: u32) -> Slice[u8]:
        """The string at `offset` of the strings."""
        start = u64(self.number(24)) + u64(offset)
        length = u64(load(u16, self.content, start))
        return self.content[start + 2 : start + 2 + length]


def table_size(header: Slice[u8]) -> u64:
    """The bytes of the whole table, from its header."""
    return u64(load(u32, header, 24)) + u64(load(u32, header, 28))
