"""What tells the interests of an epoll apart: the descriptor, and the open file that it refers to (epoll.py)."""

from __future__ import annotations

from codegen.lang import address_of, bits, i32, to_raw, u64
from kernel.files.file import OpenFile

PLACES: u64 = 1 << 44
"""Beyond all physical memory: by so much of its address an object is known."""


@bits
class InterestKey:
    """Where an interest is in the tree of its epoll: by descriptor, and by the place of the open file in memory."""

    place: u64 = bits(0, 40)
    fd: u64 = bits(40, 64)


def key_of(file: OpenFile, fd: i32) -> u64:
    """The key of the interest in `fd` when it refers to `file`. Objects of the heap are 16 bytes apart at least."""
    return to_raw(InterestKey(place=address_of(file) % PLACES // 16, fd=u64(fd)))
