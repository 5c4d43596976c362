"""Object files as the linker sees them: sections, symbols, relocations (System V ABI, chapter 4).

LLVM's ELF is read once, when a module is compiled; what is cached and linked later is the `ObjectFile` made
from it, which holds nothing but plain data.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from codegen.elf import (
    GRP_COMDAT,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    SHN_UNDEF,
    SHT_GROUP,
    SHT_INIT_ARRAY,
    SHT_NOBITS,
    SHT_PROGBITS,
    SHT_RELA,
    ElfSection,
    read_sections,
    read_symbols,
)

_RELOCATION = struct.Struct("<QIIq")


class LinkError(Exception):
    """The parts do not fit together: a symbol is missing or defined twice, or an address is out of reach."""


class Symbol(NamedTuple):
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


class StackFrame(NamedTuple):
    """What the machine code of a function says of the stack."""

    size: int
    """Return address, saved registers, and locals."""

    calls: tuple[str, ...]
    """The functions that it calls directly, by symbol."""


@dataclass(frozen=True)
class ObjectFile:
    """One module's code and data."""

    name: str
    sections: dict[int, Section]
    symbols: tuple[Symbol, ...]
    lines: object = field(default=None, compare=False)
    """The module's `lines.ModuleLines`, addresses counted from the start of its sections."""

    frames: dict[str, StackFrame] = field(default_factory=dict, compare=False)
    """Of each function, by symbol."""

    def undefined(self) -> set[str]:
        """The symbols that another object or a stub has to define."""
        return {symbol.name for symbol in self.symbols if symbol.section is None and symbol.name}


def read_object(name: str, content: bytes) -> ObjectFile:
    """Take apart a relocatable ELF file."""
    headers = read_sections(content)
    symbols = tuple(
        Symbol(name, None if section == SHN_UNDEF else section, *rest) for name, section, *rest in read_symbols(headers)
    )
    groups = _comdat_groups(headers, symbols)
    relocations = {part.info: part.data for part in headers if part.kind == SHT_RELA}
    sections = {
        index: Section(
            header.name,
            header.flags,
            header.alignment,
            header.size,
            header.data,
            relocations.get(index, b""),
            groups.get(index, ""),
        )
        for index, header in enumerate(headers)
        if header.kind in (SHT_PROGBITS, SHT_NOBITS, SHT_INIT_ARRAY)
    }
    return ObjectFile(name, sections, symbols)


def _comdat_groups(headers: list[ElfSection], symbols: tuple[Symbol, ...]) -> dict[int, str]:
    """Section index to group signature, for sections in COMDAT groups (ABI, "Section Groups")."""
    groups: dict[int, str] = {}
    for header in headers:
        if header.kind == SHT_GROUP:
            words = [word for (word,) in struct.iter_unpack("<I", header.data)]
            if words[0] & GRP_COMDAT:
                signature = symbols[header.info].name
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
