"""Compressed tar files: what is unpacked is the same, and what is damaged is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.images import memory, stream
from harness.images.stream import CHUNK, Unpacked, open_bytes, zstd_library
from harness.machine import MEBIBYTE
from tests.harness.tars import END, header, member, read

CONTENTS = random.Random(1).randbytes(300_000) + bytes(3 * CHUNK)
TAR = member(b"a", b"first") + member(b"b", CONTENTS) + member(b"c", b"last") + END


def write_gzip(content: bytes) -> bytes:
    """gzip, with nothing in it that changes."""
    output = io.BytesIO()
    with gzip.GzipFile(fileobj=output, mode="wb", mtime=0) as file:
        file.write(content)
    return output.getvalue()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": write_gzip,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda content: zstd_library().compress(
        content, options={zstd_library().CompressionParameter.checksum_flag: 1}
    ),
}
SKIPPABLE = b"\x53\x2a\x4d\x18\x05\0\0\0hello"
every_compression = pytest.mark.parametrize("compress", COMPRESS.values(), ids=COMPRESS)


def is_whole(path: Path) -> bool:
    """Whether a tar file has what `TAR` has."""
    files, said = read(path)
    return said == [] and [files[name].contents for name in (b"/a", b"/b", b"/c")] == [b"first", CONTENTS, b"last"]


@every_compression
def test_a_compressed_tar_is_a_tar(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "root"
    path.write_bytes(compress(TAR))
    assert is_whole(path)


@every_compression
def test_streams_behind_each_other(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "root"
    parts = [compress(part) for part in (TAR[:100], TAR[100:2000], b"", TAR[2000:])]
    path.write_bytes(b"".join(parts) + bytes(512))
    assert is_whole(path)


def test_frames_that_are_to_be_skipped(tmp_path: Path) -> None:
    path = tmp_path / "root"
    path.write_bytes(SKIPPABLE + zstd_library().compress(TAR) + SKIPPABLE)
    assert is_whole(path)


@every_compression
def test_every_cut_is_noticed(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    content = compress(TAR)
    path = tmp_path / "root"
    for length in (len(content) - 1, len(content) - 5, len(content) // 2, 30, 12):
        path.write_bytes(content[:length])
        with pytest.raises(HarnessError, match=r"root: is damaged: .*; get or make it anew"):
            read(path)


@every_compression
def test_every_flipped_bit_is_noticed(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    """But for those of what does not count, as the date in the header of gzip: there the root is whole."""
    content = compress(TAR)
    path = tmp_path / "root"
    chance = random.Random(2)
    places = [
        *range(8, 40),
        *(chance.randrange(len(content)) for _ in range(20)),
        *range(len(content) - 8, len(content)),
    ]
    for place in places:
        wrong = bytearray(content)
        wrong[place] ^= 1 << chance.randrange(8)
        path.write_bytes(wrong)
        try:
            assert is_whole(path), place
        except HarnessError as error:
            assert "\n" not in str(error)


@every_compression
def test_rubbish_behind_the_end_is_noticed(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "root"
    path.write_bytes(compress(TAR) + b"rubbish")
    with pytest.raises(HarnessError, match="root: is damaged: "):
        read(path)


@every_compression
def test_what_is_within_is_looked_at(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "root"
    for content, complaint in (
        (b"hello", "holds no tar file; ROOTFS is a directory or a tar file"),
        (b"", "is empty; ROOTFS is"),
        (b"070701" + bytes(1000), "holds a cpio archive, no tar file: unpack it"),
        (gzip.compress(TAR), "holds something compressed twice, no tar file: unpack it once"),
    ):
        path.write_bytes(compress(content))
        with pytest.raises(HarnessError, match=complaint):
            read(path)


def unpacked_of(path: Path) -> tuple[Unpacked, ExitStack]:
    """The bytes of a compressed file."""
    stack = ExitStack()
    content = open_bytes(path, stack)
    assert isinstance(content, Unpacked)
    return content, stack


@every_compression
def test_only_what_is_asked_for_is_unpacked(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "root"
    path.write_bytes(compress(bytes(64 * MEBIBYTE)))
    content, stack = unpacked_of(path)
    with stack:
        assert content.read(10, 10) == bytes(10) and content.size <= 2 * CHUNK
        assert content.reaches(5 * MEBIBYTE) and content.size <= 7 * MEBIBYTE
        assert not content.reaches(64 * MEBIBYTE + 1) and content.size == 64 * MEBIBYTE
        assert content.read(64 * MEBIBYTE - 1, 10) == b"\0" and content.read(1 << 40, 10) == b""


def test_what_no_machine_has_room_for_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The headers alone say that it is too large: of the last file, nothing is there."""
    monkeypatch.setattr(memory, "LARGEST_MEMORY", 40 * MEBIBYTE)
    path = tmp_path / "root"
    first = member(b"first", bytes(20 * MEBIBYTE))
    path.write_bytes(gzip.compress(first + header(b"second", size=20 * MEBIBYTE)))
    with pytest.raises(HarnessError, match=r"needs more than .* MiB of memory, and no machine can have more than"):
        read(path)
    path.write_bytes(gzip.compress(first + member(b"first", bytes(20 * MEBIBYTE)) + END))
    assert len(read(path)[0]) == 2


def test_what_unpacks_to_more_than_any_machine_has_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LARGEST_UNPACKED", 32 * MEBIBYTE)
    path = tmp_path / "root"
    path.write_bytes(gzip.compress(member(b"f", b"x") + END) + gzip.compress(bytes(64 * MEBIBYTE), 1))
    with pytest.raises(HarnessError, match="root: unpacks to more than 32 MiB: take something out of it"):
        read(path)
