"""How much stack each function takes, and which it calls directly: read from its machine code when it is compiled.

It travels in the ELF file, in a section that is not loaded, so that nobody has to disassemble the whole program.
"""

from __future__ import annotations

from collections.abc import Iterable

from codegen.disassembler import instructions
from codegen.elf import STT_FUNC
from codegen.objects import ObjectFile, Section, StackFrame

SECTION = ".stack_frames"
RETURN_ADDRESS = 8
FROM_OPERAND = 4
"""A call counts from the end of its operand, and so does the addend of its relocation."""


def read_frame(code: bytes, address: int) -> tuple[int, list[tuple[int, int]]]:
    """The size of a function's frame: return address, saved registers, and locals; and of each direct call
    where its operand is, and the address that it names."""
    pushed: set[str] = set()
    calls: list[tuple[int, int]] = []
    room = 0
    for start, _size, mnemonic, operands in instructions(code, address):
        if mnemonic == "push":
            pushed.add(operands)
        elif mnemonic == "sub" and operands.startswith("rsp, "):
            room = max(room, int(operands.removeprefix("rsp, "), 0))
        elif mnemonic == "call" and operands[0].isdigit():
            calls.append((start + 1, int(operands, 0)))
    return RETURN_ADDRESS + 8 * len(pushed) + room, calls


def object_frames(made: ObjectFile) -> dict[str, StackFrame]:
    """The frames of all functions of an object file."""
    starts = {(symbol.section, symbol.value): symbol.name for symbol in made.symbols if symbol.kind == STT_FUNC}
    relocated = {index: _call_targets(made, section, starts) for index, section in made.sections.items()}
    found = {}
    for symbol in made.symbols:
        if symbol.kind == STT_FUNC and symbol.section is not None:
            code = made.sections[symbol.section].data[symbol.value : symbol.value + symbol.size]
            size, calls = read_frame(code, symbol.value)
            known = relocated[symbol.section]
            names = (known[place] if place in known else starts.get((symbol.section, to), "") for place, to in calls)
            found[symbol.name] = StackFrame(size, tuple(dict.fromkeys(name for name in names if name)))
    return found


def _call_targets(made: ObjectFile, section: Section, starts: dict[tuple[int | None, int], str]) -> dict[int, str]:
    """What each relocation of a section names, by its place; by the name of a section, the function at that offset."""
    found = {}
    for offset, _kind, index, addend in section.each_relocation():
        symbol = made.symbols[index]
        found[offset] = symbol.name or starts.get((symbol.section, addend + FROM_OPERAND), "")
    return found


def encode(objects: Iterable[ObjectFile]) -> bytes:
    """As text: a line a function, with its size and those that it calls, and tabs between them."""
    frames = {name: frame for made in objects for name, frame in made.frames.items()}
    lines = ("\t".join((name, str(frame.size), *frame.calls)) for name, frame in sorted(frames.items()))
    return "".join(f"{line}\n" for line in lines).encode()


def decode(content: bytes) -> dict[str, StackFrame]:
    """The frames that `encode` wrote."""
    lines = (line.split("\t") for line in content.decode().splitlines())
    return {name: StackFrame(int(size), tuple(calls)) for name, size, *calls in lines}
