"""Sparse files in tar files, in each of GNU tar's formats: their holes stay where that takes less memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.tars import image, member, old_sparse, padded, sparse_by_records

HOLED = (b"\1" * 512) + bytes(1_000_000 - 512) + b"\2" * 100 + bytes(500_000)
STORED = b"\1" * 512 + b"\2" * 100
PAIRS = ((0, 512), (1_000_000, 100), (len(HOLED), 0))


def listed(pairs: tuple[tuple[int, int], ...]) -> list[bytes]:
    """The numbers of a map in decimal."""
    return [b"%d" % number for pair in pairs for number in pair]


MANY = ((0, 512), *((2000 + number, 0) for number in range(4)), (1_000_000, 100), (len(HOLED), 0))
"""More pairs than a header of the old format has room for."""
SIZE = b"%d" % len(HOLED)
MAP = b"\n".join([b"3", *listed(PAIRS)]) + b"\n"
SPARSE = {
    "old": old_sparse(len(HOLED), MANY, STORED),
    "0.0": sparse_by_records(
        (b"GNU.sparse.size", SIZE),
        (b"GNU.sparse.numblocks", b"3"),
        *zip((b"GNU.sparse.offset", b"GNU.sparse.numbytes") * 3, listed(PAIRS), strict=True),
        (b"path", b"f"),
        contents=STORED,
    ),
    "0.1": sparse_by_records(
        (b"GNU.sparse.size", SIZE),
        (b"GNU.sparse.map", b",".join(listed(PAIRS))),
        (b"GNU.sparse.name", b"f"),
        contents=STORED,
    ),
    "1.0": sparse_by_records(
        (b"GNU.sparse.major", b"1"),
        (b"GNU.sparse.minor", b"0"),
        (b"GNU.sparse.name", b"f"),
        (b"GNU.sparse.realsize", SIZE),
        contents=padded(MAP) + STORED,
    ),
}


@pytest.mark.parametrize("tar", SPARSE.values(), ids=SPARSE)
def test_sparse_files(tmp_path: Path, tar: bytes) -> None:
    files, said = image(tmp_path, tar, member(b"next", b"next"))
    assert files[b"/f"].contents == HOLED and files[b"/f"].is_holed and files[b"/next"].contents == b"next"
    assert said == []


def test_small_holes_are_filled(tmp_path: Path) -> None:
    pairs = ((0, 10), (30, 10), (60, 0))
    tar = sparse_by_records(
        (b"GNU.sparse.size", b"60"),
        (b"GNU.sparse.map", b",".join(listed(pairs))),
        (b"GNU.sparse.name", b"f"),
        contents=b"1" * 10 + b"2" * 10,
    )
    files, _ = image(tmp_path, tar)
    assert files[b"/f"].contents == b"1" * 10 + bytes(20) + b"2" * 10 + bytes(20) and not files[b"/f"].is_holed


def test_a_file_of_one_hole(tmp_path: Path) -> None:
    tar = sparse_by_records(
        (b"GNU.sparse.size", b"1000000"), (b"GNU.sparse.map", b"1000000,0"), (b"GNU.sparse.name", b"f"), contents=b""
    )
    files, _ = image(tmp_path, tar)
    assert files[b"/f"].contents == bytes(1_000_000)


def test_what_is_too_large_for_the_kernel_is_left_out(tmp_path: Path) -> None:
    tar = sparse_by_records(
        (b"GNU.sparse.size", b"%d" % (1 << 62)), (b"GNU.sparse.map", b"0,1"), (b"GNU.sparse.name", b"f"), contents=b"x"
    )
    files, said = image(tmp_path, tar)
    assert list(files) == [b""] and said == ["files larger than the largest that the kernel has, left out: f"]
