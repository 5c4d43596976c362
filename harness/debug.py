"""`make debug`: a program in a container of a machine that gdb controls (GDB manual, "Remote Debugging").

    python -m harness.debug build/rootfs -- /bin/busybox ls
    (gdb) break kernel/sched/scheduler.py:42
    (gdb) continue

The machine stands still before its first instruction. Kernel and agent are known by their Python sources:
`backtrace` goes from the kernel through a system call to the agent's Python. Leaving gdb ends the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from codegen.root import ROOT
from harness.build import KERNEL
from harness.containers import DEFAULT_PATH, Program
from harness.errors import HarnessError
from harness.machine import Machine
from harness.messages import OWN_FAILURE, say
from harness.relay import Relay
from harness.run import Job, prepare, run

PROGRAM = "gdb"
AGENT = KERNEL.with_name("agent.elf")
CONNECT_TIMEOUT = 60.0


@dataclass(frozen=True)
class Session:
    """What is debugged, and the commands that gdb is given first; with some, it ends after them."""

    job: Job
    commands: tuple[str, ...] = ()


def debugger_command(socket: Path, commands: Sequence[str] = ()) -> list[str]:
    """The command line of gdb. Names of source files in the program are relative to the root of the tree."""
    first = [
        "set confirm off",
        "set pagination off",
        "set disassembly-flavor intel",
        f"directory {ROOT}",
        f"file {KERNEL}",
        f"add-symbol-file {AGENT}",
        f"target remote {socket}",
    ]
    options = ["-quiet", *(["-nx", "-batch"] if commands else [])]
    return [PROGRAM, *options, *(word for line in (*first, *commands) for word in ("-ex", line))]


async def debug(session: Session) -> int:
    """Run gdb on a machine that runs the job; ends when gdb does, and gives its exit status."""
    if shutil.which(PROGRAM) is None:
        raise HarnessError("gdb is not installed: apt-get install gdb")
    with tempfile.TemporaryDirectory(prefix="pithos-debug-") as folder, contextlib.ExitStack() as stack:
        socket = Path(folder) / "gdb"
        job = prepare(_with_debugger(session.job, socket), stack)
        machine = asyncio.create_task(run(job, Relay()))
        try:
            await _until_listening(socket, machine)
            debugger = await asyncio.create_subprocess_exec(*debugger_command(socket, session.commands))
            status = await debugger.wait()
            if machine.done():
                machine.result()
            return status
        finally:
            machine.cancel()
            with contextlib.suppress(asyncio.CancelledError, HarnessError):
                await machine


def _with_debugger(job: Job, socket: Path) -> Job:
    return replace(job, machine=replace(job.machine, debugger=socket), reads_input=False)


async def _until_listening(socket: Path, machine: asyncio.Task[int]) -> None:
    """Wait for QEMU's socket; a machine that does not start raises its reason."""
    async with asyncio.timeout(CONNECT_TIMEOUT):
        while not socket.exists():
            if machine.done():
                machine.result()
            await asyncio.sleep(0.05)


def parse(arguments: Sequence[str]) -> Session:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m harness.debug", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-ex", dest="commands", action="append", default=[], help="A command for gdb; then end.")
    parser.add_argument("rootfs", type=Path)
    parser.add_argument("command", nargs="+")
    given = parser.parse_args(arguments)
    program = Program(tuple(given.command), {"PATH": DEFAULT_PATH, "HOME": "/root"})
    return Session(Job(given.rootfs, program, Machine(kernel=KERNEL)), tuple(given.commands))


def main() -> None:
    """Debug; ctrl-C is gdb's to handle."""
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        sys.exit(asyncio.run(debug(parse(sys.argv[1:]))))
    except HarnessError as error:
        say(str(error))
        sys.exit(OWN_FAILURE)


if __name__ == "__main__":
    main()
