"""ChaCha20 as RFC 8439 writes it down: what the stub is compared with."""

from __future__ import annotations

import struct
from collections.abc import Sequence

MASK = 0xFFFF_FFFF
QUARTERS = (
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
)
"""The columns, then the diagonals (section 2.3)."""


def quarter_round(state: list[int], a: int, b: int, c: int, d: int) -> None:
    """Section 2.1."""
    for total, added, turned, count in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[total] = state[total] + state[added] & MASK
        mixed = state[turned] ^ state[total]
        state[turned] = (mixed << count | mixed >> 32 - count) & MASK


def block_of(start: Sequence[int]) -> bytes:
    """The block for a state of 16 words."""
    state = list(start)
    for _ in range(10):
        for places in QUARTERS:
            quarter_round(state, *places)
    return struct.pack("<16I", *(one + other & MASK for one, other in zip(state, start, strict=True)))
