"""The linker: lays sections out by permission, resolves symbols, applies relocations, assembles the stubs.

Order in memory: boot stubs (only in a kernel, at its physical address), then text (RX), rodata (R) with
notes and the line table, data and bss (RW), each beginning on a page of its own. Everything is placed in
the order of the objects' names and of the stubs given, so equal input gives an equal image.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from codegen import frames, locations
from codegen.elf import SHN_ABS, STB_LOCAL, STT_SECTION
from codegen.lines import ASSEMBLY, NO_RECORD, LineTable, ModuleLines, Record
from codegen.memory_stubs import MEMORY_STUBS
from codegen.objects import LinkError, ObjectFile, Program, Section
from codegen.relocation import relocate
from codegen.stubs import Stub, StubAssembler, Symbols
from codegen.target import HOT_TEXT

PAGE = 4096
KERNEL_BASE = 0xFFFFFFFF80000000
"""Where the kernel code model begins: a kernel's physical address is its virtual one minus this."""

LOADED = (".boot", ".text", ".rodata", ".data", ".bss")
_STUB_SECTIONS = {"boot": ".boot", "text": ".text", "rodata": ".rodata", "data": ".data"}


@dataclass(frozen=True)
class Note:
    """An ELF note; the descriptor is made once the addresses are known."""

    owner: str
    kind: int
    descriptor: Callable[[Symbols], bytes]

    def encode(self, symbols: Symbols) -> bytes:
        """The note in its file form (System V ABI, "Note Section"), padded to 4 bytes."""
        owner = self.owner.encode() + b"\0"
        descriptor = self.descriptor(symbols)
        header = struct.pack("<III", len(owner), len(descriptor), self.kind)
        return header + b"".join(part.ljust(align(len(part), 4), b"\0") for part in (owner, descriptor))


@dataclass
class OutputSection:
    """One section of the image while it is put together; `memory_size` exceeds the content only in .bss."""

    name: str
    address: int = 0
    memory_size: int = 0
    content: bytearray = field(default_factory=bytearray)
    alignment: int = 1


@dataclass(frozen=True)
class SymbolEntry:
    """A symbol of the finished image, for .symtab."""

    name: str
    address: int
    size: int
    section: str
    is_local: bool
    kind: int


@dataclass
class Layout:
    """A linked program in memory: what `image.write_elf` turns into a file."""

    sections: dict[str, OutputSection]
    symbols: dict[str, int]
    entries: list[SymbolEntry]
    entry: int
    notes: bytes
    notes_address: int
    physical_offset: int
    """Virtual minus physical address, of all but the boot section."""


@dataclass(frozen=True)
class _Placed:
    """Where an input section went."""

    section: OutputSection
    offset: int


def align(value: int, alignment: int) -> int:
    """The next multiple of `alignment`, a power of two."""
    return value + alignment - 1 & -alignment


class Linker:
    """One link, step by step; `run` is the order of the steps."""

    def __init__(self, program: Program, base: int, stubs: Sequence[Stub], notes: Sequence[Note], user: bool) -> None:
        self.objects = sorted(program.objects, key=lambda entry: entry.name)
        self.base = base
        self.notes = notes
        self.physical_offset = 0 if user else KERNEL_BASE
        self.sections = {name: OutputSection(name) for name in LOADED}
        self.placed: list[dict[int, _Placed]] = []
        self.symbols: dict[str, int] = {}
        self.owners: dict[str, str] = {}
        self.assembler = StubAssembler()
        self.stub_code: dict[str, bytes] = {stub.name: b"" for stub in stubs}
        self.stub_offsets: dict[str, int] = {}
        self.lines = LineTable()
        self.record_maps: list[list[int]] = []
        self.stub_records: dict[str, int] = {}
        self.stubs = [*stubs, *self._memory_stubs(stubs)]
        for name, content in program.attachments.items():
            self.sections[name] = OutputSection(name, memory_size=len(content), content=bytearray(content))

    def _memory_stubs(self, stubs: Sequence[Stub]) -> list[Stub]:
        """The memory functions that LLVM's code calls and no stub gives."""
        missing = set().union(*(entry.undefined() for entry in self.objects)) - {stub.name for stub in stubs}
        if "memmove" in missing and "memcpy" not in {stub.name for stub in stubs}:
            missing.add("memcpy")
        return [stub for stub in MEMORY_STUBS if stub.name in missing]

    def run(self, entry: str) -> Layout:
        self.place_inputs()
        self.prepare_lines()
        self.place_stubs()
        self.check_undefined()
        self.relocate()
        notes_address = self.write_rodata_tail()
        self.write_stubs()
        if entry not in self.symbols:
            raise LinkError(f"the entry symbol {entry!r} is not defined")
        return Layout(
            {name: section for name, section in self.sections.items() if section.memory_size},
            self.symbols,
            self.symbol_entries(),
            self.symbols[entry],
            self.note_bytes(),
            notes_address,
            self.physical_offset,
        )

    def place_inputs(self) -> None:
        """Give every input section an offset in its output section, whose size grows with it."""
        groups: set[str] = set()
        for entry in self.objects:
            here = {section.group for section in entry.sections.values() if section.group} - groups
            self.placed.append(
                {
                    index: self.place(section)
                    for index, section in entry.sections.items()
                    if section.output and section.name != HOT_TEXT and (not section.group or section.group in here)
                }
            )
            groups |= here
        self.place_hot()

    def place_hot(self) -> None:
        """Put what is hot at the end of the text, from a new page on: next to the stubs, which are hot as well."""
        text = self.sections[".text"]
        for entry, placed in zip(self.objects, self.placed, strict=True):
            for index, section in entry.sections.items():
                if section.name == HOT_TEXT:
                    if text.alignment < PAGE:
                        text.memory_size, text.alignment = align(text.memory_size, PAGE), PAGE
                    placed[index] = self.place(section)

    def place(self, section: Section) -> _Placed:
        """Give an input section the next offset in its output section."""
        output = self.sections.setdefault(section.output, OutputSection(section.output))
        offset = align(output.memory_size, section.alignment)
        output.alignment = max(output.alignment, section.alignment)
        if section.data:
            output.content.extend(bytes(offset - len(output.content)) + section.data)
        output.memory_size = offset + section.size
        return _Placed(output, offset)

    def prepare_lines(self) -> None:
        """Enter all records of the line table, so that its size is fixed before addresses are."""
        for entry in self.objects:
            lines = entry.lines
            assert lines is None or isinstance(lines, ModuleLines)
            self.record_maps.append(self.lines.add_records(lines.records) if lines else [])
            self.lines.reserve(len(lines.ranges) if lines else 0)
        for stub in self.stubs:
            if stub.section == "text":
                record = Record(ASSEMBLY, stub.name, 0, None)
                (self.stub_records[stub.name],) = self.lines.add_records([record])
                self.lines.reserve(1)

    def place_stubs(self) -> None:
        """Assemble stubs and assign addresses again and again until no stub grows.

        A stub that comes out shorter keeps its room, so sizes only grow and the loop ends.
        """
        sizes = {stub.name: 0 for stub in self.stubs}
        while True:
            self.assign_addresses(sizes)
            grew = False
            for stub in self.stubs:
                code = self.assembler.assemble(stub, self.symbols[stub.name], self.symbols)
                self.stub_code[stub.name] = code
                if len(code) > sizes[stub.name]:
                    sizes[stub.name] = len(code)
                    grew = True
            if not grew:
                return

    def assign_addresses(self, sizes: dict[str, int]) -> None:
        """Lay out the loaded sections for stubs of these sizes, and compute every symbol."""
        ends = {name: self.sections[name].memory_size for name in LOADED}
        offsets: dict[str, int] = {}
        for stub in self.stubs:
            name = _STUB_SECTIONS[stub.section]
            offsets[stub.name] = align(ends[name], stub.alignment)
            ends[name] = offsets[stub.name] + sizes[stub.name]
        rodata_end = align(ends[".rodata"], 8) + self.lines.size
        line_table = rodata_end - self.lines.size
        ends[".rodata"] = align(rodata_end, 4) + len(self.note_sizes())
        address = self.base
        for name in LOADED:
            section = self.sections[name]
            address = align(address, section.alignment if name == ".bss" else max(PAGE, section.alignment))
            section.address = address - self.physical_offset if name == ".boot" else address
            address += ends[name]
        self.stub_offsets = offsets
        self.ends = ends
        self.line_table_offset = line_table
        self.define_symbols(sizes, offsets, address)

    def note_sizes(self) -> bytes:
        """The notes with whatever is known of their descriptors: right in length only."""
        return b"".join(note.encode(_Zeros({})) for note in self.notes)

    def note_bytes(self) -> bytes:
        return b"".join(note.encode(Symbols(self.symbols, "a note")) for note in self.notes)

    def define_symbols(self, sizes: dict[str, int], offsets: dict[str, int], end: int) -> None:
        """Linker symbols, then those of the objects and of the stubs; twice the same is an error."""
        symbols: dict[str, int] = {}
        self.owners = {}
        for name in LOADED:
            start = self.sections[name].address
            symbols[f"__{name[1:]}_start"] = start
            symbols[f"__{name[1:]}_end"] = start + self.ends[name]
        symbols["__data_end"] = max(symbols["__data_end"], symbols["__data_start"])
        symbols["__image_end"] = end
        symbols["__line_table"] = self.sections[".rodata"].address + self.line_table_offset
        for entry, placed in zip(self.objects, self.placed, strict=True):
            for symbol in entry.symbols:
                if symbol.binding == STB_LOCAL or symbol.section is None:
                    continue
                if symbol.section == SHN_ABS:
                    symbols[symbol.name] = symbol.value
                elif symbol.section in placed:
                    self.claim(symbol.name, entry.name)
                    place = placed[symbol.section]
                    symbols[symbol.name] = place.section.address + place.offset + symbol.value
        for stub in self.stubs:
            self.claim(stub.name, "the stubs")
            symbols[stub.name] = self.sections[_STUB_SECTIONS[stub.section]].address + offsets[stub.name]
        self.symbols = symbols

    def claim(self, name: str, owner: str) -> None:
        if name in self.owners:
            raise LinkError(f"the symbol {name!r} is defined by {self.owners[name]} and by {owner}")
        self.owners[name] = owner

    def check_undefined(self) -> None:
        missing = {name: entry.name for entry in self.objects for name in entry.undefined() if name not in self.symbols}
        if missing:
            named = ", ".join(f"{name} (used by {user})" for name, user in sorted(missing.items()))
            raise LinkError(f"nothing defines {named}")

    def relocate(self) -> None:
        """Write every address into the place that asks for it."""
        for entry, placed in zip(self.objects, self.placed, strict=True):
            values = self.symbol_values(entry, placed)
            for index, place in placed.items():
                section = entry.sections[index]
                if section.relocations:
                    output = place.section
                    relocate(output.content, output.address + place.offset, place.offset, section, values, entry)

    def symbol_values(self, entry: ObjectFile, placed: dict[int, _Placed]) -> list[int]:
        values = []
        for symbol in entry.symbols:
            if symbol.section is None or (symbol.binding != STB_LOCAL and symbol.name in self.symbols):
                values.append(self.symbols.get(symbol.name, 0))
            elif symbol.section in placed:
                place = placed[symbol.section]
                values.append(place.section.address + place.offset + symbol.value)
            else:
                values.append(symbol.value if symbol.section == SHN_ABS else 0)
        return values

    def write_rodata_tail(self) -> int:
        """Append line table and notes to .rodata; gives the address of the notes."""
        text = self.sections[".text"].address
        ranges: list[tuple[int, int]] = []
        for entry, placed, records in zip(self.objects, self.placed, self.record_maps, strict=True):
            if isinstance(entry.lines, ModuleLines):
                for section, offset, record in entry.lines.ranges:
                    if section in placed:
                        index = NO_RECORD if record is None else records[record]
                        ranges.append((placed[section].offset + offset, index))
        for name, record in self.stub_records.items():
            ranges.append((self.symbols[name] - text, record))
        rodata = self.sections[".rodata"]
        self.pad(rodata, self.line_table_offset)
        rodata.content += self.lines.pack(ranges)
        self.pad(rodata, align(len(rodata.content), 4))
        address = rodata.address + len(rodata.content)
        rodata.content += self.note_bytes()
        return address

    @staticmethod
    def pad(section: OutputSection, size: int) -> None:
        filler = b"\xcc" if section.name == ".text" else b"\0"
        section.content += filler * (size - len(section.content))

    def write_stubs(self) -> None:
        for stub in self.stubs:
            section = self.sections[_STUB_SECTIONS[stub.section]]
            offset, code = self.stub_offsets[stub.name], self.stub_code[stub.name]
            if stub.section == "rodata":
                section.content[offset : offset + len(code)] = code
                continue
            self.pad(section, offset)
            section.content += code
        for name in LOADED:
            self.sections[name].memory_size = self.ends[name]
        self.complete_debug_information()

    def complete_debug_information(self) -> None:
        """Tell debuggers what LLVM does not: how stubs are called, and what a call leaves."""
        section = self.sections.setdefault(frames.SECTION, OutputSection(frames.SECTION, alignment=8))
        self.pad(section, align(len(section.content), 8))
        code = [stub for stub in self.stubs if stub.section in ("boot", "text") and self.stub_code[stub.name]]
        covered = [frames.Covered(self.symbols[stub.name], self.stub_code[stub.name], stub.frame) for stub in code]
        frames.complete_frames(section.content, covered)
        section.memory_size = len(section.content)
        if locations.SECTION in self.sections:
            locations.move_borders(self.sections[locations.SECTION].content)

    def symbol_entries(self) -> list[SymbolEntry]:
        """All named symbols, for debuggers."""
        entries = []
        for entry, placed in zip(self.objects, self.placed, strict=True):
            values = self.symbol_values(entry, placed)
            for symbol, value in zip(entry.symbols, values, strict=True):
                if symbol.section in placed and symbol.name and symbol.kind != STT_SECTION:
                    section = placed[symbol.section].section
                    if section.name in LOADED:
                        local = symbol.binding == STB_LOCAL
                        entries.append(SymbolEntry(symbol.name, value, symbol.size, section.name, local, symbol.kind))
        for name in LOADED:
            if self.sections[name].memory_size:
                for edge in (f"__{name[1:]}_start", f"__{name[1:]}_end"):
                    entries.append(SymbolEntry(edge, self.symbols[edge], 0, name, False, 0))
        entries.append(SymbolEntry("__line_table", self.symbols["__line_table"], 0, ".rodata", False, 1))
        for stub in self.stubs:
            section_name = _STUB_SECTIONS[stub.section]
            kind = 2 if stub.section in ("text", "boot") else 1
            size = len(self.stub_code[stub.name])
            entries.append(SymbolEntry(stub.name, self.symbols[stub.name], size, section_name, False, kind))
        return entries


class _Zeros(Symbols):
    """Every symbol is 0: for finding out how long a note is."""

    def __getitem__(self, name: str) -> int:
        return 0
