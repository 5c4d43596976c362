"""`python -m codegen.sizes build/pithos.elf`: section sizes and the deepest stack of every entry point."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from codegen.program_file import ProgramFile, open_program
from codegen.stack import StackAnalysis

SECTIONS = (".boot", ".text", ".rodata", ".data", ".bss")


def section_table(program: ProgramFile) -> Table:
    """What is loaded, by section."""
    table = Table("section", "bytes", title="sections", title_justify="left")
    table.columns[1].justify = "right"
    for name, size in program.section_sizes().items():
        if name in SECTIONS:
            table.add_row(name, f"{size:,}")
    return table


def stack_table(program: ProgramFile) -> Table:
    """The deepest stack of every exported function, the calls that lead there, and recursion on the way."""
    analysis = StackAnalysis(program)
    table = Table("entry point", "bytes", "deepest calls", title="stack", title_justify="left")
    table.columns[1].justify = "right"
    for entry in analysis.entries:
        use = analysis.deepest(entry)
        calls = " > ".join(name.rsplit(".", 1)[-1] for name in use.path)
        for circle in use.recursion:
            kind = "recursion without a bound" if circle in use.unbounded else "bounded recursion"
            calls += f"\n{kind}: {', '.join(circle)}"
        table.add_row(entry, f"{use.bytes:,}", calls)
    return table


def main(arguments: list[str]) -> None:
    """Print both tables for an ELF file."""
    if len(arguments) < 1:
        sys.exit("usage: python -m codegen.sizes PROGRAM")
    program = open_program(arguments[0])
    console = Console()
    console.print(section_table(program))
    console.print(stack_table(program))


if __name__ == "__main__":
    main(sys.argv[1:])
