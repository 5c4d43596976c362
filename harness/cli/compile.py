"""`pithos compile`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from harness.cli.options import PATH


@click.command("compile")
@click.argument("file", type=PATH)
@click.option("-o", "--output", type=PATH, help="The ELF file.  [default: beside FILE]")
@click.option("--run", "runs", is_flag=True, help="Boot it in QEMU; without -o the ELF file is not kept.")
def compile_program(file: Path, output: Path | None, runs: bool) -> None:
    """Compile FILE, a program in the kernel language for the bare machine, to an ELF file that QEMU boots by -kernel.

    Modules are named from the folder of the nearest pyproject.toml, or else that of FILE. The program begins at what
    START = BareMetal("name") names, or at the exported function main. docs/language.md is the language.
    """
    from codegen.progress import StageLine
    from harness.compiling import boot_program, compile_file, written
    from harness.outputs import check_folder

    if output is not None:
        check_folder(output)
    with StageLine("compiling") as line:
        elf = compile_file(file, line.report)
    if runs and output is None:
        with tempfile.TemporaryDirectory(prefix="pithos-") as folder:
            sys.exit(boot_program(written(Path(folder) / "program.elf", elf)))
    path = written(output or file.with_suffix(".elf"), elf)
    if runs:
        sys.exit(boot_program(path))
