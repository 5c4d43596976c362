"""`python -m codegen build FILE.py -o out.elf`: compile the functions of one file to a program.

The roots are the functions marked `@export`; `--entry` names the one that the program begins with. It is a program
for ring 3, or one for the bare machine if the module says `START = BareMetal("main")` (bare_metal.py).
`--dump=STAGE` prints what a stage made instead: tree, cfg, llvm, asm or symbols.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import FunctionType
from typing import Any

import click
from rich.console import Console

from codegen import CompileError, Image, LinkError, Program, Stub, bare_metal, compile_program, link
from codegen.bare_metal import BareMetal
from codegen.bytecode import kept_bytecode
from codegen.diagnostics import Diagnostic
from codegen.files import write_whole
from codegen.progress import StageLine
from codegen.root import ROOT
from codegen.target import Target

TRAP_STUBS = (
    Stub("trap_failed", "text", lambda _symbols: "ud2"),
    Stub("trap_message", "text", lambda _symbols: "ret"),
)
"""For programs that do not say what a trap does: an invalid instruction."""

STAGES = ("tree", "cfg", "llvm", "asm", "symbols")


@click.group()
def main() -> None:
    """The compiler of the kernel language (docs/language.md)."""


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The ELF file to write.")
@click.option("--entry", default="", help="The exported function to begin with (default: the first).")
@click.option("--base", default="0x400000", help="The address that the program is linked for.")
@click.option("--cache", type=click.Path(path_type=Path), help="A folder for compiled objects.")
@click.option("--dump", type=click.Choice(STAGES), help="Print what a stage made.")
def build(file: Path, output: Path | None, entry: str, base: str, cache: Path | None, dump: str | None) -> None:
    """Compile the exported functions of FILE and all that they reach."""
    try:
        with kept_bytecode(cache / "python" if cache is not None else None):
            module = import_file(file)
        roots = exported(module)
        if not roots:
            raise click.ClickException(f"{file} has no function marked @export")
        if dump and dump != "symbols":
            click.echo(dumped(roots, dump))
            return
        with StageLine() as progress:
            program = compile_program(roots, target=Target.USER, cache=cache, progress=progress.report)
        start = getattr(module, "START", None)
        if isinstance(start, BareMetal):
            image = link_bare_metal(program, start)
        else:
            stubs = needed(TRAP_STUBS, program)
            image = link(program, base=int(base, 0), stubs=stubs, entry=entry or roots[0].__name__, user=True)
    except CompileError as error:
        print_diagnostics(error.diagnostics)
        sys.exit(1)
    except LinkError as error:
        raise click.ClickException(str(error)) from None
    if dump == "symbols":
        for name, address in sorted(image.symbols.items(), key=lambda pair: pair[1]):
            click.echo(f"{address:#018x} {name}")
    write_whole(output or file.with_suffix(".elf"), image.elf)


def needed(stubs: tuple[Stub, ...], program: Program) -> list[Stub]:
    """Those of `stubs` that the program wants."""
    return [stub for stub in stubs if stub.name in program.externals]


def link_bare_metal(program: Program, start: BareMetal) -> Image:
    """Link a program for the bare machine."""
    stubs = [*start.stubs, *needed(bare_metal.TRAP_STUBS, program)]
    return link(program, base=start.base, stubs=stubs, entry=start.entry, notes=start.notes, user=True)


def import_file(file: Path) -> Any:
    """Import a file of this tree by its module name."""
    path = file.resolve()
    if not path.is_relative_to(ROOT):
        raise click.ClickException(f"{file} is outside of the tree: modules are named from its root")
    sys.path.insert(0, str(ROOT))
    return importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def exported(module: Any) -> list[FunctionType]:
    """The `@export` functions that `module` defines, in order."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, FunctionType)
        and value.__module__ == module.__name__
        and getattr(value, "__export__", False)
    ]


def dumped(roots: list[FunctionType], stage: str) -> str:
    """The text of a stage for each module that is reached."""
    from codegen.check import check_program
    from codegen.llvm.dump import dump
    from codegen.llvm.text import Modules

    checked = check_program(roots)
    return "\n".join(dump(stage, name, checked, Target.USER) for name in sorted(Modules(checked).names()))


def print_diagnostics(diagnostics: tuple[Diagnostic, ...]) -> None:
    """Errors as the source line, carets under the expression, and a hint; coloured on a terminal."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for diagnostic in diagnostics:
        head, *rest = str(diagnostic).splitlines()
        console.print(head, style="bold red", markup=False)
        for line in rest:
            is_caret = set(line.strip()) == {"^"}
            console.print(line, style="bold" if is_caret else "", markup=False)
    count = len(diagnostics)
    console.print(f"{count} error{'s' if count != 1 else ''}", style="bold", markup=False)


if __name__ == "__main__":
    main()
