"""`pithos run`: its options, and the job that is made of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from boot.layout import MAXIMUM_CPUS
from harness.cli.options import (
    LARGEST_NUMBER,
    Pair,
    Processors,
    ResourceLimits,
    RootFileSystem,
    Size,
    environment_of,
)
from harness.cli.unavailable import OPTIONS
from harness.errors import HarnessError
from harness.machine_kinds import MEBIBYTE, Backend, MachineType
from harness.messages import say

PAGE = 4096
OLD_LOG = "--log-by-v"
option = click.option
FLAGS = frozenset("it")
"""The options of one letter that can stand together, as in -it."""


class RunCommand(click.Command):
    """Tells `-v HOST:GUEST`, a volume, from `-v` alone, which was --log, and knows docker's other options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, self._without_old_log(args))
        except click.NoSuchOption as error:
            advice = OPTIONS.get(error.option_name)
            if advice is None:
                raise
            raise HarnessError(f"{error.option_name}: {advice}") from None

    def _without_old_log(self, args: Sequence[str]) -> list[str]:
        """The arguments with the old -v spelt differently. Stops where the options end."""
        takes_value = {
            name
            for parameter in self.params
            if isinstance(parameter, click.Option) and not parameter.is_flag and not parameter.count
            for name in parameter.opts
        }
        made: list[str] = []
        left = list(args)
        while left and left[0].startswith("-") and left[0] != "--":
            word = left.pop(0)
            if word == "--strace":
                made.append("--strace=-")
                continue
            if word == "-v" and (not left or ":" not in left[0]):
                made.append(OLD_LOG)
            elif word.endswith("v") and len(word) > 2 and set(word[1:-1]) <= FLAGS:
                made.append(word[:-1])
                left.insert(0, "-v")
            else:
                made.append(word)
                if word in takes_value and left:
                    made.append(left.pop(0))
        return made + left


@click.command(cls=RunCommand, context_settings={"allow_interspersed_args": False})
@option("-v", "--volume", "volumes", multiple=True, metavar="HOST:GUEST[:ro]", help="Copy in, and back unless ro.")
@option("--tmpfs", multiple=True, metavar="GUEST[:OPTIONS]", help="An empty directory there (mode=, uid=, gid=).")
@option("--read-only", "is_read_only", is_flag=True, help="Nothing but volumes and --tmpfs can be written to.")
@option("-e", "--env", "environment", type=Pair(), multiple=True, help="Set a variable of the program.")
@option("--env-file", "env_files", type=click.Path(path_type=Path), multiple=True, help="Variables, one a line.")
@option("-w", "--workdir", default="/", show_default=True, help="Working directory of the program.")
@option("-u", "--user", default="0", show_default=True, metavar="USER[:GROUP]", help="By names or numbers.")
@option("--group-add", "groups", multiple=True, metavar="GROUP", help="One more group of the program.")
@option("--entrypoint", default=None, metavar="PROGRAM", help="Runs COMMAND, which is its arguments.")
@option("--init", "has_init", is_flag=True, help="Process 1 passes signals on and reaps orphans.")
@option("-m", "--memory", type=Size(), default=0, help="Memory limit of the container, such as 64m.")
@option("--pids-limit", type=click.IntRange(-1, LARGEST_NUMBER), default=0, help="Process limit of the container.")
@option("-c", "--cpu-shares", type=click.IntRange(0, 10000), default=0, help="Weight of the container (100).")
@option("--cpus", type=Processors(), default=0, help="Processor limit of the container, such as 0.5.")
@option("--ulimit", "ulimits", type=ResourceLimits(), multiple=True, help="Such as nofile=1024:4096.")
@option("--name", default="", help="Name of the container, and of the machine for pithos console.")
@option("-h", "--hostname", default="", help="Host name that the container sees.")
@option("--network", "--net", "network", default="none", show_default=True, help="There is no other yet.")
@option("-i", "--interactive", is_flag=True, help="Pass our input to the program even if it is a terminal.")
@option("-t", "--tty", is_flag=True, help="Give the program a terminal.")
@option("--rm", is_flag=True, help="As docker's; the container is always removed.")
@option(
    "--machine",
    type=click.Choice(list(MachineType), case_sensitive=False),
    default=MachineType.MICROVM,
    show_default=True,
)
@option(
    "--backend", type=click.Choice(list(Backend), case_sensitive=False), default=None, help="[default: qemu, if there]"
)
@option("--disk", is_flag=True, help="Start from a disk image by the BIOS (q35, pc).")
@option("--ram", type=Size(), default=256 * MEBIBYTE, help="Memory of the machine.  [default: 256m]")
@option("--smp", type=click.IntRange(1, MAXIMUM_CPUS), default=1, show_default=True, help="CPUs of the machine.")
@option("--append", default="", help="More words for the kernel's command line.")
@option("--log", "is_verbose", is_flag=True, help="Show the kernel's log, and what the container gave back.")
@option("--strace", metavar="[=FILE]", default=None, help="Show system calls as strace does, on stderr or in FILE.")
@option("--strace-calls", metavar="NAME,...", default="", help="Only these; with ! before the first, all others.")
@option(OLD_LOG, "is_old_log", is_flag=True, hidden=True)
@click.argument("rootfs", type=RootFileSystem())
@click.argument("command", nargs=-1)
@click.pass_context
def run(context: click.Context, /, rootfs: Path, command: tuple[str, ...], **chosen: Any) -> None:
    """Run COMMAND in a container of ROOTFS, a directory or a tar file.

    The exit status is the program's; 128 + n when signal n killed it; 127 when it is not there, 126 when it cannot be
    started, 125 when it is our own failure, 123 when the kernel panicked. docs/run.md has more of each option.
    """
    from harness.run import run_to_end

    command = command[1:] if command and command[0] == "--" else command
    if chosen["entrypoint"] is not None:
        command = (chosen["entrypoint"], *command)
    if not command:
        raise click.UsageError("which COMMAND is to be run?", context)
    if chosen["is_old_log"]:
        say("-v alone shows the kernel's log for one more release: use --log (-v HOST:GUEST is a volume)")
    context.exit(run_to_end(job_of(rootfs, command, chosen)))


def job_of(rootfs: Path, command: tuple[str, ...], chosen: dict[str, Any]) -> Any:
    """The job that the options ask for. Raises HarnessError."""
    from harness.containers import Limits, Program, ResourceLimit
    from harness.engine.users import check_user
    from harness.engine.volumes import parse_volume
    from harness.images.graft import check_apart, parse_tmpfs
    from harness.machine import Machine
    from harness.run import Job
    from harness.terminal import DEFAULT_TERM

    tty, interactive = chosen["tty"], chosen["interactive"]
    check_user(chosen["user"])
    if chosen["network"] != "none":
        raise HarnessError(f"--network {chosen['network']}: there is no network yet, only none")
    if tty and interactive and not sys.stdin.isatty():
        raise HarnessError("the input device is not a TTY: leave out -t or -i")
    volumes = [parse_volume(text) for text in chosen["volumes"]]
    grafts = [*(volume.graft for volume in volumes), *(parse_tmpfs(text) for text in chosen["tmpfs"])]
    check_apart(grafts)
    check_words(chosen["append"])
    settings = {"TERM": os.environ.get("TERM", DEFAULT_TERM)} if tty else {}
    given = [*environment_of(chosen["env_files"]), *chosen["environment"]]
    limits = tuple(ResourceLimit(*one) for one in dict((one[0], one) for one in chosen["ulimits"]).values())
    is_disk = chosen["disk"]
    machine = MachineType(chosen["machine"])
    return Job(
        rootfs=rootfs,
        program=Program(command, settings, chosen["workdir"], limits=limits),
        user=chosen["user"],
        groups=chosen["groups"],
        environment={name: value for name, value in given if value is not None},
        machine=Machine(
            kernel=Path(),
            command_line=chosen["append"],
            type=MachineType.Q35 if is_disk and machine is MachineType.MICROVM else machine,
            backend=choose_backend(chosen["backend"]),
            memory=chosen["ram"],
            cpus=chosen["smp"],
            name=chosen["name"],
        ),
        limits=Limits(-(-chosen["memory"] // PAGE), max(chosen["pids_limit"], 0), chosen["cpu_shares"], chosen["cpus"]),
        name=chosen["name"],
        hostname=chosen["hostname"],
        is_verbose=chosen["is_verbose"] or chosen["is_old_log"],
        from_disk=is_disk,
        reads_input=interactive or not (tty or sys.stdin.isatty()),
        has_terminal=tty,
        has_init=chosen["has_init"],
        is_read_only=chosen["is_read_only"],
        trace=trace_of(chosen["strace"], chosen["strace_calls"]),
        volumes=volumes,
        grafts=grafts,
    )


def trace_of(where: str | None, names: str) -> Any:
    """What opens the trace that --strace asks for. Raises HarnessError."""
    if where is None:
        if names:
            raise HarnessError("--strace-calls: say --strace as well")
        return None
    from harness.strace.output import tracing_to

    return tracing_to(where, [name for name in names.split(",") if name])


def check_words(line: str) -> None:
    """Say which words of --append the kernel does not know: it would take no notice of them."""
    from harness.interface import option_names

    unknown = [word for word in line.split(" ") if word and word.partition("=")[0] not in option_names()]
    if unknown:
        known = ", ".join(option_names())
        say(f"--append: the kernel has no option {unknown[0].partition('=')[0]!r}; it knows {known}")


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
