"""Contents of regular files: where their bytes lie until they are written into the boot archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

PAGE = 4096


class Source(Protocol):
    """What has the bytes: a tar file, or a file in a directory."""

    @property
    def origin(self) -> Path:
        """The file of the host that they are read from, to be named when that fails."""
        ...

    def chunks(self, place: int, length: int) -> Iterator[bytes]:
        """Exactly `length` bytes from `place` on, in parts of a moderate size. Raises Damage, HarnessError, OSError."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a file from `offset` on, which lie at `place` of the source. What no piece has is a hole."""

    offset: int
    length: int
    place: int


@dataclass(frozen=True, slots=True)
class Contents:
    """A regular file's bytes: pieces in ascending order that do not overlap."""

    size: int
    pieces: tuple[Piece, ...]
    source: Source

    @property
    def in_place(self) -> int:
        """How many bytes from the beginning the kernel uses in place: all, with holes filled, or the first piece.

        The kernel copies what lies behind a hole, which then takes its room twice: holes are kept where that is less.
        """
        if not self.pieces:
            return 0
        if self.pieces[0].length == self.size:
            return self.size
        first, copied = self._begin()
        return self.size if pages(self.size) <= pages(first) + 2 * copied else first

    @property
    def behind(self) -> tuple[Piece, ...]:
        """The pieces that are not used in place."""
        in_place = self.in_place
        return () if in_place == self.size else self.pieces[1:] if in_place else self.pieces

    @property
    def cost(self) -> int:
        """The bytes of the machine's memory that they take."""
        first, copied = self._begin()
        return PAGE * min(pages(self.size), pages(first) + 2 * copied)

    def _begin(self) -> tuple[int, int]:
        """How long the piece at the beginning is, and how many pages the others take."""
        if not self.pieces or self.pieces[0].offset != 0:
            return 0, sum(pages(piece.length) + 1 for piece in self.pieces)
        return self.pieces[0].length, sum(pages(piece.length) + 1 for piece in self.pieces[1:])


def pages(length: int) -> int:
    """How many pages hold `length` bytes."""
    return -(-length // PAGE)


def contents_of(size: int, source: Source, place: int = 0) -> Contents:
    """Contents without holes."""
    return Contents(size, (Piece(0, size, place),) if size else (), source)


@dataclass(frozen=True, slots=True)
class Bytes:
    """A source that is bytes."""

    content: bytes
    origin = Path()

    def chunks(self, place: int, length: int) -> Iterator[bytes]:
        yield self.content[place : place + length]
