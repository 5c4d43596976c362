"""The final file: ELF64 with program headers, notes, symbols and debug information (System V ABI, chapter 4).

`link` is the public entry: it runs the linker and writes the file. The build id is the SHA-1 of what is
loaded, so two builds of one source have one id.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from codegen.lines import LineReader
from codegen.linker import LOADED, Layout, Linker, Note, OutputSection, align
from codegen.objects import Program
from codegen.stubs import Stub

PAGE = 4096
EM_X86_64 = 62
ET_EXEC = 2
PT_LOAD, PT_NOTE = 1, 4
PF_X, PF_W, PF_R = 1, 2, 4
SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_NOTE, SHT_NOBITS = 1, 2, 3, 7, 8
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")

_PERMISSIONS = {
    ".boot": PF_R | PF_W | PF_X,
    ".text": PF_R | PF_X,
    ".rodata": PF_R,
    ".data": PF_R | PF_W,
    ".bss": PF_R | PF_W,
}
_SECTION_FLAGS = {
    ".boot": SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR,
    ".text": SHF_ALLOC | SHF_EXECINSTR,
    ".rodata": SHF_ALLOC,
    ".data": SHF_ALLOC | SHF_WRITE,
    ".bss": SHF_ALLOC | SHF_WRITE,
}

BUILD_ID = Note("GNU", 3, lambda _symbols: bytes(20))
"""NT_GNU_BUILD_ID: always the first note; its 20 bytes begin after a 12-byte header and "GNU\\0"."""
_BUILD_ID_OFFSET = 16


@dataclass(frozen=True)
class Segment:
    """A range of memory with its content; what `memory_size` exceeds the content by is zero."""

    address: int
    physical: int
    content: bytes
    memory_size: int
    flags: int


@dataclass(frozen=True)
class Image:
    """A linked program."""

    elf: bytes
    entry: int
    symbols: dict[str, int]
    segments: tuple[Segment, ...]
    build_id: bytes

    def content_at(self, address: int, size: int) -> bytes:
        """What the file holds for `size` bytes at `address`."""
        for segment in self.segments:
            offset = address - segment.address
            if offset >= 0 and offset + size <= segment.memory_size:
                return segment.content[offset : offset + size].ljust(size, b"\0")
        raise ValueError(f"{address:#x} is not in the image")

    def line_reader(self) -> LineReader:
        """A reader of the line table in the image."""
        start = self.symbols["__line_table"]
        table = self.content_at(start, self.symbols["__rodata_end"] - start)
        return LineReader(table, self.symbols["__text_start"])


def link(
    program: Program,
    *,
    base: int,
    stubs: Sequence[Stub] = (),
    entry: str,
    notes: Sequence[Note] = (),
    user: bool = False,
) -> Image:
    """Link `program` with `stubs` at `base` (a kernel's boot stubs come first, at their physical address)."""
    layout = Linker(program, base, stubs, (BUILD_ID, *notes), user).run(entry)
    build_id = _stamp_build_id(layout)
    segments = _segments(layout)
    return Image(_write_elf(layout, segments), layout.entry, layout.symbols, segments, build_id)


def _stamp_build_id(layout: Layout) -> bytes:
    digest = hashlib.sha1(usedforsecurity=False)
    for name in LOADED:
        if name in layout.sections:
            digest.update(layout.sections[name].content)
    rodata = layout.sections[".rodata"]
    start = layout.notes_address - rodata.address + _BUILD_ID_OFFSET
    rodata.content[start : start + 20] = digest.digest()
    return digest.digest()


def _physical(layout: Layout, section: OutputSection) -> int:
    return section.address - (0 if section.name == ".boot" else layout.physical_offset)


def _segments(layout: Layout) -> tuple[Segment, ...]:
    """One segment a permission; .bss lengthens that of .data."""
    segments = []
    for name in LOADED:
        section = layout.sections.get(name)
        if section is None or (name == ".bss" and ".data" in layout.sections):
            continue
        size = section.memory_size
        if name == ".data" and ".bss" in layout.sections:
            bss = layout.sections[".bss"]
            size = bss.address + bss.memory_size - section.address
        physical = _physical(layout, section)
        content = bytes(section.content)
        segments.append(Segment(section.address, physical, content, size, _PERMISSIONS[name]))
    return tuple(segments)


class _Writer:
    """Collects the pieces of the file in order."""

    def __init__(self, start: int) -> None:
        self.content = bytearray(start)
        self.headers: list[tuple[str, bytes]] = []
        self.names = bytearray(b"\0")

    def append(self, content: bytes, alignment: int, residue: int = 0) -> int:
        """Append at the next offset that is `residue` modulo `alignment`; gives the offset."""
        self.content += bytes((residue - len(self.content)) % alignment)
        offset = len(self.content)
        self.content += content
        return offset

    def section(
        self, name: str, kind: int, flags: int, address: int, offset: int, size: int,
        link_to: int = 0, info: int = 0, alignment: int = 1, entry_size: int = 0,
    ) -> None:  # fmt: skip
        """Add a section header."""
        name_offset = len(self.names)
        self.names += name.encode() + b"\0"
        header = _SECTION_HEADER.pack(
            name_offset, kind, flags, address, offset, size, link_to, info, alignment, entry_size
        )
        self.headers.append((name, header))


def _write_elf(layout: Layout, segments: tuple[Segment, ...]) -> bytes:
    program_headers = len(segments) + 1
    writer = _Writer(_HEADER.size + program_headers * _PROGRAM_HEADER.size)
    writer.section("", 0, 0, 0, 0, 0, alignment=0)
    offsets = [writer.append(segment.content, PAGE, segment.address % PAGE) for segment in segments]
    file_offset = {segment.address: offset for segment, offset in zip(segments, offsets, strict=True)}
    _write_loaded_sections(writer, layout, file_offset)
    for name in sorted(layout.sections.keys() - set(LOADED)):
        debug = layout.sections[name]
        offset = writer.append(bytes(debug.content), debug.alignment)
        writer.section(name, SHT_PROGBITS, 0, 0, offset, len(debug.content), alignment=debug.alignment)
    _write_symbols(writer, layout)
    names_index = len(writer.headers)
    names_offset = len(writer.content)
    writer.section(".shstrtab", SHT_STRTAB, 0, 0, names_offset, len(writer.names) + len(".shstrtab") + 1)
    writer.content += writer.names
    table = writer.append(b"".join(header for _name, header in writer.headers), 8)
    rodata = layout.sections[".rodata"]
    notes_offset = file_offset[rodata.address] + layout.notes_address - rodata.address
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = _HEADER.pack(
        identity, ET_EXEC, EM_X86_64, 1, layout.entry, _HEADER.size, table, 0, _HEADER.size,
        _PROGRAM_HEADER.size, program_headers, _SECTION_HEADER.size, len(writer.headers), names_index,
    )  # fmt: skip
    for segment, offset in zip(segments, offsets, strict=True):
        header += _PROGRAM_HEADER.pack(
            PT_LOAD, segment.flags, offset, segment.address, segment.physical,
            len(segment.content), segment.memory_size, PAGE,
        )  # fmt: skip
    physical = layout.notes_address - layout.physical_offset
    header += _PROGRAM_HEADER.pack(
        PT_NOTE, PF_R, notes_offset, layout.notes_address, physical, len(layout.notes), len(layout.notes), 4
    )
    writer.content[: len(header)] = header
    return bytes(writer.content)


def _write_loaded_sections(writer: _Writer, layout: Layout, file_offset: dict[int, int]) -> None:
    for name in LOADED:
        section = layout.sections.get(name)
        if section is None:
            continue
        kind = SHT_PROGBITS if section.content else SHT_NOBITS
        size = section.memory_size
        offset = file_offset.get(section.address, len(writer.content))
        if name == ".rodata":
            size = layout.notes_address - section.address
        flags = _SECTION_FLAGS[name]
        writer.section(name, kind, flags, section.address, offset, size, alignment=section.alignment)
        if name == ".rodata":
            start, length = layout.notes_address, len(layout.notes)
            writer.section(".notes", SHT_NOTE, SHF_ALLOC, start, offset + size, length, alignment=4)


def _write_symbols(writer: _Writer, layout: Layout) -> None:
    """.symtab with local symbols first, as the ABI demands, and .strtab."""
    indices = {name: index for index, (name, _header) in enumerate(writer.headers)}
    strings = bytearray(b"\0")
    table = bytearray(_SYMBOL.size)
    entries = sorted(layout.entries, key=lambda entry: (not entry.is_local, entry.address, entry.name))
    for entry in entries:
        info = (0 if entry.is_local else 1) << 4 | (entry.kind & 15)
        table += _SYMBOL.pack(len(strings), info, 0, indices[entry.section], entry.address, entry.size)
        strings += entry.name.encode() + b"\0"
    local_count = 1 + sum(entry.is_local for entry in entries)
    offset = writer.append(bytes(table), 8)
    index = len(writer.headers)
    writer.section(".symtab", SHT_SYMTAB, 0, 0, offset, len(table), index + 1, local_count, 8, _SYMBOL.size)
    offset = writer.append(bytes(strings), 1)
    writer.section(".strtab", SHT_STRTAB, 0, 0, offset, len(strings))


__all__ = ["Image", "Note", "Segment", "align", "link"]
