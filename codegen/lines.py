"""The line table: from an address in the program to file, line, function and source text.

Read from an object's DWARF once (`dwarf.module_lines`), joined by the linker (`LineTable`), and packed into
`.rodata` at `__line_table`, where the kernel's panic finds it. `LineReader` reads the packed form on the
host. The format is in docs/internals.md. Functions that were inlined keep their own record, whose `caller`
is the record of the call.
"""

from __future__ import annotations

import bisect
import functools
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from codegen.diagnostics import source_lines

MAGIC = 0x454E494C
VERSION = 1
NO_RECORD = 0xFFFFFFFF

_HEADER = struct.Struct("<8I")
_RANGE = struct.Struct("<2I")
_RECORD = struct.Struct("<5I")

ASSEMBLY = "(assembly)"
"""The file of a stub, which has no source lines."""


class Record(NamedTuple):
    """One source position; `caller` is the index of the record that it is inlined into, or None."""

    file: str
    function: str
    line: int
    caller: int | None


class Frame(NamedTuple):
    """One line of a traceback, in the order that `Panic.frames` has."""

    file: str
    line: int
    function: str
    text: str


@dataclass(frozen=True)
class ModuleLines:
    """The lines of one object: (section index, offset, record index or None) in order, and the records."""

    ranges: tuple[tuple[int, int, int | None], ...]
    records: tuple[Record, ...]


class LineTable:
    """Collects ranges of the whole program. What is known before layout (`size`) does not change after it."""

    def __init__(self) -> None:
        self._count = 0
        self._records: dict[tuple[int, int, int, int, int], int] = {}
        self._strings: dict[str, int] = {}
        self._bytes = bytearray()

    def add_records(self, records: Iterable[Record]) -> list[int]:
        """Enter `records`; gives the index that each has in the table."""
        indices: list[int] = []
        known, string = self._records, self._string
        for file, function, line, inlined_into in records:
            caller = NO_RECORD if inlined_into is None else indices[inlined_into]
            key = string(file), string(function), string(source_line(file, line)), line, caller
            indices.append(known.setdefault(key, len(known)))
        return indices

    def _string(self, text: str) -> int:
        offset = self._strings.get(text)
        if offset is None:
            offset = self._strings[text] = len(self._bytes)
            encoded = text.encode()[:0xFFFF]
            self._bytes += struct.pack("<H", len(encoded)) + encoded
        return offset

    def reserve(self, count: int) -> None:
        """Make room for `count` ranges."""
        self._count += count

    @property
    def size(self) -> int:
        """The bytes that the packed table takes."""
        return _HEADER.size + self._count * _RANGE.size + len(self._records) * _RECORD.size + len(self._bytes)

    def pack(self, ranges: list[tuple[int, int]]) -> bytes:
        """The packed table, from (offset of the code from __text_start, record index) in any order."""
        if len(ranges) > self._count:
            raise ValueError(f"{len(ranges)} ranges, but room for {self._count}")
        ranges = sorted(ranges)
        end = ranges[-1] if ranges else (0, NO_RECORD)
        ranges += [end] * (self._count - len(ranges))
        ranges_offset = _HEADER.size
        records_offset = ranges_offset + len(ranges) * _RANGE.size
        strings_offset = records_offset + len(self._records) * _RECORD.size
        header = _HEADER.pack(
            MAGIC,
            VERSION,
            len(ranges),
            len(self._records),
            ranges_offset,
            records_offset,
            strings_offset,
            len(self._bytes),
        )
        packed = b"".join(_RANGE.pack(*entry) for entry in ranges)
        return header + packed + b"".join(_RECORD.pack(*key) for key in self._records) + bytes(self._bytes)


def source_line(file: str, line: int) -> str:
    """The text of a source line without its indentation; empty when there is none."""
    lines = _stripped_lines(file)
    return lines[line - 1] if 0 < line <= len(lines) else ""


@functools.cache
def _stripped_lines(file: str) -> tuple[str, ...]:
    return tuple(map(str.strip, source_lines(file)))


class LineReader:
    """Looks addresses up in a packed table, as the kernel's panic does."""

    def __init__(self, table: bytes, text_start: int) -> None:
        self._table = table
        self._text_start = text_start
        header = _HEADER.unpack_from(table)
        magic, version, ranges, _records, start, self._records_at, self._strings_at, _size = header
        if magic != MAGIC or version != VERSION:
            raise ValueError("not a line table of this version")
        self._ranges = list(_RANGE.iter_unpack(table[start : start + ranges * _RANGE.size]))
        self._starts = [start for start, _record in self._ranges]

    def frames(self, address: int) -> list[Frame]:
        """Where the instruction at `address` is from, innermost first: what was inlined, into what."""
        index = bisect.bisect_right(self._starts, address - self._text_start) - 1
        if index < 0:
            return []
        record = self._ranges[index][1]
        found = []
        while record != NO_RECORD:
            file, function, text, line, record = _RECORD.unpack_from(
                self._table, self._records_at + record * _RECORD.size
            )
            found.append(Frame(self._string(file), line, self._string(function), self._string(text)))
        return found

    def _string(self, offset: int) -> str:
        start = self._strings_at + offset
        (length,) = struct.unpack_from("<H", self._table, start)
        return self._table[start + 2 : start + 2 + length].decode(errors="replace")
