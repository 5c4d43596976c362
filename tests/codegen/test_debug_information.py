"""What debuggers are told beyond LLVM's own: frames of stubs, lost registers, and borders of locations."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from elftools.dwarf.callframe import FDE, CallFrameInfo
from elftools.elf.elffile import ELFFile

from codegen import Program, Stub, compile_program, link
from codegen.frames import OUTERMOST, REGISTER_NUMBERS, CallFrame
from codegen.locations import move_borders
from codegen.target import Target
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
