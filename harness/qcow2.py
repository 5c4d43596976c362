"""An empty disk image in the qcow2 form (QEMU, docs/interop/qcow2.txt), in which QEMU keeps snapshots."""

from __future__ import annotations

import struct

MAGIC = b"QFI\xfb"
VERSION = 2
CLUSTER_BITS = 16
CLUSTER = 1 << CLUSTER_BITS
REFERENCE_TABLE, REFERENCE_BLOCK, FIRST_TABLE = CLUSTER, 2 * CLUSTER, 3 * CLUSTER
CLUSTERS_USED = 4
SIZE = 64 << 20
"""Of the disk that nobody writes to. Snapshots of the machine may be larger."""


def empty_image() -> bytes:
    """Header, reference counts of the four clusters in use, and a table that maps nothing."""
    header = struct.pack(
        ">4sIQIIQIIQQIIQ",
        *(MAGIC, VERSION, 0, 0, CLUSTER_BITS, SIZE, 0, 1),
        *(FIRST_TABLE, REFERENCE_TABLE, 1, 0, 0),
    )
    image = bytearray(CLUSTERS_USED * CLUSTER)
    image[: len(header)] = header
    struct.pack_into(">Q", image, REFERENCE_TABLE, REFERENCE_BLOCK)
    struct.pack_into(f">{CLUSTERS_USED}H", image, REFERENCE_BLOCK, *[1] * CLUSTERS_USED)
    return bytes(image)
