"""Call frame information: how a debugger finds callers and their registers (DWARF 4, section 6.4).

LLVM describes compiled functions in `.debug_frame`, but for the registers that a call may change: a debugger
would show what they hold now as what they held in the caller, so `complete_frames` says that they are lost.
Of stubs LLVM knows nothing: a stub says what its stack looks like at its first instruction (`CallFrame`);
from there on its pushes and pops are followed, one after the other, and nobody writes a row by hand.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from codegen.disassembler import instructions

SECTION = ".debug_frame"

_REGISTERS = ("rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp")
REGISTER_NUMBERS = {name: number for number, name in enumerate(_REGISTERS)}
REGISTER_NUMBERS |= {f"r{number}": number for number in range(8, 16)} | {"rip": 16}
"""System V ABI for AMD64, figure 3.36: DWARF register numbers."""

_UNDEFINED, _SAME_VALUE, _DEFINE_CFA, _CFA_OFFSET, _OFFSET = 0x07, 0x08, 0x0C, 0x0E, 0x80
_ADVANCE = ((0x02, "<BB", 0xFF), (0x03, "<BH", 0xFFFF), (0x04, "<BI", 0xFFFFFFFF))
"""DW_CFA_advance_loc1, 2 and 4: operation, form, and the longest step (DWARF 4, section 7.23)."""

_SLOT = 8
_COMMON_ENTRY = 0xFFFFFFFF
_LOST = ("rax", "rdx", "rcx", "rsi", "rdi", "r8", "r9", "r10", "r11")
"""Registers that a called function may change (System V ABI for AMD64, section 3.2.1)."""


@dataclass(frozen=True)
class CallFrame:
    """The stack at the first instruction of a stub.

    The canonical frame address (CFA) is the value that the stack pointer has in the caller once the stub has
    returned, or for an interrupted program the end of what was saved of it.
    """

    depth: int = _SLOT
    """Bytes from the stack pointer up to the CFA."""

    saved: Mapping[str, int] = field(default_factory=lambda: {"rip": _SLOT})
    """Registers of the caller that are in memory, as bytes below the CFA."""

    interrupts: bool = False
    """Whether the caller was interrupted: its `rip` is the next instruction, not the one behind a call."""


CALLED = CallFrame()
"""A stub that is called as a function is."""

OUTERMOST = CallFrame(depth=0, saved={})
"""A stub that nothing called: a backtrace ends here."""


@dataclass(frozen=True)
class Covered:
    """The code of one stub, and how it is entered."""

    address: int
    code: bytes
    frame: CallFrame


def complete_frames(content: bytearray, stubs: Iterable[Covered]) -> None:
    """Correct the entries of compiled functions in a `.debug_frame` section, and append those of `stubs`."""
    compiled = list(_entries(content))
    common = {False: _append_common(content, called=True)}
    for start, identity in compiled:
        if identity != _COMMON_ENTRY:
            struct.pack_into("<I", content, start + 4, common[False])
    for stub in stubs:
        interrupts = stub.frame.interrupts
        if interrupts not in common:
            common[interrupts] = _append_common(content, called=False)
        head = struct.pack("<IQQ", common[interrupts], stub.address, len(stub.code))
        _append(content, head + _first_row(stub.frame) + _later_rows(stub))


def _entries(content: bytearray) -> Iterator[tuple[int, int]]:
    """Where each entry begins, and its CIE pointer (`_COMMON_ENTRY` for a CIE itself)."""
    at = 0
    while at < len(content):
        length, identity = struct.unpack_from("<II", content, at)
        yield at, identity
        at += 4 + length


def _append_common(content: bytearray, *, called: bool) -> int:
    """A common information entry: version 1, code in steps of 1, data in steps of -8, return address in rip."""
    start = len(content)
    rows = bytes([_DEFINE_CFA, REGISTER_NUMBERS["rsp"]]) + _number(_SLOT) + _saved_at("rip", _SLOT)
    if called:
        rows += b"".join(bytes([_UNDEFINED, REGISTER_NUMBERS[name]]) for name in _LOST)
    augmentation = b"\0" if called else b"S\0"
    _append(content, struct.pack("<IB", _COMMON_ENTRY, 1) + augmentation + bytes([1, 0x78, 16]) + rows)
    return start


def _append(content: bytearray, entry: bytes) -> None:
    """An entry with its length, filled up with DW_CFA_nop."""
    entry += bytes(-(len(entry) + 4) % _SLOT)
    content += struct.pack("<I", len(entry)) + entry


def _first_row(frame: CallFrame) -> bytes:
    row = bytes([_DEFINE_CFA, REGISTER_NUMBERS["rsp"]]) + _number(frame.depth)
    if "rip" not in frame.saved:
        row += bytes([_UNDEFINED, REGISTER_NUMBERS["rip"]])
    return row + b"".join(_saved_at(name, below) for name, below in frame.saved.items())


def _later_rows(stub: Covered) -> bytes:
    """What each push, pop and move of the stack pointer changes."""
    depth, saved = stub.frame.depth, dict(stub.frame.saved)
    rows, at = b"", 0
    for address, size, mnemonic, operands in instructions(stub.code, stub.address):
        change = b""
        step = _stack_step(mnemonic, operands)
        if mnemonic == "pop" and saved.get(operands) == depth:
            del saved[operands]
            change = bytes([_SAME_VALUE, REGISTER_NUMBERS[operands]])
        depth += step
        if mnemonic == "push" and operands in REGISTER_NUMBERS and operands not in saved:
            saved[operands] = depth
            change = _saved_at(operands, depth)
        if step:
            end = address + size - stub.address
            rows += _advance(end - at) + bytes([_CFA_OFFSET]) + _number(depth) + change
            at = end
    return rows


def _stack_step(mnemonic: str, operands: str) -> int:
    """By how much an instruction deepens the stack."""
    if mnemonic in ("push", "pop"):
        return _SLOT if mnemonic == "push" else -_SLOT
    if mnemonic in ("add", "sub") and operands.startswith("rsp, ") and operands[5:6].isdigit():
        amount = int(operands.removeprefix("rsp, "), 0)
        return amount if mnemonic == "sub" else -amount
    return 0


def _saved_at(name: str, below: int) -> bytes:
    return bytes([_OFFSET | REGISTER_NUMBERS[name]]) + _number(below // _SLOT)


def _advance(distance: int) -> bytes:
    operation, form, _most = next(entry for entry in _ADVANCE if distance <= entry[2])
    return struct.pack(form, operation, distance)


def _number(value: int) -> bytes:
    """An unsigned LEB128 number (DWARF 4, section 7.6)."""
    encoded = bytearray()
    while True:
        encoded.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(encoded)
