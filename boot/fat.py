"""A FAT32 volume with one file, as firmware wants its system partition (UEFI Specification 2.10, section 13.3).

    sector 0      boot sector, which says where everything is; a copy is in sector 6
    sector 1      how much is free; a copy is in sector 7
    sector 32     two tables, in which each cluster names the next one of its file
    then          clusters: the directories, and the file, in one piece

Source: Microsoft Extensible Firmware Initiative FAT32 File System Specification, version 1.03.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from boot.errors import DiskError

SECTOR = 512
RESERVED_SECTORS = 32
TABLES = 2
LEAST_CLUSTERS = 65525
"""With fewer a volume counts as FAT16, whatever it says (page 14)."""
SLACK = 256
"""Clusters more than the least: some drivers miscount by a few (page 14)."""
LARGE = 256 << 20
"""From this size on clusters are of a page."""
FILE_MAX = (1 << 32) - 1

FIRST_CLUSTER = 2
END_OF_FILE = 0x0FFFFFFF
MEDIA = 0xF8
DIRECTORY, VOLUME, PLAIN = 0x10, 0x08, 0x20
FIRST_DAY = (1 << 5) | 1
"""1 January 1980: the same contents make the same volume."""
LABEL = b"PITHOS     "
VOLUME_NUMBER = 0x50495448


@dataclass(frozen=True)
class Volume:
    """Where things are in a volume whose one file has `size` bytes and this path, of upper-case names."""

    path: tuple[str, ...]
    size: int
    cluster_sectors: int
    clusters: int
    table_sectors: int

    @property
    def sectors(self) -> int:
        """The size of the volume."""
        return RESERVED_SECTORS + TABLES * self.table_sectors + self.clusters * self.cluster_sectors

    @property
    def file_cluster(self) -> int:
        """The first cluster of the file: the root and the directories of the path come before it."""
        return FIRST_CLUSTER + len(self.path)

    @property
    def file_sector(self) -> int:
        """The sector at which the file begins."""
        return self._sector_of(self.file_cluster)

    def _sector_of(self, cluster: int) -> int:
        return RESERVED_SECTORS + TABLES * self.table_sectors + (cluster - FIRST_CLUSTER) * self.cluster_sectors

    def pieces(self, hidden: int) -> Iterator[tuple[int, bytes]]:
        """(sector, bytes) of all but the file and zeros; `hidden` sectors of the disk come before the volume."""
        for copy in (0, 6):
            yield copy, self._boot_sector(hidden)
            yield copy + 1, self._free_sector()
        for copy in range(TABLES):
            yield RESERVED_SECTORS + copy * self.table_sectors, self._table()
        for depth in range(len(self.path)):
            yield self._sector_of(FIRST_CLUSTER + depth), self._directory(depth)

    def _file_clusters(self) -> int:
        return -(-self.size // (self.cluster_sectors * SECTOR))

    def _boot_sector(self, hidden: int) -> bytes:
        parameters = struct.pack(
            "<3s8sHBHBHHBHHHIIIHHIHH12xBBBI11s8s",
            b"\xeb\x58\x90",
            b"PITHOS  ",
            SECTOR,
            self.cluster_sectors,
            RESERVED_SECTORS,
            TABLES,
            0,
            0,
            MEDIA,
            0,
            63,
            255,
            hidden,
            self.sectors,
            self.table_sectors,
            0,
            0,
            FIRST_CLUSTER,
            1,
            6,
            0x80,
            0,
            0x29,
            VOLUME_NUMBER,
            LABEL,
            b"FAT32   ",
        )
        halt = b"\xf4\xeb\xfd"
        return (parameters + halt).ljust(SECTOR - 2, b"\0") + b"\x55\xaa"

    def _free_sector(self) -> bytes:
        used = len(self.path) + self._file_clusters()
        free = struct.pack("<4sIII", b"rrAa", self.clusters - used, FIRST_CLUSTER + used, 0)
        return b"RRaA".ljust(480 + 4, b"\0") + free.ljust(24, b"\0") + struct.pack("<I", 0xAA550000)

    def _table(self) -> bytes:
        first, count = self.file_cluster, self._file_clusters()
        chain = [0x0FFFFF00 | MEDIA, END_OF_FILE, *[END_OF_FILE] * len(self.path)]
        chain += range(first + 1, first + count)
        chain += [END_OF_FILE] if count else []
        return struct.pack(f"<{len(chain)}I", *chain)

    def _directory(self, depth: int) -> bytes:
        """The one at this depth of the path. The root has the volume's label, others themselves and their parent."""
        here = FIRST_CLUSTER + depth
        if depth == 0:
            entries = [_entry(LABEL, VOLUME, 0, 0)]
        else:
            parent = 0 if depth == 1 else here - 1
            entries = [_entry(b".".ljust(11), DIRECTORY, here, 0), _entry(b"..".ljust(11), DIRECTORY, parent, 0)]
        is_last = depth == len(self.path) - 1
        name = _short_name(self.path[depth])
        if is_last:
            entries.append(_entry(name, PLAIN, self.file_cluster if self.size else 0, self.size))
        else:
            entries.append(_entry(name, DIRECTORY, here + 1, 0))
        return b"".join(entries)


def volume_for(path: Sequence[str], size: int) -> Volume:
    """The smallest volume for a file of `size` bytes with this path. Raises DiskError."""
    if size > FILE_MAX:
        raise DiskError(f"kernel and boot archive have {size} bytes, and a file of FAT32 less than 4 GiB")
    cluster_sectors = 1 if size < LARGE else 8
    wanted = len(path) + -(-size // (cluster_sectors * SECTOR))
    clusters = max(wanted, LEAST_CLUSTERS) + SLACK
    table_sectors = -(-(clusters + FIRST_CLUSTER) * 4 // SECTOR)
    return Volume(tuple(path), size, cluster_sectors, clusters, table_sectors)


def _short_name(name: str) -> bytes:
    stem, _, extension = name.partition(".")
    assert len(stem) <= 8 and len(extension) <= 3 and name == name.upper(), "a short name of FAT"
    return stem.encode().ljust(8) + extension.encode().ljust(3)


def _entry(name: bytes, attributes: int, cluster: int, size: int) -> bytes:
    """A directory entry (page 23)."""
    return struct.pack(
        "<11sBBBHHHHHHHI",
        name,
        attributes,
        0,
        0,
        0,
        FIRST_DAY,
        FIRST_DAY,
        cluster >> 16,
        0,
        FIRST_DAY,
        cluster & 0xFFFF,
        size,
    )
