"""Sparse files in tar files: which bytes of a file the archive has (GNU tar's manual, "Storing Sparse Files").

The old format has a map in the header and in blocks behind it, the formats 0.0 and 0.1 of pax in records, 1.0 in front
of the contents. A map is pairs: where a piece begins in the file, and how long it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from harness.images.contents import Piece
from harness.images.stream import Bytes, Damage
from harness.images.tar_header import BLOCK, Header, number, text
from harness.images.tar_pax import DECIMAL, LARGEST, Records

PAIR = 24
IN_HEADER, IN_BLOCK = slice(386, 482), slice(0, 504)
CONTINUES_IN_HEADER, CONTINUES_IN_BLOCK = 482, 504
REAL_SIZE = (483, 12)

Pairs = list[tuple[int, int]]


def old_map(content: Bytes, header: Header) -> tuple[Pairs, int, int]:
    """The map of GNU's old format, how large the file is, and where its contents begin."""
    pairs = pairs_in(header.block[IN_HEADER], header.place)
    place = header.place + BLOCK
    continues = header.block[CONTINUES_IN_HEADER] != 0
    while continues:
        block = content.read(place, BLOCK)
        if len(block) < BLOCK or len(pairs) * PAIR > LARGEST:
            raise Damage(f"the map of the sparse file at byte {header.place} does not end")
        pairs += pairs_in(block[IN_BLOCK], place)
        continues = block[CONTINUES_IN_BLOCK] != 0
        place += BLOCK
    return pairs, header.natural(*REAL_SIZE, "size"), place


def pairs_in(fields: bytes, place: int) -> Pairs:
    """The pairs in a part of a block; those that are not used are empty."""
    found = []
    for start in range(0, len(fields), PAIR):
        pair = fields[start : start + PAIR]
        if not text(pair[:12]) and pair[0] < 0x80:
            break
        found.append((number(pair[:12], place, "map"), number(pair[12:], place, "map")))
    return found


def is_sparse(records: Records) -> bool:
    """Whether the records say that a member is a sparse file."""
    return any(key.startswith(b"GNU.sparse.") for key in records.values)


def pax_map(content: Bytes, records: Records, place: int, size: int) -> tuple[Pairs, int, int]:
    """The map of a member whose contents are at `place`, how large the file is, and where the contents begin then."""
    version = (records.natural(b"GNU.sparse.major") or 0, records.natural(b"GNU.sparse.minor") or 0)
    real_size = records.natural(b"GNU.sparse.realsize") or records.natural(b"GNU.sparse.size") or 0
    if version == (1, 0):
        pairs, start = map_before_contents(content, place, place + size)
        return pairs, real_size, start
    if version != (0, 0) and version != (0, 1):
        raise Damage(f"a sparse file is of the unknown format {version[0]}.{version[1]}")
    listed = records.text(b"GNU.sparse.map")
    numbers = records.sparse if listed is None else listed.split(b",")
    return paired([decimal(one) for one in numbers]), real_size, place


def map_before_contents(content: Bytes, place: int, end: int) -> tuple[Pairs, int]:
    """The map of format 1.0: decimal numbers in lines, first how many pairs there are, filled up to a whole block."""
    lines = lines_of(content, place, end)
    count, place = next(lines)
    numbers = []
    for _ in range(2 * decimal(count)):
        line, place = next(lines)
        numbers.append(decimal(line))
    return paired(numbers), place


def lines_of(content: Bytes, place: int, end: int) -> Iterator[tuple[bytes, int]]:
    """The lines of a map, and where the block ends that each is in. Raises Damage when there are no more."""
    start = place
    rest = b""
    while place + BLOCK <= end and place - start < LARGEST and len(rest) < BLOCK:
        *lines, rest = (rest + content.read(place, BLOCK)).split(b"\n")
        place += BLOCK
        for line in lines:
            yield line, place
    raise Damage("the map of a sparse file does not end")


def decimal(word: bytes) -> int:
    """A number of a map."""
    if DECIMAL.fullmatch(word) is None:
        raise Damage("the map of a sparse file has something else than numbers in it")
    return int(word)


def paired(numbers: list[int]) -> Pairs:
    """Numbers two by two."""
    if len(numbers) % 2:
        raise Damage("the map of a sparse file has an odd number of numbers")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def pieces_of(pairs: Pairs, real_size: int, start: int, end: int) -> tuple[Piece, ...]:
    """The pieces of a file of `real_size` bytes whose contents lie from `start` to `end`. Raises Damage."""
    if any(offset < 0 or length < 0 for offset, length in pairs):
        raise Damage("the map of a sparse file has negative numbers")
    ends_in_order = all(first[0] + first[1] <= second[0] for first, second in pairwise(pairs))
    if not ends_in_order or (pairs and sum(pairs[-1]) > real_size):
        raise Damage("the pieces of a sparse file overlap, or go beyond its end")
    if sum(length for _, length in pairs) != end - start:
        raise Damage("the map of a sparse file does not fit its contents")
    pieces = []
    for offset, length in pairs:
        if length:
            pieces.append(Piece(offset, length, start))
            start += length
    return tuple(pieces)
