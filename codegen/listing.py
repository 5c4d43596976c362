"""The program as source lines interleaved with the machine code made from them.

    python -m codegen.listing build/pithos.elf [NAME...]       whole functions, by a part of their names

Reads nothing but the ELF file: symbols, the line table in .rodata, and code.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import capstone
from elftools.elf.elffile import ELFFile

from codegen.lines import Frame, LineReader


@dataclass(frozen=True)
class CodeSymbol:
    """A function of the program."""

    name: str
    address: int
    code: bytes


class ProgramFile:
    """A linked ELF file, for looking at."""

    def __init__(self, content: bytes) -> None:
        elf = ELFFile(io.BytesIO(content))
        self._sections: list[Any] = list(elf.iter_sections())
        self.symbols: dict[str, int] = {}
        self.functions: list[CodeSymbol] = []
        table: Any = elf.get_section_by_name(".symtab")
        code = {index for index, part in enumerate(self._sections) if part.name in (".text", ".boot")}
        for symbol in table.iter_symbols():
            self.symbols[symbol.name] = symbol["st_value"]
            index = symbol["st_shndx"]
            if symbol["st_info"]["type"] == "STT_FUNC" and index in code and symbol["st_size"]:
                part = self._sections[index]
                start = symbol["st_value"] - part["sh_addr"]
                content = part.data()[start : start + symbol["st_size"]]
                self.functions.append(CodeSymbol(symbol.name, symbol["st_value"], content))
        self.functions.sort(key=lambda function: function.address)

    def line_reader(self) -> LineReader:
        """The line table; its address and that of the code are symbols of the linker."""
        rodata = next(part for part in self._sections if part.name == ".rodata")
        offset = self.symbols["__line_table"] - rodata["sh_addr"]
        return LineReader(rodata.data()[offset:], self.symbols["__text_start"])

def list_function(function: CodeSymbol, names: dict[int, str], lines: LineReader) -> Iterator[str]:
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
            yield f"  {depth}{inner.file}:{inner.line} {inner.function}: {inner.text}"
        operands = instruction.op_str
        if instruction.mnemonic in ("call", "jmp") and operands.startswith("0x"):
            operands = names.get(int(operands, 16), operands)
        yield f"      {instruction.address & 0xFFFFFFFF:08x}  {instruction.mnemonic:<8} {operands}"
    yield ""


def main(arguments: list[str]) -> None:
    """Print the listing of the functions whose names contain one of the given parts; of all without any."""
    program = ProgramFile(Path(arguments[0]).read_bytes())
    names = {function.address: function.name for function in program.functions}
    lines = program.line_reader()
    for function in program.functions:
        if not arguments[1:] or any(part in function.name for part in arguments[1:]):
            sys.stdout.write("\n".join(list_function(function, names, lines)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
