"""A linked ELF file as the tools look at it: functions, symbols, line table, call graph."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from elftools.elf.elffile import ELFFile

from codegen import call_graph, raising
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
        graph = elf.get_section_by_name(call_graph.SECTION)
        self.calls = call_graph.decode(graph.data()) if graph else {}
        marks = elf.get_section_by_name(raising.SECTION)
        self.raising = raising.decode(marks.data()) if marks else {}
        self.functions.sort(key=lambda function: function.address)

    def section_sizes(self) -> dict[str, int]:
        """The bytes of each section by name."""
        return {part.name: part["sh_size"] for part in self._sections if part.name}

    def line_reader(self) -> LineReader:
        """The line table; its address and that of the code are symbols of the linker."""
        rodata = next(part for part in self._sections if part.name == ".rodata")
        offset = self.symbols["__line_table"] - rodata["sh_addr"]
        return LineReader(rodata.data()[offset:], self.symbols["__text_start"])
