"""Writing files so that nobody ever sees a part of one, and noticing when something else tore them."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

SEAL_SIZE = 4


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees a part of it; a device or a pipe is written to, not replaced."""
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    with whole_file(path) as file:
        file.write(content)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write into that is found as `path` once it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def write_sealed(path: Path, content: bytes) -> None:
    """Write an entry of a cache, for `read_sealed`."""
    write_whole(path, zlib.crc32(content).to_bytes(SEAL_SIZE) + content)


def read_sealed(path: Path) -> bytes | None:
    """What `write_sealed` wrote; None where it is not there, or not whole."""
    try:
        sealed = path.read_bytes()
    except OSError:
        return None
    content = sealed[SEAL_SIZE:]
    return content if sealed[:SEAL_SIZE] == zlib.crc32(content).to_bytes(SEAL_SIZE) else None
