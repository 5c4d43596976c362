"""What the `pithos` command does: its options, and what is made of them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import click

from boot.layout import MAXIMUM_CPUS
from harness import verbs
from harness.errors import HarnessError
from harness.machine_kinds import MEBIBYTE, Backend, MachineType
from harness.messages import say

PAGE = 4096
LARGEST_NUMBER = (1 << 63) - 1
NO_ID = (1 << 32) - 1
UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


class Size(click.ParamType[Any]):
    """A number of bytes as docker writes it: 64m, 1g."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d+)([bkmg]?)b?", str(value).lower())
        if found is None:
            self.fail(f"{value!r} is not a size such as 64m or 1g", param, ctx)
        size = int(found[1]) * UNITS[found[2]]
        if size > LARGEST_NUMBER:
            self.fail(f"{value!r} is more than 64 bits can say", param, ctx)
        return size


class RootFileSystem(click.ParamType[Any]):
    """A path that is not empty, as that of a variable is which is not set: it would be the working directory."""

    name = "rootfs"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if not os.fspath(value):  # type: ignore[call-overload]
            self.fail("it is empty: give a directory or a tar file", param, ctx)
        return Path(value)  # type: ignore[arg-type]


class Processors(click.ParamType[Any]):
    """How much of the processors, as docker writes it: 1.5; kept in thousandths."""

    name = "decimal"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"\d+(\.\d+)?|\.\d+", str(value))
        if found is None:
            self.fail(f"{value!r} is not a number of processors such as 0.5 or 2", param, ctx)
        return round(float(found[0]) * 1000)


class Pair(click.ParamType[Any]):
    """NAME=VALUE, or NAME to take the value from our own environment: without one, None."""

    name = "name=value"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str | None]:
        name, separator, content = str(value).partition("=")
        if not name:
            self.fail(f"{value!r} has no name before the '='", param, ctx)
        return name, content if separator else os.environ.get(name)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="pithos")
def cli() -> None:
    """Pithos: run Linux programs in containers of a kernel written in Python."""


@cli.command(context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False})
@click.option("-e", "--env", "environment", type=Pair(), multiple=True, help="Set a variable of the program.")
@click.option("-w", "--workdir", default="/", show_default=True, help="Working directory of the program.")
@click.option("-u", "--user", default="0", show_default=True, metavar="UID[:GID]", help="User and group ids.")
@click.option("-m", "--memory", type=Size(), default=0, help="Memory limit of the container, such as 64m.")
@click.option("--pids-limit", type=click.IntRange(0, LARGEST_NUMBER), default=0, help="Process limit of the container.")
@click.option("--cpu-shares", type=click.IntRange(0, 10000), default=0, help="Weight of the container (100).")
@click.option("--cpus", type=Processors(), default=0, help="Processor limit of the container, such as 0.5.")
@click.option("--name", default="", help="Name of the container, and of the machine for pithos console.")
@click.option("--hostname", default="", help="Host name that the container sees.")
@click.option("-i", "--interactive", is_flag=True, help="Pass our input to the program even if it is a terminal.")
@click.option("-t", "--tty", is_flag=True, help="Give the program a terminal.")
@click.option("--rm", is_flag=True, help="As docker's; the container is always removed.")
@click.option(
    "--machine",
    type=click.Choice(list(MachineType), case_sensitive=False),
    default=MachineType.MICROVM,
    show_default=True,
)
@click.option(
    "--backend",
    type=click.Choice(list(Backend), case_sensitive=False),
    default=None,
    help="[default: qemu, if installed]",
)
@click.option("--disk", is_flag=True, help="Start from a disk image by the BIOS (q35, pc).")
@click.option("--ram", type=Size(), default=256 * MEBIBYTE, help="Memory of the machine.  [default: 256m]")
@click.option("--smp", type=click.IntRange(1, MAXIMUM_CPUS), default=1, show_default=True, help="CPUs of the machine.")
@click.option("--append", default="", help="More words for the kernel's command line.")
@click.option("-v", "--verbose", is_flag=True, help="Show the kernel's log, and what the container gave back.")
@click.argument("rootfs", type=RootFileSystem())
@click.argument("command", nargs=-1, required=True)
@click.pass_context
def run(  # the parameters are the options above
    context: click.Context,
    environment: tuple[tuple[str, str | None], ...],
    workdir: str,
    user: str,
    memory: int,
    pids_limit: int,
    cpu_shares: int,
    cpus: int,
    name: str,
    hostname: str,
    interactive: bool,
    tty: bool,
    rm: bool,
    machine: str,
    backend: str | None,
    disk: bool,
    ram: int,
    smp: int,
    append: str,
    verbose: bool,
    rootfs: Path,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND in a container of ROOTFS, a directory or a tar file.

    The exit status is the program's; 128 + n when signal n killed it; 127 when it is not there, 126 when it cannot be
    started, 125 when it is our own failure.
    """
    from harness.containers import DEFAULT_PATH, Limits, Program
    from harness.machine import Machine
    from harness.run import Job, run_to_end
    from harness.terminal import DEFAULT_TERM

    command = command[1:] if command[0] == "--" else command
    if not command:
        raise click.UsageError("which COMMAND is to be run?", context)
    owner, group = parse_user(user)
    if tty and interactive and not sys.stdin.isatty():
        raise HarnessError("the input device is not a TTY")
    settings = {"PATH": DEFAULT_PATH, "HOME": "/root" if owner == 0 else "/"}
    if tty:
        settings["TERM"] = os.environ.get("TERM", DEFAULT_TERM)
    settings.update((variable, value) for variable, value in environment if value is not None)
    job = Job(
        rootfs=rootfs,
        program=Program(command, settings, workdir, owner, group),
        machine=Machine(
            kernel=Path(),
            command_line=append,
            type=MachineType.Q35 if disk and machine == MachineType.MICROVM else MachineType(machine),
            backend=choose_backend(backend),
            memory=ram,
            cpus=smp,
            name=name,
        ),
        limits=Limits(-(-memory // PAGE), pids_limit, cpu_shares, cpus),
        name=name,
        hostname=hostname,
        is_verbose=verbose,
        from_disk=disk,
        reads_input=interactive or not (tty or sys.stdin.isatty()),
        has_terminal=tty,
    )
    context.exit(run_to_end(job))


def parse_user(text: str) -> tuple[int, int]:
    """UID or UID:GID, each below (uid_t)-1, which means "none" in setresuid(2)."""
    found = re.fullmatch(r"(\d{1,10})(?::(\d{1,10}))?", text, re.ASCII)
    owner, group = (int(part or 0) for part in found.groups()) if found else (NO_ID, NO_ID)
    if owner >= NO_ID or group >= NO_ID:
        raise HarnessError(f"--user {text}: give numbers, such as 1000 or 1000:1000")
    return owner, group


def choose_backend(wanted: str | None) -> Backend:
    """The backend that was asked for, or QEMU where it is installed."""
    import shutil

    from harness.qemu_command import PROGRAM

    if wanted is not None:
        return Backend(wanted)
    if shutil.which(PROGRAM):
        return Backend.QEMU
    say(f"{PROGRAM} is not installed: using the emulator (apt-get install qemu-system-x86 is faster)")
    return Backend.EMULATOR


@cli.command()
@click.argument("machine", required=False)
@click.option("-c", "--command", "commands", multiple=True, help="Do this and end, instead of asking for commands.")
@click.option(
    "--qmp", type=verbs.PATH, metavar="SOCKET", help="Attach to a QEMU that was started with -qmp unix:SOCKET."
)
@click.option("--kernel", type=verbs.PATH, metavar="ELF", help="With --qmp: the kernel that runs there, if not found.")
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


cli.add_command(verbs.build)
cli.add_command(verbs.compile_program)
