"""Reading ELF files (System V ABI, chapter 4): the headers of sections, and symbols, as plain data.

For 64-bit little-endian files that LLVM or our own linker wrote; pyelftools, which reads all that there is, takes
eight times as long.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

SHT_PROGBITS, SHT_SYMTAB, SHT_RELA, SHT_NOBITS, SHT_INIT_ARRAY, SHT_GROUP = 1, 2, 4, 8, 14, 17
SHN_UNDEF, SHN_ABS = 0, 0xFFF1
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
STB_LOCAL = 0
STT_FUNC, STT_SECTION = 2, 3
GRP_COMDAT = 1

_IDENTITY = b"\x7fELF\x02\x01\x01"
_TABLE = struct.Struct("<40xQ10xHHH")
"""Of the file header: where the section headers begin, the size of one, their number, and which has the names."""
_HEADER = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")


class NotElf(ValueError):
    """The content is not an ELF file of the kind that is read here."""


class ElfSection(NamedTuple):
    """A section with its header."""

    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    data: bytes
    """Empty when the section takes no room in the file (SHT_NOBITS)."""


class ElfSymbol(NamedTuple):
    """An entry of a symbol table."""

    name: str
    section: int
    value: int
    size: int
    binding: int
    kind: int


def read_sections(content: bytes) -> list[ElfSection]:
    """All sections, by index."""
    if not content.startswith(_IDENTITY):
        raise NotElf("not a 64-bit little-endian ELF file")
    start, entry, count, names_index = _TABLE.unpack_from(content)
    headers = [_HEADER.unpack_from(content, start + index * entry) for index in range(count)]
    _, _, _, _, names_at, names_size, _, _, _, _ = headers[names_index]
    names = content[names_at : names_at + names_size]
    return [
        ElfSection(
            text_at(names, name), kind, flags, address, offset, size, link, info, max(1, alignment),
            b"" if kind == SHT_NOBITS else content[offset : offset + size],
        )
        for name, kind, flags, address, offset, size, link, info, alignment, _ in headers
    ]  # fmt: skip


def read_symbols(sections: list[ElfSection]) -> Iterator[ElfSymbol]:
    """The symbol table, by index; empty when there is none."""
    for table in sections:
        if table.kind == SHT_SYMTAB:
            names = sections[table.link].data
            for name, info, _other, section, value, size in _SYMBOL.iter_unpack(table.data):
                yield ElfSymbol(text_at(names, name), section, value, size, info >> 4, info & 15)


def text_at(strings: bytes, offset: int) -> str:
    """A string of a string table."""
    return strings[offset : strings.index(b"\0", offset)].decode()
