"""The bytes of a file by their places, unpacked if the file is compressed (gzip, bzip2, xz, zstd).

What is unpacked goes to a temporary file, no further than somebody has asked for: so an archive is never in memory as a
whole, and it is refused before what makes it too large is unpacked.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Protocol

from harness.errors import HarnessError

CHUNK = 1 << 20
LARGEST_DICTIONARY = 1 << 30
"""xz may take this much of the host's memory; zstd takes no more than 128 MiB (zstd(1), --long)."""

LARGEST_UNPACKED = 8 << 30
"""More than twice what any machine has room for: so much could only be members that others replace, or zeros."""


class Damage(Exception):
    """Bytes that cannot be what they seem to be; `str()` says in what."""


class Bytes(Protocol):
    """Bytes by place."""

    is_compressed: bool

    @property
    def origin(self) -> Path:
        """The file."""
        ...

    def read(self, place: int, length: int) -> bytes:
        """Up to `length` bytes from `place` on; fewer only at the end. Raises Damage."""
        ...

    def reaches(self, end: int) -> bool:
        """Whether there are `end` bytes. Raises Damage."""
        ...

    def chunks(self, place: int, length: int) -> Iterator[bytes]:
        """Exactly `length` bytes from `place` on, which are there, in pieces of a moderate size."""
        ...


def chunks_of(content: Bytes, place: int, length: int) -> Iterator[bytes]:
    """`chunks` by `read`."""
    while length > 0:
        part = content.read(place, min(length, CHUNK))
        if not part:
            raise Damage("it became shorter while it was read")
        yield part
        place += len(part)
        length -= len(part)


class PlainFile:
    """A file as it is."""

    is_compressed = False

    def __init__(self, file: IO[bytes], origin: Path) -> None:
        self._file = file
        self.origin = origin
        self.size = file.seek(0, 2)

    def read(self, place: int, length: int) -> bytes:
        self._file.seek(place)
        return self._file.read(length)

    def reaches(self, end: int) -> bool:
        return end <= self.size

    def chunks(self, place: int, length: int) -> Iterator[bytes]:
        return chunks_of(self, place, length)


class Decompressor(Protocol):
    """What zlib, bz2, lzma and zstd have in common."""

    @property
    def eof(self) -> bool:
        """Whether the end of the stream was reached."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What was given behind that end."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing more in what was given."""
        ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Up to `max_length` bytes out of `data` and what was given before."""
        ...


class Inflater:
    """gzip by zlib, whose decompressor keeps what it has not looked at for the caller."""

    def __init__(self) -> None:
        import zlib

        self._inner = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._is_full = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._is_full and not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        part = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._is_full = len(part) == max_length
        return part


def new_bunzip() -> Decompressor:
    """bzip2."""
    import bz2

    return bz2.BZ2Decompressor()


def new_unxz() -> Decompressor:
    """xz."""
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=LARGEST_DICTIONARY)


def new_unzstd() -> Decompressor:
    """zstd; its frames that are to be skipped are taken as empty ones."""
    return zstd_library().ZstdDecompressor()  # type: ignore[no-any-return]


def zstd_library() -> Any:
    """The module that Python has from 3.14 on, or what it was made of."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


ZSTD = b"\x28\xb5\x2f\xfd"
SKIPPABLE = b"\x2a\x4d\x18"
"""The last bytes of the magic of a frame of zstd that is to be skipped; the first is 0x50 to 0x5f."""
COMPRESSIONS: dict[bytes, tuple[str, Callable[[], Decompressor]]] = {
    b"\x1f\x8b": ("gzip", Inflater),
    b"BZh": ("bzip2", new_bunzip),
    b"\xfd7zXZ\0": ("xz", new_unxz),
    ZSTD: ("zstd", new_unzstd),
}
"""By the first bytes (the Python documentation's modules, RFC 1952, RFC 8878)."""


def failures() -> tuple[type[Exception], ...]:
    """What the decompressors raise for damage."""
    import lzma
    import zlib

    return (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zstd_library().ZstdError)


class Unpacked:
    """A compressed file, unpacked as far as it was asked for: any number of compressed streams after each other."""

    is_compressed = True

    def __init__(
        self, file: IO[bytes], origin: Path, name: str, new: Callable[[], Decompressor], store: IO[bytes]
    ) -> None:
        self._file = file
        self.origin = origin
        self.name = name
        self._new = new
        self._store = store
        self._decompressor: Decompressor | None = new()
        self._given = b""
        """Read, and not given to a decompressor yet."""
        self._failures = failures()
        self.size = 0
        """How much is unpacked."""

    def read(self, place: int, length: int) -> bytes:
        self.reaches(place + length)
        self._store.seek(place)
        return self._store.read(min(length, max(self.size - place, 0)))

    def reaches(self, end: int) -> bool:
        while self.size < end and self._decompressor is not None:
            self._unpack(self._decompressor)
        return end <= self.size

    def chunks(self, place: int, length: int) -> Iterator[bytes]:
        return chunks_of(self, place, length)

    def _unpack(self, decompressor: Decompressor) -> None:
        """Unpack a little more."""
        given = b""
        if decompressor.needs_input:
            given, self._given = self._given or self._file.read(CHUNK), b""
            if not given:
                raise Damage(f"it is cut off: its {self.name} stream does not end")
        try:
            part = decompressor.decompress(given, CHUNK)
        except self._failures as error:
            raise Damage(f"{self.name} says: {str(error).splitlines()[0]}") from None
        if self.size + len(part) > LARGEST_UNPACKED:
            size = LARGEST_UNPACKED >> 20
            raise HarnessError(f"{self.origin}: unpacks to more than {size} MiB: take something out of it")
        self._store.seek(self.size)
        try:
            self._store.write(part)
            self._store.flush()
        except OSError as error:
            place = tempfile.gettempdir()
            raise HarnessError(
                f"{self.origin}: no room to unpack it in {place}: {error.strerror}; set TMPDIR"
            ) from None
        self.size += len(part)
        if decompressor.eof:
            self._begin_next(decompressor.unused_data)

    def _begin_next(self, rest: bytes) -> None:
        """A stream has ended: another one may follow, or zeros up to the end of the file."""
        self._given = rest
        while not self._given.strip(b"\0"):
            self._given = self._file.read(CHUNK)
            if not self._given:
                self._decompressor = None
                return
        self._given = self._given.lstrip(b"\0")
        self._decompressor = self._new()


def open_bytes(path: Path, stack: ExitStack) -> Bytes:
    """The bytes of a file, unpacked if it is compressed, for as long as `stack`. Raises OSError."""
    file = stack.enter_context(path.open("rb"))
    head = file.read(8)
    file.seek(0)
    compression = compression_of(head)
    if compression is None:
        return PlainFile(file, path)
    return Unpacked(file, path, *compression, stack.enter_context(tempfile.TemporaryFile(prefix="pithos-")))


def compression_of(head: bytes) -> tuple[str, Callable[[], Decompressor]] | None:
    """What a file is compressed with that begins so."""
    if head[1:4] == SKIPPABLE and head[0] >> 4 == 5:
        return COMPRESSIONS[ZSTD]
    return next((found for magic, found in COMPRESSIONS.items() if head.startswith(magic)), None)
