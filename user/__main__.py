"""`python -m user build [DIRECTORY]`: writes agent.elf."""

from __future__ import annotations

from pathlib import Path

import click

from user.build import build_agent


@click.group()
def main() -> None:
    """Programs of ring 3."""


@main.command()
@click.argument("directory", type=click.Path(path_type=Path), default=Path("build"))
def build(directory: Path) -> None:
    """Write DIRECTORY/agent.elf."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "agent.elf").write_bytes(build_agent(cache=directory / "cache"))


if __name__ == "__main__":
    main()
