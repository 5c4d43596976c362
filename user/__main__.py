"""`python -m user build [DIRECTORY]`: writes agent.elf."""

from __future__ import annotations

from pathlib import Path

import click

from codegen.root import BUILD_FOLDER
from user.output import write_agent


@click.group()
def main() -> None:
    """Programs of ring 3."""


@main.command()
@click.argument("directory", type=click.Path(path_type=Path), default=BUILD_FOLDER)
def build(directory: Path) -> None:
    """Write DIRECTORY/agent.elf."""
    write_agent(folder=directory)


if __name__ == "__main__":
    main()
