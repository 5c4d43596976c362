"""Relocations: the addresses that an object leaves to the linker to fill in (AMD64 ABI, table 4.9)."""

from __future__ import annotations

import struct

from codegen.objects import LinkError, ObjectFile, Section

R_64, R_PC32, R_PLT32, R_32, R_32S, R_PC64 = 1, 2, 4, 10, 11, 24


def relocate(
    content: bytearray,
    start: int,
    offset: int,
    section: Section,
    values: list[int],
    entry: ObjectFile,
) -> None:
    """Apply the relocations of one input section, at `offset` of `content` and at address `start`."""
    for at, kind, symbol, addend in section.each_relocation():
        value = values[symbol] + addend
        if kind == R_64:
            struct.pack_into("<Q", content, offset + at, value & 0xFFFFFFFFFFFFFFFF)
            continue
        if kind in (R_PC32, R_PLT32):
            value -= start + at
            fits = -(1 << 31) <= value < 1 << 31
        elif kind == R_32S:
            value = (value + (1 << 63)) % (1 << 64) - (1 << 63)
            fits = -(1 << 31) <= value < 1 << 31
        elif kind == R_32:
            fits = 0 <= value < 1 << 32
        elif kind == R_PC64:
            struct.pack_into("<q", content, offset + at, value - (start + at))
            continue
        else:
            raise LinkError(f"{entry.name}: relocation type {kind} against {entry.symbols[symbol].name!r}")
        if not fits:
            name, address = entry.symbols[symbol].name, values[symbol]
            raise LinkError(f"{entry.name}: {name!r} at {address:#x} is out of reach")
        struct.pack_into("<I", content, offset + at, value & 0xFFFFFFFF)
