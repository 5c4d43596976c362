"""One header of a tar file, as POSIX' ustar, the older v7 and GNU's own format have it (tar(5), pax(1)).

Strict: a block whose checksum or numbers are wrong is damage, not the end of the archive.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.images.stream import Damage

BLOCK = 512
ZEROS = bytes(BLOCK)
CHECKSUM = slice(148, 156)
MAGIC = slice(257, 263)
USTAR = b"ustar\0"
MODE_MAX = 0o177777
"""Some programs write the kind of the file as well."""
STAR = b"tar\0"
"""At the end of a header of star, which has times behind a shorter prefix."""
OCTAL = frozenset(b"01234567")


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says; its numbers are read when they are wanted, as not every type has all of them."""

    block: bytes
    place: int
    """Where it is in the archive."""
    type: bytes
    name: bytes
    target: bytes

    @property
    def size(self) -> int:
        return self.natural(124, 12, "size")

    @property
    def permissions(self) -> int:
        mode = self.natural(100, 8, "mode")
        if mode > MODE_MAX:
            raise Damage(f"the mode in the header at byte {self.place} is none")
        return mode & 0o7777

    @property
    def user(self) -> int:
        return self.natural(108, 8, "owner")

    @property
    def group(self) -> int:
        return self.natural(116, 8, "group")

    @property
    def seconds(self) -> int:
        return number(self.block[136:148], self.place, "time")

    @property
    def device(self) -> tuple[int, int]:
        """The major and the minor number."""
        return self.natural(329, 8, "device number"), self.natural(337, 8, "device number")

    def natural(self, start: int, length: int, what: str) -> int:
        """A number of a field that cannot be negative."""
        value = number(self.block[start : start + length], self.place, what)
        if value < 0:
            raise Damage(f"the {what} in the header at byte {self.place} is negative")
        return value


def is_header(block: bytes) -> bool:
    """Whether a block has the checksum of a header. Some old programs added up signed bytes."""
    if len(block) < BLOCK or block == ZEROS:
        return False
    field = text(block[CHECKSUM]).strip(b" ")
    if not field or not OCTAL.issuperset(field):
        return False
    rest = block[: CHECKSUM.start] + b" " * 8 + block[CHECKSUM.stop :]
    told, total = int(field, 8), sum(rest)
    return told == total or told == total - 256 * sum(byte > 127 for byte in rest)


def parse(block: bytes, place: int) -> Header:
    """The header that a block at `place` is. Raises Damage."""
    if not is_header(block):
        raise Damage(f"there is no tar header at byte {place}, where one has to be")
    name = text(block[0:100])
    if block[MAGIC] == USTAR and block[345] != 0:
        name = text(block[345 : 476 if block[508:] == STAR else 500]) + b"/" + name
    kind = block[156:157]
    return Header(block, place, b"0" if kind == b"\0" else kind, name, text(block[157:257]))


def text(field: bytes) -> bytes:
    """A text: it ends with a zero byte or the field."""
    return field.partition(b"\0")[0]


def number(field: bytes, place: int, what: str) -> int:
    """A number: octal digits, or with the highest bit set a binary number with sign (GNU's base-256)."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    if field[0] == 0xFF:
        return int.from_bytes(field, "big", signed=True)
    digits = text(field).strip(b" ")
    if not OCTAL.issuperset(digits):
        raise Damage(f"the {what} in the header at byte {place} is no number")
    return int(digits, 8) if digits else 0
