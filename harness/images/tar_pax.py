"""Extended headers of tar files: the records of pax(1), for longer names, larger numbers and attributes."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from harness.images.stream import Damage

LARGEST = 4 << 20
"""No header is larger: the extended attributes of a file have 128 KiB at most, and all else is names and numbers."""
RECORD = re.compile(rb"([1-9][0-9]{0,8}) ")
DECIMAL = re.compile(rb"[0-9]{1,30}")
MOMENT = re.compile(rb"(-?)([0-9]{1,30})(?:\.([0-9]{0,60}))?")
SCHILY, LIBARCHIVE, SELINUX = b"SCHILY.xattr.", b"LIBARCHIVE.xattr.", b"RHT.security.selinux"
ACCESS_LISTS = b"SCHILY.acl."
SPARSE_PAIRS = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")


@dataclass
class Records:
    """The records of one header, or of several: the later ones count."""

    values: dict[bytes, bytes] = field(default_factory=dict)
    sparse: list[bytes] = field(default_factory=list)
    """The values of the only records that are repeated: where the pieces of a sparse file are (GNU's format 0.0)."""

    def updated(self, other: Records) -> Records:
        """These, and then others."""
        return Records({**self.values, **other.values}, other.sparse)

    def text(self, key: bytes) -> bytes | None:
        """The value of a record; None if there is none, or an empty one, which says that the header counts (pax(1))."""
        value = self.values.get(key)
        if not value:
            return None
        if b"\0" in value:
            raise Damage(f"the record {key.decode()} has a zero byte in it")
        return value

    def natural(self, key: bytes) -> int | None:
        """The value as a number that is not negative."""
        value = self.text(key)
        if value is None:
            return None
        if DECIMAL.fullmatch(value) is None:
            raise Damage(f"the record {key.decode()} is no number")
        return int(value)

    def moment(self, key: bytes) -> tuple[int, int] | None:
        """The value as seconds and nanoseconds; what is finer is cut off."""
        value = self.text(key)
        if value is None:
            return None
        found = MOMENT.fullmatch(value)
        if found is None:
            raise Damage(f"the record {key.decode()} is no time")
        sign, whole, part = found.groups()
        total = int(whole) * 10**9 + int((part or b"")[:9].ljust(9, b"0"))
        return divmod(-total if sign else total, 10**9)

    def attributes(self) -> dict[bytes, bytes]:
        """The extended attributes, in the spellings of star, of libarchive, and of what knows SELinux alone."""
        found = {}
        for key, value in self.values.items():
            if key.startswith(LIBARCHIVE):
                try:
                    found[unquote_to_bytes(key[len(LIBARCHIVE) :])] = base64.b64decode(value + b"=" * (-len(value) % 4))
                except binascii.Error:
                    raise Damage("an extended attribute is not in base64") from None
            elif key == SELINUX:
                found.setdefault(b"security.selinux", value)
        for key, value in self.values.items():
            if key.startswith(SCHILY):
                found[key[len(SCHILY) :]] = value
        return found

    @property
    def has_access_list(self) -> bool:
        return any(key.startswith(ACCESS_LISTS) for key in self.values)


def parse_records(content: bytes) -> Records:
    """The records in the contents of an extended header. Raises Damage."""
    records = Records()
    start = 0
    while start < len(content):
        found = RECORD.match(content, start)
        end = start + int(found[1]) if found else 0
        if found is None or not found.end() < end <= len(content) or content[end - 1] != 0x0A:
            raise Damage("a record of an extended header has a wrong length")
        key, equals, value = content[found.end() : end - 1].partition(b"=")
        if not key or not equals:
            raise Damage("a record of an extended header has no name or no value")
        records.values[key] = value
        if key in SPARSE_PAIRS:
            records.sparse.append(value)
        start = end
    return records
