"""The records of trace_container(1007) (kernel/containers/abi.py), out of the bytes that come, in whatever portions."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from harness.interface import enumeration, layout

HEADER = struct.Struct("<IIiiQQqII6Q")
PIECE = struct.Struct("<HHI")


@dataclass(frozen=True)
class Piece:
    """Memory of the program that an argument points at."""

    content: bytes
    is_cut: bool


@dataclass(frozen=True)
class Record:
    """One event of a thread."""

    kind: IntEnum
    pid: int
    tid: int
    time: int
    number: int
    result: int
    lost: int
    arguments: tuple[int, ...]
    pieces: dict[int, list[Piece]] = field(default_factory=dict)
    """By argument; several for an array of strings."""


class Reader:
    """Takes bytes, and gives records."""

    def __init__(self) -> None:
        assert layout("TraceRecord").size == HEADER.size, "the kernel's records are others"
        self._kinds = enumeration("TraceKind")
        self._left = b""

    def feed(self, content: bytes) -> Iterator[Record]:
        """The records that are whole now."""
        self._left += content
        place = 0
        while len(self._left) - place >= HEADER.size:
            size = int.from_bytes(self._left[place : place + 4], "little")
            if size < HEADER.size:
                raise ValueError(f"a record of {size} bytes")
            if len(self._left) - place < size:
                break
            yield self._record(self._left[place : place + size])
            place += size
        self._left = self._left[place:]

    def _record(self, content: bytes) -> Record:
        _, kind, pid, tid, time, number, result, lost, _, *arguments = HEADER.unpack_from(content)
        pieces: dict[int, list[Piece]] = {}
        place = HEADER.size
        while place + PIECE.size <= len(content):
            argument, flags, length = PIECE.unpack_from(content, place)
            place += PIECE.size
            pieces.setdefault(argument, []).append(Piece(content[place : place + length], bool(flags & 1)))
            place += -(-length // 8) * 8
        return Record(self._kinds(kind), pid, tid, time, number, result, lost, tuple(arguments), pieces)
