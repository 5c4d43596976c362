"""Tar files for tests, made block by block, so that anything can be in them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.archive import boot_archive
from tests.harness.unpacked import Found, image_of

BLOCK = 512
END = bytes(2 * BLOCK)
USTAR, GNU, OLD = b"ustar\x0000", b"ustar  \0", bytes(8)


def octal(value: int, length: int) -> bytes:
    """A number as most programs write it."""
    return b"%0*o\0" % (length - 1, value)


def header(
    name: bytes,
    kind: bytes = b"0",
    *,
    size: int | bytes = 0,
    target: bytes = b"",
    magic: bytes = USTAR,
    **fields: bytes,
) -> bytes:
    """One header; other fields by name, as bytes."""
    block = bytearray(BLOCK)

    def put(place: int, content: bytes) -> None:
        block[place : place + len(content)] = content

    put(0, name)
    put(100, fields.get("mode", octal(0o644, 8)))
    put(108, fields.get("user", octal(0, 8)))
    put(116, fields.get("group", octal(0, 8)))
    put(124, size if isinstance(size, bytes) else octal(size, 12))
    put(136, fields.get("time", octal(0, 12)))
    put(156, kind)
    put(157, target)
    put(257, magic)
    put(329, fields.get("major", b""))
    put(337, fields.get("minor", b""))
    put(345, fields.get("prefix", b""))
    put(386, fields.get("sparse", b""))
    return sealed(bytes(block))


def sealed(block: bytes) -> bytes:
    """A header with the right checksum."""
    total = sum(block[:148]) + 8 * 32 + sum(block[156:])
    return block[:148] + b"%06o\0 " % total + block[156:]


def member(name: bytes, contents: bytes = b"", kind: bytes = b"0", **fields: object) -> bytes:
    """A header and contents."""
    return header(name, kind, size=len(contents), **fields) + padded(contents)  # type: ignore[arg-type]


def padded(contents: bytes) -> bytes:
    """Whole blocks."""
    return contents + bytes(-len(contents) % BLOCK)


def record(key: bytes, value: bytes) -> bytes:
    """A record of pax: its length counts itself."""
    length = len(key) + len(value) + 3
    while len(b"%d" % length) + len(key) + len(value) + 3 != length:
        length = len(b"%d" % length) + len(key) + len(value) + 3
    return b"%d %s=%s\n" % (length, key, value)


def extended(records: Iterable[tuple[bytes, bytes]], kind: bytes = b"x") -> bytes:
    """An extended header."""
    return member(b"PaxHeaders/x", b"".join(record(key, value) for key, value in records), kind)


def binary(value: int, length: int) -> bytes:
    """A number in GNU's base-256."""
    if value < 0:
        return b"\xff" + value.to_bytes(length - 1, "big", signed=True)
    return b"\x80" + value.to_bytes(length - 1, "big")


def sparse_by_records(*records: tuple[bytes, bytes], contents: bytes) -> bytes:
    """A sparse file in one of the formats of pax."""
    return extended(records) + member(b"GNUSparseFile.0/f", contents)


def old_sparse(size: int, pairs: Sequence[tuple[int, int]], contents: bytes) -> bytes:
    """A sparse file in GNU's old format, whose map goes on in a block of its own behind four pairs."""
    fields = [octal(offset, 12) + octal(length, 12) for offset, length in pairs]
    block = bytearray(header(b"f", b"S", size=len(contents), magic=GNU, sparse=b"".join(fields[:4])))
    block[482] = len(fields) > 4
    block[483:495] = octal(size, 12)
    return sealed(bytes(block)) + padded(b"".join(fields[4:])) + padded(contents)


def libarchive_value(value: bytes) -> bytes:
    """The value of an extended attribute as libarchive writes it."""
    return base64.b64encode(value).rstrip(b"=")


def image(tmp_path: Path, *members: bytes, end: bytes = END) -> tuple[dict[bytes, Found], list[str]]:
    """What becomes of a tar file with these members, and what is said of it."""
    path = tmp_path / "root.tar"
    path.write_bytes(b"".join(members) + end)
    return read(path)


def read(path: Path) -> tuple[dict[bytes, Found], list[str]]:
    """What becomes of a root file system, and what is said of it."""
    said: list[str] = []
    archive = boot_archive(b"", {"root": path}, said.append)
    return image_of(archive), [line.removeprefix(f"{path}: ") for line in said]
