"""Mutated tar files: each is read or refused in one line, and what is read holds to the rules of the boot archive.

The seed of what fails is printed; PITHOS_SEED repeats from there.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harness.archive import boot_archive
from harness.errors import HarnessError
from harness.images.stream import zstd_library
from tests.harness.tars import (
    BLOCK,
    END,
    GNU,
    binary,
    extended,
    header,
    libarchive_value,
    member,
    octal,
    old_sparse,
    padded,
    record,
    sealed,
    sparse_by_records,
)
from tests.harness.unpacked import files_of

ROUNDS = 500
LONG_ROUNDS = 30_000
FIELDS = ((0, 100), (100, 8), (108, 8), (116, 8), (124, 12), (136, 12), (148, 8), (156, 1), (157, 100), (257, 8))
LATE_FIELDS = ((329, 8), (337, 8), (345, 155), (386, 96), (482, 1), (483, 12), (500, 12))
TYPES = b"01234567LKxgXSDVMANZ\0"
PATHS = (b"a", b"a/b", b"a/b/c", b"l", b"l/f", b"up/f", b"root/etc/f", b"loop/f", b"..", b"../../f", b".", b"/", b"")
ODD_PATHS = (b"n" * 255, b"n" * 256, b"/".join([b"p" * 250] * 16), b"a//./b/", b"\xff\xfe", b"\n\x1b[31m", b"a\0b")
TARGETS = (b"/", b"..", b"../../..", b"a", b"a/b", b"l", b"loop", b"up", b"/images", b"t" * 4095, b"t" * 4096, b"")
NUMBERS = (b"0", b"-1", b"1", b"511", b"512", b"513", b"99999999999999999999", b"1.5", b"-0.000000001", b"nan", b"inf")
ODD_NUMBERS = (b"", b" ", b"0x10", b"1_0", b"18446744073709551616", b"4294967295", b"-9223372036854775809", b"1e9")
KEYS = (
    *(b"path", b"linkpath", b"size", b"uid", b"gid", b"mtime", b"atime", b"comment", b"hdrcharset", b"odd"),
    *(b"GNU.sparse.major", b"GNU.sparse.minor", b"GNU.sparse.size", b"GNU.sparse.realsize", b"GNU.sparse.map"),
    *(b"GNU.sparse.offset", b"GNU.sparse.numbytes", b"GNU.sparse.name", b"SCHILY.xattr.security.capability"),
    *(b"SCHILY.xattr.user.a", b"LIBARCHIVE.xattr.user.b", b"RHT.security.selinux", b"SCHILY.acl.access"),
)
MAPS = (b"0,1,5,2", b"0,1,1", b"-1,1", b"0,9,0,9")
VALUES = (*PATHS, *ODD_PATHS, *NUMBERS, *ODD_NUMBERS, *MAPS, libarchive_value(b"v"), bytes(20), b"x" * 70_000)
Members = list[bytes]


def sample() -> Members:
    """The members of a tar file that has a little of everything."""
    return [
        header(b"./", b"5", mode=octal(0o755, 8)),
        header(b"a", b"5"),
        member(b"a/f", b"contents" * 100),
        header(b"a/g", b"1", target=b"a/f"),
        header(b"l", b"2", target=b"a"),
        header(b"up", b"2", target=b"../../.."),
        header(b"root", b"2", target=b"/"),
        header(b"loop", b"2", target=b"loop"),
        member(b"l/through", b"link"),
        extended([(b"path", b"long/" * 60 + b"f"), (b"mtime", b"-1.5"), (b"SCHILY.xattr.user.a", b"v")]),
        member(b"short", b"long"),
        member(b"././@LongLink", b"gnu/" * 60 + b"f\0", b"L", magic=GNU),
        member(b"short", b"gnu", magic=GNU, user=binary(1 << 40, 8)),
        header(b"dev", b"3", major=octal(1, 8), minor=octal(3, 8)),
        header(b"fifo", b"6"),
        sparse_by_records(
            (b"GNU.sparse.size", b"9000"),
            (b"GNU.sparse.map", b"0,3,8000,3"),
            (b"GNU.sparse.name", b"s"),
            contents=b"abcdef",
        ),
        old_sparse(9000, ((0, 3), (10, 0), (20, 0), (30, 0), (8000, 3)), b"abcdef"),
        sparse_by_records(
            *((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"9000")),
            contents=padded(b"2\n0\n3\n8000\n3\n") + b"abcdef",
        ),
        header(b"first", b"1", target=b"later"),
        extended([(b"uid", b"5")], b"g"),
        header(b"later", b"1", target=b"end"),
        member(b"end", b"end"),
    ]


def any_path(chance: random.Random) -> bytes:
    """A path as there are many, or an odd one."""
    return chance.choice(PATHS if chance.random() < 0.7 else ODD_PATHS)


def any_number(chance: random.Random, length: int) -> bytes:
    """A number for a field of a header."""
    value = chance.choice((0, 1, 7, 511, 512, 513, 0o7777, 1 << 20, 1 << 31, 1 << 32, 1 << 33, -1, -(1 << 40)))
    if chance.random() < 0.3:
        return binary(value * chance.choice((1, 1 << 10)), length)
    return chance.choice(
        (octal(abs(value), length)[-length:], b" " * length, bytes(length), b"9" * length, b"-1", b"\x81")
    )


def any_member(chance: random.Random) -> bytes:
    """A member that is made by the rules, whatever it says."""
    kind = chance.choice(TYPES).to_bytes(1, "little")
    if kind in b"xgX" and chance.random() < 0.9:
        pairs = [(chance.choice(KEYS), chance.choice(VALUES)) for _ in range(chance.randint(1, 4))]
        return extended(pairs, kind)
    contents = b"c" * chance.choice((0, 1, 511, 512, 513, 5000)) if chance.random() < 0.5 else b""
    return member(any_path(chance)[:100], contents, kind, target=chance.choice(TARGETS)[:100])


def change_field(chance: random.Random, block: bytes) -> bytes:
    """Another value in one field of a header; the checksum is right, as a rule."""
    place, length = chance.choice(FIELDS + LATE_FIELDS)
    wrong = bytearray(block)
    if length in (8, 12):
        value = any_number(chance, length)
    elif length == 1:
        value = chance.choice(TYPES).to_bytes(1, "little")
    else:
        value = chance.choice((any_path(chance), chance.choice(TARGETS), chance.randbytes(length)))[:length]
    wrong[place : place + length] = value[:length].ljust(length, b"\0")
    return sealed(bytes(wrong)) if chance.random() < 0.9 else bytes(wrong)


def change_member(chance: random.Random, one: bytes) -> bytes:
    """Another header, other contents, or a record in them."""
    block, rest = one[:BLOCK], one[BLOCK:]
    if len(block) < BLOCK or chance.random() < 0.6 or not rest:
        return change_field(chance, block.ljust(BLOCK, b"\0")) + rest
    if chance.random() < 0.5:
        pair = record(chance.choice(KEYS), chance.choice(VALUES))
        return header(b"x", b"x", size=len(pair)) + padded(pair) + one
    wrong = bytearray(rest)
    wrong[chance.randrange(len(wrong))] = chance.randrange(256)
    return block + bytes(wrong)


def change_order(chance: random.Random, members: Members) -> Members:
    """Members twice, elsewhere, gone, or new ones."""
    place, other = chance.randrange(len(members)), chance.randrange(len(members))
    match chance.randrange(4):
        case 0:
            return [*members[:place], members[other], *members[place:]]
        case 1:
            return members[:place] + members[place + 1 :] or members
        case 2:
            return [*members[:place], any_member(chance), *members[place:]]
        case _:
            return [*members[:place], END, *members[place:]]


def change_bytes(chance: random.Random, content: bytes) -> bytes:
    """Damage that knows nothing of what it damages."""
    wrong = bytearray(content)
    place = chance.randrange(max(len(wrong), 1))
    match chance.randrange(5):
        case 0:
            wrong[place : place + 1] = bytes([wrong[place] ^ 1 << chance.randrange(8)])
        case 1:
            del wrong[place:]
        case 2:
            wrong[place : place + 64] = chance.randbytes(64)
        case 3:
            wrong[place:place] = chance.randbytes(chance.choice((1, 64, BLOCK)))
        case _:
            del wrong[place : place + chance.choice((1, 64, BLOCK))]
    return bytes(wrong)


COMPRESSIONS: Sequence[Callable[[bytes], bytes]] = (
    lambda content: gzip.compress(content, 1),
    bz2.compress,
    lambda content: lzma.compress(content, preset=0),
    zstd_library().compress,
)


def mutated(chance: random.Random) -> bytes:
    """A tar file that may be damaged, odd, or both; one of five is compressed, and perhaps damaged then."""
    members = sample()
    for _ in range(chance.randint(1, 5)):
        if chance.random() < 0.4:
            members = change_order(chance, members)
        else:
            place = chance.randrange(len(members))
            members[place] = change_member(chance, members[place])
    content = b"".join(members) + chance.choice((END, END, END, bytes(BLOCK), b"", bytes(BLOCK * 20)))
    if chance.random() < 0.3:
        content = change_bytes(chance, content)
    if chance.random() < 0.2:
        content = chance.choice(COMPRESSIONS)(content)
        if chance.random() < 0.5:
            content = change_bytes(chance, content)
    return content


def try_to_read(path: Path) -> bool:
    """Read what may be damaged; whether it was taken. Any exception but HarnessError is a fault."""
    said: list[str] = []
    try:
        archive = boot_archive(b"agent", {"root": path, "other": path.parent / "other"}, said.append)
    except HarnessError as error:
        said.append(str(error))
        return False
    finally:
        for line in said:
            assert "\n" not in line and "\x1b" not in line and line.startswith(str(path)) and len(line) < 1000, line
    files = files_of(archive)
    assert sorted(name for name in files if name.count(b"/") == 1) == [b"/agent", b"/images"]
    assert [name for name in files if name.startswith(b"/images/other")] == [b"/images/other", b"/images/other/f"]
    assert files[b"/images/other/f"].contents == b"other"
    return True


def check_mutated(folder: Path, rounds: int) -> None:
    """Read mutated tar files; the seed of what fails is printed."""
    seed = int(os.environ.get("PITHOS_SEED", random.randrange(1 << 32)))
    (folder / "other").mkdir()
    (folder / "other" / "f").write_bytes(b"other")
    path = folder / "root"
    taken = 0
    for number in range(rounds):
        path.write_bytes(mutated(random.Random(seed + number)))
        try:
            taken += try_to_read(path)
        except BaseException:
            print(f"PITHOS_SEED={seed + number}")
            raise
    print(f"{taken} of {rounds} were taken")


def test_the_sample_is_taken(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "f").write_bytes(b"other")
    (tmp_path / "root").write_bytes(b"".join(sample()) + END)
    assert try_to_read(tmp_path / "root")


def test_mutated_tar_files(tmp_path: Path) -> None:
    check_mutated(tmp_path, ROUNDS)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_mutated_tar_files(tmp_path: Path) -> None:
    check_mutated(tmp_path, LONG_ROUNDS)
