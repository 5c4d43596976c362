"""What debuggers are told beyond LLVM's own: frames of stubs, lost registers, and borders of locations."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from elftools.dwarf.callframe import FDE, CallFrameInfo
from elftools.dwarf.locationlists import BaseAddressEntry
from elftools.elf.elffile import ELFFile

from codegen import Program, Stub, compile_program, link
from codegen.frames import OUTERMOST, REGISTER_NUMBERS, CallFrame
from codegen.locations import move_borders
from codegen.target import Target
from user.build import build_agent
from user.lib.system import read_all

PUSHES = """
    push rbx
    sub rsp, 0x100
    nop
    add rsp, 0x100
    pop rbx
    ret
"""


def rows(frame: CallFrame, text: str) -> list[dict[Any, Any]]:
    """The call frame table of one stub."""
    stub = Stub("stub", "text", lambda _symbols: text, frame=frame)
    image = link(Program((), frozenset()), base=0x400000, stubs=[stub], entry="stub", user=True)
    section = ELFFile(io.BytesIO(image.elf)).get_section_by_name(".debug_frame")
    information = CallFrameInfo(
        io.BytesIO(section.data()),
        section["sh_size"],
        section["sh_addr"],
        ELFFile(io.BytesIO(image.elf)).get_dwarf_info().structs,
    )
    (found,) = [entry for entry in information.get_entries() if isinstance(entry, FDE)]
    assert found["initial_location"] == image.symbols["stub"]
    return list(found.get_decoded().table)


def depths(table: list[dict[Any, Any]]) -> list[int]:
    return [row["cfa"].offset for row in table]


def test_pushes_and_pops_of_a_stub_are_followed() -> None:
    table = rows(CallFrame(), PUSHES)
    assert depths(table) == [8, 16, 272, 16, 8]
    assert table[1][REGISTER_NUMBERS["rbx"]].arg == -16
    assert all(row[REGISTER_NUMBERS["rip"]].arg == -8 for row in table)


def test_a_backtrace_ends_at_an_outermost_stub() -> None:
    (row,) = rows(OUTERMOST, "nop\nhlt")
    assert row[REGISTER_NUMBERS["rip"]].type == "UNDEFINED"


@pytest.mark.parametrize("name", ["rdi", "r11"])
def test_registers_that_calls_change_are_lost(name: str) -> None:
    (row, *_) = rows(CallFrame(), "ret")
    assert row[REGISTER_NUMBERS[name]].type == "UNDEFINED"


def test_borders_of_locations_lie_inside_of_the_call() -> None:
    def entry(start: int, end: int) -> bytes:
        return struct.pack("<QQHB", start, end, 1, 0x55)

    end = bytes(16)
    content = bytearray(entry(0, 30) + entry(30, 40) + entry(50, 60) + end + entry(60, 70) + end)
    move_borders(content)
    assert content == entry(0, 29) + entry(29, 40) + entry(50, 60) + end + entry(60, 70) + end


def test_parameters_and_types_are_in_the_object() -> None:
    program = compile_program([read_all], target=Target.USER, jobs=1)
    image = link(
        program,
        base=0x400000,
        stubs=[Stub("trap_failed", "text", lambda _: "ud2")],
        entry="user.lib.system.read_all",
        user=True,
    )
    dwarf = ELFFile(io.BytesIO(image.elf)).get_dwarf_info()
    found = {}
    for unit in dwarf.iter_CUs():
        for die in unit.iter_DIEs():
            if die.tag == "DW_TAG_formal_parameter" and "DW_AT_name" in die.attributes:
                kind = die.get_DIE_from_attribute("DW_AT_type")
                names = [entry.attributes["DW_AT_name"].value.decode() for entry in (die, kind)]
                found[names[0]] = names[1]
    assert found == {"fd": "Fd", "destination": "MutableSlice[u8]"}


ENTRY_VALUE = (0xA3, 0xF3)
"""DW_OP_entry_value and its GNU form: what a register held at the call, which no caller notes for the debugger."""


def test_parameters_can_be_seen_where_a_breakpoint_at_a_function_stops() -> None:
    """The optimiser may forget a parameter after its last use, but not before the function has begun."""
    dwarf = ELFFile(io.BytesIO(build_agent())).get_dwarf_info()
    seen = []
    for unit in dwarf.iter_CUs():
        stops = _stops(dwarf, unit)
        for function in unit.get_top_DIE().iter_children():
            if function.tag == "DW_TAG_subprogram" and "DW_AT_low_pc" in function.attributes:
                start = function.attributes["DW_AT_low_pc"].value
                end = start + function.attributes["DW_AT_high_pc"].value
                stop = next((place for place in stops if start < place < end), start)
                for child in function.iter_children():
                    if child.tag == "DW_TAG_formal_parameter":
                        seen.append(_is_seen(dwarf, child, stop))
    assert len(seen) > 20
    assert sum(seen) >= 0.95 * len(seen)


def _stops(dwarf: Any, unit: Any) -> list[int]:
    """Where the body of a function begins, after its prologue: a debugger stops there."""
    states = [entry.state for entry in dwarf.line_program_for_CU(unit).get_entries() if entry.state is not None]
    return sorted(state.address for state in states if state.prologue_end)


def _is_seen(dwarf: Any, parameter: Any, place: int) -> bool:
    """Whether a parameter has a value at an address."""
    location = parameter.attributes.get("DW_AT_location")
    if location is None:
        return "DW_AT_const_value" in parameter.attributes
    if location.form == "DW_FORM_exprloc":
        return True
    base = parameter.cu.get_top_DIE().attributes["DW_AT_low_pc"].value
    for entry in dwarf.location_lists().get_location_list_at_offset(location.value, parameter):
        if isinstance(entry, BaseAddressEntry):
            base = entry.base_address
        elif base + entry.begin_offset <= place < base + entry.end_offset:
            return entry.loc_expr[0] not in ENTRY_VALUE
    return False
