"""The program as source lines interleaved with the machine code made from them (`make listing`).

    python -m codegen.listing build/pithos.elf build/listing     a file for each module
    python -m codegen.listing build/pithos.elf - NAME...         to the screen, functions by a part of their names

A line on which a call or `raise` may fail is marked with the errors that it may let out. Reads nothing but the ELF
file: symbols, the line table in .rodata, the marks, and code.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import capstone

from codegen.lines import Frame, LineReader
from codegen.program_file import CodeSymbol, open_program
from codegen.raising import Raising


def list_function(function: CodeSymbol, names: dict[int, str], lines: LineReader, raising: Raising) -> Iterator[str]:
    """The lines of one function's listing."""
    yield f"{function.name}:"
    disassembler = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    previous: list[Frame] = []
    for instruction in disassembler.disasm(function.code, function.address):
        frames = lines.frames(instruction.address)
        if frames and frames != previous:
            previous = frames
            inner = frames[0]
            depth = "| " * (len(frames) - 1)
            yield f"  {depth}{inner.file}:{inner.line} {inner.function}: {inner.text}{_mark(inner, raising)}"
        operands = instruction.op_str
        if instruction.mnemonic in ("call", "jmp") and operands.startswith("0x"):
            operands = names.get(int(operands, 16), operands)
        yield f"      {instruction.address & 0xFFFFFFFF:08x}  {instruction.mnemonic:<8} {operands}"
    yield ""


def _mark(frame: Frame, raising: Raising) -> str:
    errors = raising.get((frame.file, frame.line), ())
    return f"    [may raise {', '.join(errors)}]" if errors else ""


def module_of(function: CodeSymbol, lines: LineReader) -> str:
    """The name of the listing that a function goes to: that of its source file, with dots."""
    frames = lines.frames(function.address)
    file = frames[-1].file if frames else ""
    return file.removesuffix(".py").replace("/", ".") if file.endswith(".py") else "stubs"


def main(arguments: list[str]) -> None:
    """Write a listing of each module to a folder, or print the functions whose names contain a given part."""
    if len(arguments) < 2:
        sys.exit("usage: python -m codegen.listing PROGRAM FOLDER, or PROGRAM - PART...")
    program = open_program(arguments[0])
    names = {function.address: function.name for function in program.functions}
    lines = program.line_reader()
    if arguments[1] == "-":
        for function in program.functions:
            if any(part in function.name for part in arguments[2:]):
                sys.stdout.write("\n".join(list_function(function, names, lines, program.raising)) + "\n")
        return
    folder = Path(arguments[1])
    folder.mkdir(parents=True, exist_ok=True)
    listings: dict[str, list[str]] = {}
    for function in program.functions:
        listings.setdefault(module_of(function, lines), []).extend(
            list_function(function, names, lines, program.raising)
        )
    for module, text in listings.items():
        (folder / f"{module}.lst").write_text("\n".join(text) + "\n")
    sys.stdout.write(f"{len(program.functions)} functions of {len(listings)} modules in {folder}/\n")


if __name__ == "__main__":
    main(sys.argv[1:])
