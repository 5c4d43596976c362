"""Damaged tar files are refused, in one line that says where; what is compressed as well."""

from __future__ import annotations

import bz2
import random
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.images import read_image
from tests.harness.tars import (
    END,
    GNU,
    binary,
    extended,
    header,
    image,
    member,
    octal,
    record,
    sealed,
    sparse_by_records,
)

GOOD = member(b"a", b"contents")


def endless_map() -> bytes:
    """A sparse file of GNU's old format whose map goes on behind the end."""
    block = bytearray(header(b"f", b"S", magic=GNU, sparse=octal(0, 12) * 8))
    block[482] = 1
    return sealed(bytes(block))


DAMAGED = {
    "no end": (GOOD, b"", "it is cut off at byte 1024: the mark of its end is missing"),
    "cut in a header": (GOOD + header(b"b")[:100], b"", "it is cut off at byte 1124"),
    "cut in contents": (GOOD + header(b"b", size=5000) + bytes(512), b"", "cut off within the member"),
    "no header": (GOOD + b"Z" * 512, END, "there is no tar header at byte 1024"),
    "rubbish behind the end": (GOOD + END + b"rubbish", b"", "behind its end, at byte 2048"),
    "a size that is none": (GOOD + header(b"b", size=b"99999999999\0"), END, "size in the header"),
    "a negative size": (GOOD + header(b"b", size=binary(-1, 12)), END, "negative"),
    "a negative mode": (member(b"b", mode=binary(-1, 8)), END, "the mode in the header at byte 0 is negative"),
    "a huge mode": (member(b"b", mode=binary(1 << 50, 8)), END, "the mode in the header at byte 0 is none"),
    "a negative owner": (member(b"b", user=binary(-7, 8)), END, "the owner in the header at byte 0 is negative"),
    "a size beyond all": (header(b"b", size=binary(1 << 70, 12)), END, "cut off within the member"),
    "a record of a size beyond all": (extended([(b"size", b"9" * 29)]) + header(b"b"), END, "cut off within"),
    "a record without length": (member(b"x", b"x path=b\n", b"x") + GOOD, END, "wrong length"),
    "a record that is too long": (member(b"x", b"99 path=b\n", b"x") + GOOD, END, "wrong length"),
    "a record without end": (member(b"x", b"9 path=bc", b"x") + GOOD, END, "wrong length"),
    "a record without a name": (member(b"x", b"7 =abc\n", b"x") + GOOD, END, "no name"),
    "a record without a value": (member(b"x", b"7 path\n", b"x") + GOOD, END, "no name or no value"),
    "a path with a zero byte": (extended([(b"path", b"a\0b")]) + GOOD, END, "has a zero byte"),
    "no time": (extended([(b"mtime", b"nan")]) + GOOD, END, "the record mtime is no time"),
    "an infinite time": (extended([(b"mtime", b"inf")]) + GOOD, END, "the record mtime is no time"),
    "a time with an exponent": (extended([(b"mtime", b"1e5")]) + GOOD, END, "the record mtime is no time"),
    "an owner that is none": (extended([(b"uid", b"-1")]) + GOOD, END, "the record uid is no number"),
    "not base64": (extended([(b"LIBARCHIVE.xattr.user.a", b"a")]) + GOOD, END, "not in base64"),
    "no name": (member(b""), END, "has no name"),
    "records for nothing": (extended([(b"path", b"b")]), END, "says more of a member that is not there"),
    "a long name for nothing": (member(b"x", b"b\0", b"L"), END, "says more of a member that is not there"),
    "a header too large": (header(b"x", b"x", size=5 << 20), END, "larger than 4 MiB"),
    "a later volume": (member(b"x", b"x", b"M"), END, "begins in another volume"),
    "pieces that overlap": (
        sparse_by_records((b"GNU.sparse.size", b"9"), (b"GNU.sparse.map", b"0,3,2,3"), contents=b"abcdef"),
        END,
        "overlap",
    ),
    "pieces beyond the end": (
        sparse_by_records((b"GNU.sparse.size", b"2"), (b"GNU.sparse.map", b"0,3"), contents=b"abc"),
        END,
        "beyond its end",
    ),
    "pieces that are not stored": (
        sparse_by_records((b"GNU.sparse.size", b"9"), (b"GNU.sparse.map", b"0,4"), contents=b"abc"),
        END,
        "does not fit its contents",
    ),
    "half a pair": (
        sparse_by_records((b"GNU.sparse.size", b"9"), (b"GNU.sparse.map", b"0,4,5"), contents=b"abc"),
        END,
        "odd number",
    ),
    "a map of words": (
        sparse_by_records((b"GNU.sparse.size", b"9"), (b"GNU.sparse.map", b"zero,4"), contents=b"abc"),
        END,
        "something else than numbers",
    ),
    "a map without end": (
        sparse_by_records((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), contents=b"9999999\n1\n"),
        END,
        "does not end",
    ),
    "an unknown map": (sparse_by_records((b"GNU.sparse.major", b"2"), contents=b"abc"), END, "unknown format 2.0"),
    "an old map without end": (endless_map(), b"", "does not end"),
}


@pytest.mark.parametrize(("content", "end", "complaint"), DAMAGED.values(), ids=DAMAGED)
def test_damage_is_an_error(tmp_path: Path, content: bytes, end: bytes, complaint: str) -> None:
    with pytest.raises(HarnessError) as caught:
        image(tmp_path, content, end=end)
    text = str(caught.value)
    assert complaint in text and "\n" not in text
    assert text.startswith(f"{tmp_path / 'root.tar'}: is damaged: ") and text.endswith("; get or make it anew")


def test_a_record_counts_its_own_length() -> None:
    assert record(b"path", b"x" * 91) == b"101 path=" + b"x" * 91 + b"\n"


def test_damage_that_shows_at_the_end_of_a_block_is_damage(tmp_path: Path) -> None:
    """bzip2 checks a block when all of it is unpacked; before that a damaged one yields bytes that are anything."""
    content = bytearray(bz2.compress(member(b"f", random.Random(4).randbytes(1000) * 800) + END))
    path = tmp_path / "root.tar.bz2"
    for place in random.Random(2).sample(range(200, len(content) * 2 // 3), 40):
        damaged = bytearray(content)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(HarnessError, match="is damaged: "), ExitStack() as files:
            read_image(path, files)
