"""`pithos build`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import PATH


def root_path(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Path | None:
    """A path, but that of a variable which is not set: it would be the working directory."""
    if value == "":
        raise click.BadParameter("it is empty: give a directory or a tar file")
    return None if value is None else Path(value)


@click.command()
@click.option("--rootfs", callback=root_path, help="A directory or a tar file as root.")
@click.option("--command", default="", help="What the machine runs, instead of a shell.")
@click.option("-o", "--output", type=PATH, help="The disk image.  [default: build/pithos.img]")
def build(rootfs: Path | None, command: str, output: Path | None) -> None:
    """Build the kernel, and a disk image that runs a shell by itself, in build/.

    Without --rootfs its root file system has this machine's static busybox. docs/boot-by-hand.md tells how to start it.
    """
    from codegen.collector import end_at_once
    from codegen.progress import StageLine
    from harness.messages import say
    from harness.standalone import build_standalone

    def build_all() -> None:
        with StageLine("building") as line:
            made = build_standalone(rootfs, command, output, line.report)
        say(f"qemu-system-x86_64 -nographic -drive file={shown(made.image)},format=raw")

    end_at_once(build_all)


def shown(path: Path) -> Path:
    """A path as the user would write it here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
