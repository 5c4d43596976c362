"""A linked ELF file as the tools look at it: functions, symbols, line table, call graph, stack frames."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from codegen import call_graph, raising, stack_frames
from codegen.elf import STT_FUNC, NotElf, read_sections, read_symbols
from codegen.lines import LineReader


@dataclass(frozen=True)
class CodeSymbol:
    """A function of the program."""

    name: str
    address: int
    code: bytes


class ProgramFile:
    """A linked ELF file, for looking at."""

    def __init__(self, content: bytes) -> None:
        sections = read_sections(content)
        self._sections = {part.name: part for part in sections}
        self.symbols: dict[str, int] = {}
        self.functions: list[CodeSymbol] = []
        code = {index: part for index, part in enumerate(sections) if part.name in (".text", ".boot")}
        for symbol in read_symbols(sections):
            self.symbols[symbol.name] = symbol.value
            if symbol.kind == STT_FUNC and symbol.section in code and symbol.size:
                part = code[symbol.section]
                start = symbol.value - part.address
                self.functions.append(CodeSymbol(symbol.name, symbol.value, part.data[start : start + symbol.size]))
        self.calls = call_graph.decode(self._content(call_graph.SECTION))
        self.raising = raising.decode(self._content(raising.SECTION))
        self.frames = stack_frames.decode(self._content(stack_frames.SECTION))
        self.functions.sort(key=lambda function: function.address)

    def _content(self, name: str) -> bytes:
        """The content of a section; empty when there is none of that name."""
        return self._sections[name].data if name in self._sections else b""

    def section_sizes(self) -> dict[str, int]:
        """The bytes of each section by name."""
        return {name: part.size for name, part in self._sections.items() if name}

    def line_reader(self) -> LineReader:
        """The line table; its address and that of the code are symbols of the linker."""
        rodata = self._sections[".rodata"]
        offset = self.symbols["__line_table"] - rodata.address
        return LineReader(rodata.data[offset:], self.symbols["__text_start"])


def open_program(path: str) -> ProgramFile:
    """The program in a file that a user named; what is wrong with it ends a command with a line."""
    try:
        return ProgramFile(Path(path).read_bytes())
    except OSError as error:
        sys.exit(f"{path}: {error.strerror}")
    except NotElf as error:
        sys.exit(f"{path}: {error}")
