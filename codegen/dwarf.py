"""Reads an object's DWARF into `ModuleLines`: the line program, joined with the tree of inlined calls.

DWARF 4 or 5. In a relocatable file each section begins at address 0; to tell them apart, the sections of
code are first moved behind one another (as the relocations are applied), and addresses are mapped back at
the end.
"""

from __future__ import annotations

import bisect
import io
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from elftools.dwarf.descriptions import describe_form_class
from elftools.dwarf.die import DIE
from elftools.elf.elffile import ELFFile

from codegen.elf import SHF_EXECINSTR
from codegen.lines import ModuleLines, Record

_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")
_FORMS = {1: ("<Q", 0xFFFFFFFFFFFFFFFF), 10: ("<I", 0xFFFFFFFF)}
"""R_X86_64_64 and R_X86_64_32 (AMD64 ABI, table 4.9): the only ones in debug sections."""

_READ = (".debug_info", ".debug_line", ".debug_ranges", ".debug_rnglists", ".debug_str_offsets", ".debug_addr")


class _Row(NamedTuple):
    """Instructions from `start` come from this place; line 0 means none."""

    start: int
    file: str
    line: int


class _Scope(NamedTuple):
    """A function, or a call inlined into it: [low, high), and the record of the call."""

    low: int
    high: int
    function: str
    caller: int | None


def module_lines(content: bytes) -> ModuleLines:
    """The line table of a relocatable object; empty when it has no debug information."""
    elf = ELFFile(io.BytesIO(content))
    if not elf.has_dwarf_info():
        return ModuleLines((), ())
    bases = _code_bases(elf)
    relocated = ELFFile(io.BytesIO(_relocated(elf, content, bases)))
    dwarf = relocated.get_dwarf_info(relocate_dwarf_sections=False)
    builder = _Builder()
    for unit in dwarf.iter_CUs():
        files = _file_names(dwarf, unit)
        rows = sorted(_rows(dwarf, unit, files), key=lambda row: row.start)
        scopes = sorted(builder.scopes(unit.get_top_DIE(), files), key=lambda scope: (scope.low, -scope.high))
        builder.join(rows, scopes)
    return builder.finish(bases)


def _code_bases(elf: ELFFile) -> list[tuple[int, int]]:
    """(address, section index) of each section of code, one behind the other."""
    bases = []
    address = 0
    for index in range(elf.num_sections()):
        section = elf.get_section(index)
        if section["sh_flags"] & SHF_EXECINSTR and section["sh_size"]:
            bases.append((address, index))
            address += section["sh_size"] + 16
    return bases


def _relocated(elf: ELFFile, content: bytes, bases: list[tuple[int, int]]) -> bytes:
    """The object with the addresses of code, moved by its section's base, in its debug sections.

    pyelftools does it too, without the moving, but takes more time for it than for all else.
    """
    made = bytearray(content)
    headers: list[Any] = [elf.get_section(index) for index in range(elf.num_sections())]
    table = next(header for header in headers if header["sh_type"] == "SHT_SYMTAB")
    by_section = {index: base for base, index in bases}
    values = [
        value + by_section.get(section, 0)
        for _name, _info, _other, section, value, _size in _SYMBOL.iter_unpack(table.data())
    ]
    for header in headers:
        target = headers[header["sh_info"]] if header["sh_type"] == "SHT_RELA" else None
        if target is None or target.name not in _READ:
            continue
        start = target["sh_offset"]
        for offset, information, addend in _RELOCATION.iter_unpack(header.data()):
            form, mask = _FORMS[information & 0xFFFFFFFF]
            struct.pack_into(form, made, start + offset, values[information >> 32] + addend & mask)
    return bytes(made)


def _file_names(dwarf: Any, unit: Any) -> list[str]:
    """File names by the index that the line program uses (from 1 in DWARF 4, from 0 in DWARF 5)."""
    program = dwarf.line_program_for_CU(unit)
    if program is None:
        return []
    folders = [_text(folder) for folder in program["include_directory"]]
    is_old = program["version"] < 5
    names = ["" for _ in range(is_old)]
    for entry in program["file_entry"]:
        index = entry.dir_index - is_old
        folder = folders[index] if 0 <= index < len(folders) else ""
        name = _text(entry.name)
        names.append(f"{folder}/{name}" if folder and folder != "." and not name.startswith("/") else name)
    return names


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _rows(dwarf: Any, unit: Any, files: list[str]) -> Iterator[_Row]:
    program = dwarf.line_program_for_CU(unit)
    for entry in program.get_entries() if program else ():
        state = entry.state
        if state is None:
            continue
        if state.end_sequence:
            yield _Row(state.address, "", 0)
        else:
            yield _Row(state.address, files[state.file], state.line)


class _Builder:
    """Collects ranges (address, record) and records."""

    def __init__(self) -> None:
        self.records: dict[Record, int] = {}
        self.ranges: list[tuple[int, int | None]] = []

    def record(self, file: str, function: str, line: int, caller: int | None) -> int:
        return self.records.setdefault(Record(file, function, line, caller), len(self.records))

    def scopes(self, top: DIE, files: list[str]) -> Iterator[_Scope]:
        """Every function with code and every inlined call, callers before what is inlined into them."""
        for child in top.iter_children():
            if child.tag == "DW_TAG_subprogram":
                ranges = list(_ranges(child))
                if ranges:
                    name = _name(child)
                    yield from (_Scope(low, high, name, None) for low, high in ranges)
                    yield from self._inlined(child, name, None, files)

    def _inlined(self, parent: DIE, function: str, caller: int | None, files: list[str]) -> Iterator[_Scope]:
        for child in parent.iter_children():
            if child.tag == "DW_TAG_lexical_block":
                yield from self._inlined(child, function, caller, files)
            elif child.tag == "DW_TAG_inlined_subroutine":
                values = {name: child.attributes[name].value for name in child.attributes}
                call = self.record(
                    files[values.get("DW_AT_call_file", 0)],
                    function,
                    values.get("DW_AT_call_line", 0),
                    caller,
                )
                name = _name(child)
                yield from (_Scope(low, high, name, call) for low, high in _ranges(child))
                yield from self._inlined(child, name, call, files)

    def join(self, rows: list[_Row], scopes: list[_Scope]) -> None:
        """Split the rows at the ends of scopes, so that each range has one row and one innermost scope."""
        ends = {edge for scope in scopes for edge in (scope.low, scope.high)}
        edges = sorted({row.start for row in rows} | ends)
        starts = [row.start for row in rows]
        open_scopes: list[_Scope] = []
        waiting = iter(scopes)
        upcoming = next(waiting, None)
        last: dict[str, _Row] = {}
        previous: int | None = -1
        for edge in edges:
            while upcoming is not None and upcoming.low <= edge:
                open_scopes.append(upcoming)
                upcoming = next(waiting, None)
            open_scopes = [scope for scope in open_scopes if scope.high > edge]
            index = bisect.bisect_right(starts, edge) - 1
            found: int | None = None
            if open_scopes and index >= 0:
                scope = open_scopes[-1]
                row = rows[index] if rows[index].line else last.get(scope.function, rows[index])
                if row.line:
                    last[scope.function] = row
                    found = self.record(row.file, scope.function, row.line, scope.caller)
            if found != previous:
                self.ranges.append((edge, found))
                previous = found

    def finish(self, bases: list[tuple[int, int]]) -> ModuleLines:
        starts = [base for base, _index in bases]
        ranges = []
        for address, record in sorted(self.ranges, key=lambda entry: entry[0]):
            base, section = bases[bisect.bisect_right(starts, address) - 1]
            ranges.append((section, address - base, record))
        return ModuleLines(tuple(ranges), tuple(self.records))


def _name(die: DIE) -> str:
    """The function's name, of an inlined copy that of the original."""
    while "DW_AT_name" not in die.attributes:
        for link in ("DW_AT_abstract_origin", "DW_AT_specification"):
            if link in die.attributes:
                die = die.get_DIE_from_attribute(link)
                break
        else:
            return "?"
    return _text(die.attributes["DW_AT_name"].value)


def _ranges(die: DIE) -> Iterator[tuple[int, int]]:
    """The [low, high) pairs of a DIE's code."""
    if "DW_AT_low_pc" in die.attributes and "DW_AT_high_pc" in die.attributes:
        low = die.attributes["DW_AT_low_pc"].value
        high = die.attributes["DW_AT_high_pc"]
        yield low, high.value if describe_form_class(high.form) == "address" else low + high.value
    elif "DW_AT_ranges" in die.attributes:
        lists: Any = die.dwarfinfo.range_lists()
        unit = die.cu
        attribute = die.attributes["DW_AT_ranges"]
        base = unit.get_top_DIE().attributes.get("DW_AT_low_pc")
        origin = base.value if base else 0
        for entry in lists.get_range_list_at_offset(attribute.value, unit):
            if hasattr(entry, "base_address"):
                origin = entry.base_address
            elif getattr(entry, "is_absolute", False):
                yield entry.begin_offset, entry.end_offset
            else:
                yield origin + entry.begin_offset, origin + entry.end_offset
