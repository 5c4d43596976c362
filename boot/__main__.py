"""`python -m boot build` compiles and links the kernel; `python -m boot image` only makes the disk image."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from boot.build import write_disk, write_kernel
from boot.errors import DiskError
from codegen import CompileError, LinkError
from codegen.collector import end_at_once
from codegen.progress import StageLine

ARCHIVE = click.option(
    "--archive",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The boot archive (kernel/files/archive_format.py) to put on the disk image.",
)
COMMAND_LINE = click.option("--command-line", default="", help="The kernel's command line on the disk image.")


@click.group()
def main() -> None:
    """Build the kernel and its disk image, in build/."""


@main.command()
@ARCHIVE
@COMMAND_LINE
def build(archive: Path | None, command_line: str) -> None:
    """Build build/pithos.elf and build/pithos.img."""
    try:
        with StageLine("building the kernel") as line:
            write_kernel(line.report)
            write_disk(archive, command_line)
    except (CompileError, LinkError, DiskError) as error:
        fail(error)


@main.command()
@ARCHIVE
@COMMAND_LINE
def image(archive: Path | None, command_line: str) -> None:
    """Build build/pithos.img from the kernel that is there."""
    try:
        write_disk(archive, command_line)
    except FileNotFoundError as error:
        fail(f"{error.filename} is missing: run `python -m boot build` first")
    except DiskError as error:
        fail(error)


def fail(reason: object) -> None:
    """Say why there is no image, and end with status 1."""
    click.echo(reason, err=True)
    sys.exit(1)


if __name__ == "__main__":
    end_at_once(main)
