"""`pithos console`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.options import PATH


@click.command()
@click.argument("machine", required=False)
@click.option("-c", "--command", "commands", multiple=True, help="Do this and end, instead of asking for commands.")
@click.option("--qmp", type=PATH, metavar="SOCKET", help="Attach to a QEMU that was started with -qmp unix:SOCKET.")
@click.option("--kernel", type=PATH, metavar="ELF", help="With --qmp: the kernel that runs there, if not found.")
def console(machine: str | None, commands: tuple[str, ...], qmp: Path | None, kernel: Path | None) -> None:
    """Look at a running MACHINE: every QMP command, and the kernel's own state."""
    import asyncio

    if (machine and qmp) or (kernel and not qmp):
        raise click.UsageError("give either MACHINE, or --qmp and perhaps --kernel")
    if qmp is not None:
        from harness.attached_by_qmp import attach_by_qmp

        sys.exit(asyncio.run(attach_by_qmp(qmp, kernel, list(commands))))
    from harness.console import attach

    sys.exit(asyncio.run(attach(machine, list(commands))))
