"""Object files as the linker sees them: sections, symbols, relocations (System V ABI, chapter 4).

LLVM's ELF is read once, when a module is compiled; what is cached and linked later is the `ObjectFile` made
from it, which holds nothing but plain data.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from elftools.elf.elffile import ELFFile

SHT_NOBITS = "SHT_NOBITS"
SHN_UNDEF, SHN_ABS = 0, 0xFFF1
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
STB_LOCAL = 0
STT_SECTION = 3
GRP_COMDAT = 1

_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QIIq")


class LinkError(Exception):
    """The parts do not fit together: a symbol is missing or defined twice, or an address is out of reach."""


@dataclass(frozen=True)
class Symbol:
    """A name for a place in a section; `section` is None where another object has to define it."""

    name: str
    section: int | None
    value: int
    size: int
    binding: int
    kind: int


@dataclass(frozen=True)
class Section:
    """One input section; `data` is empty for zero-filled ones (`size` counts)."""

    name: str
    flags: int
    alignment: int
    size: int
    data: bytes
    relocations: bytes = b""
    group: str = ""
    """The signature of the COMDAT group that it belongs to: the first object to bring one wins."""

    @property
    def output(self) -> str:
        """The output section that this one becomes a part of; empty for one that is dropped."""
        if self.name.startswith(".debug_"):
            return self.name
        if not self.flags & SHF_ALLOC or self.name == ".eh_frame":
            return ""
        if self.flags & SHF_EXECINSTR:
            return ".text"
        if not self.flags & SHF_WRITE:
            return ".rodata"
        return ".data" if self.data else ".bss"

    def each_relocation(self) -> Iterator[tuple[int, int, int, int]]:
        """(offset, kind, symbol index, addend) of each relocation, as plain numbers."""
        return _RELOCATION.iter_unpack(self.relocations)


@dataclass(frozen=True)
class ObjectFile:
    """One module's code and data."""

    name: str
    sections: dict[int, Section]
    symbols: tuple[Symbol, ...]
    lines: object = field(default=None, compare=False)
    """The module's `lines.ModuleLines`, addresses counted from the start of its sections."""

    def undefined(self) -> set[str]:
        """The symbols that another object or a stub has to define."""
        return {symbol.name for symbol in self.symbols if symbol.section is None and symbol.name}


def read_object(name: str, content: bytes) -> ObjectFile:
    """Take apart a relocatable ELF file."""
    elf = ELFFile(io.BytesIO(content))
    headers: list[Any] = [elf.get_section(index) for index in range(elf.num_sections())]
    table: Any = elf.get_section_by_name(".symtab")
    names = headers[table["sh_link"]]
    symbols = tuple(_read_symbol(entry, names) for entry in _SYMBOL.iter_unpack(table.data()))
    groups = _comdat_groups(headers, symbols)
    relocations = {part["sh_info"]: part.data() for part in headers if part["sh_type"] == "SHT_RELA"}
    sections = {}
    for index, header in enumerate(headers):
        if header["sh_type"] not in ("SHT_PROGBITS", SHT_NOBITS, "SHT_INIT_ARRAY"):
            continue
        sections[index] = Section(
            name=header.name,
            flags=header["sh_flags"],
            alignment=max(1, header["sh_addralign"]),
            size=header["sh_size"],
            data=b"" if header["sh_type"] == SHT_NOBITS else header.data(),
            relocations=relocations.get(index, b""),
            group=groups.get(index, ""),
        )
    return ObjectFile(name, sections, symbols)


def _read_symbol(entry: tuple[int, int, int, int, int, int], names: Any) -> Symbol:
    name, info, _other, section, value, size = entry
    text = names.get_string(name)
    return Symbol(text, None if section == SHN_UNDEF else section, value, size, info >> 4, info & 15)


def _comdat_groups(headers: list[Any], symbols: tuple[Symbol, ...]) -> dict[int, str]:
    """Section index to group signature, for sections in COMDAT groups (ABI, "Section Groups")."""
    groups: dict[int, str] = {}
    for header in headers:
        if header["sh_type"] == "SHT_GROUP":
            words = [word for (word,) in struct.iter_unpack("<I", header.data())]
            if words[0] & GRP_COMDAT:
                signature = symbols[header["sh_info"]].name
                groups.update((member, signature) for member in words[1:])
    return groups


@dataclass(frozen=True)
class Program:
    """What `compile_program` returns: everything but the stubs, ready to be linked."""

    objects: tuple[ObjectFile, ...]
    externals: frozenset[str]
    """Symbols that stubs (or the linker) have to define."""

    attachments: dict[str, bytes] = field(default_factory=dict)
    """Sections of the file that are not loaded, by name: what tools want to know of the source."""
