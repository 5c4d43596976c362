"""`pithos console`: looks at a running machine over QMP, and at its memory by the kernel's own classes.

(left) ps                       processes of all containers; `ps jar` of one, by its name or number
(left) pt 0x400000              the page-table entries of an address, in the address space that runs
(left) query-status             any QMP command; arguments as name=value, values as in JSON
(left) info registers           a line for QEMU's human monitor, when QMP has no such command
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import readline
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from qemu.qmp import ExecuteError, QMPClient, QMPError

from harness import physical
from harness.backtrace import backtrace
from harness.errors import HarnessError
from harness.inspect import Corrupt, Kernel
from harness.inspect_state import containers_table, cpus_table, frames_table, log_text, problems, processes_table
from harness.machine_folder import MachineFolder, Record, running_folders
from harness.messages import say
from harness.physical import NotMapped, shared_memory

ENTRY_BITS = ((0, "present"), (1, "writable"), (2, "user"), (5, "accessed"), (6, "dirty"), (7, "large"), (8, "global"))
NO_EXECUTE = 63
HISTORY_LENGTH = 1000
HELP = {
    "ps": "processes of all containers; ps NAME of one, by its name or number",
    "containers": "containers, with processes and pages; containers NAME: one",
    "cpus": "processors, and what each runs",
    "frames": "page frames by owner and use",
    "pt ADDRESS": "how an address is translated now",
    "bt": "the calls that every processor is in, or `bt 2` that one",
    "log": "the kernel's log",
    "validate": "check the kernel's invariants",
    "help": "this list; any QMP command works too (query-commands lists them)",
    "quit": "leave; the machine goes on (the QMP command quit would end it)",
}


class Failed(Exception):
    """A command did not do what was asked; the text says why."""


class Attached:
    """A console attached to one machine."""

    def __init__(self, folder: MachineFolder, record: Record) -> None:
        self.name = folder.name
        self._folder = folder
        self.monitor = QMPClient(folder.name)
        self.kernel = Kernel(shared_memory(folder.memory, read_only=True), Path(record.kernel).read_bytes())
        self.commands: list[str] = []

    async def connect(self) -> None:
        """Connect to the monitor. Raises HarnessError."""
        try:
            await self.monitor.connect(str(self._folder.monitor))
            self.commands = [entry["name"] for entry in await self._execute("query-commands", {})]
        except (QMPError, OSError, EOFError) as error:
            raise HarnessError(f"machine {self.name} does not answer: {error}") from None

    async def close(self) -> None:
        """Leave the machine alone again."""
        try:
            await self.monitor.disconnect()
        except (QMPError, EOFError, OSError):
            pass

    async def _execute(self, command: str, arguments: Mapping[str, object]) -> Any:
        return await self.monitor.execute(command, dict(arguments))

    async def perform(self, line: str) -> str:
        """Do one command; what is to be printed. Raises Failed, HarnessError."""
        word, *rest = line.split()
        which = rest[0] if rest else ""
        tables: dict[str, Callable[[Kernel], list[str]]] = {
            "ps": lambda kernel: processes_table(kernel, which),
            "containers": lambda kernel: containers_table(kernel, which),
            "cpus": cpus_table,
            "frames": frames_table,
            "validate": lambda kernel: problems(kernel) or ["all is well"],
        }
        try:
            if word in tables:
                return "\n".join(tables[word](self.kernel))
            if word == "log":
                return log_text(self.kernel).rstrip()
            if word == "bt":
                return "\n".join(await backtrace(self._execute, self.kernel, int(rest[0]) if rest else None))
            if word == "pt":
                return await self._page_table(rest)
            if word == "help":
                return "\n".join(f"  {name:12} {text}" for name, text in HELP.items())
            return await self._monitor_command(word, rest, line)
        except (Corrupt, NotMapped, IndexError, ValueError) as error:
            raise Failed(f"{word}: {error}") from None

    async def _page_table(self, rest: list[str]) -> str:
        if len(rest) != 1:
            raise Failed("pt: give one address, such as pt 0x400000")
        address = int(rest[0], 0)
        printed = str(await self._execute("human-monitor-command", {"command-line": "info registers"}))
        found = re.search(r"CR3=([0-9a-f]+)", printed)
        assert found is not None, printed
        lines = [f"{address:#x} from CR3 {int(found[1], 16):#x}"]
        steps = physical.walk(self.kernel.memory, int(found[1], 16), address)
        for level, (place, value) in zip("4321", steps, strict=False):
            names = [name for bit, name in ENTRY_BITS if value >> bit & 1]
            if value >> NO_EXECUTE & 1:
                names.append("no-execute")
            lines.append(f"  level {level} at {place:#x}: {value:#018x} {' '.join(names)}")
        return "\n".join(lines)

    async def _monitor_command(self, word: str, rest: list[str], line: str) -> str:
        try:
            if word in self.commands:
                arguments = dict(_argument(part) for part in rest)
                return json.dumps(await self._execute(word, arguments), indent=2)
            said = str(await self._execute("human-monitor-command", {"command-line": line})).rstrip()
        except ExecuteError as error:
            raise Failed(f"{word}: {error}") from None
        except (QMPError, EOFError, OSError):
            raise HarnessError(f"machine {self.name} has ended") from None
        if said.startswith("unknown command"):
            raise Failed(f"{word}: there is no such command; help lists those that there are")
        return said


def _argument(part: str) -> tuple[str, object]:
    """NAME=VALUE; a value that is not JSON is a string."""
    name, separator, value = part.partition("=")
    if not separator:
        raise ValueError(f"{part!r}: arguments are written name=value")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def find_machine(name: str | None) -> tuple[MachineFolder, Record]:
    """The machine of that name, or the only one. Raises HarnessError."""
    folders = running_folders()
    names = ", ".join(folder.name for folder in folders) or "none"
    if name is None and len(folders) > 1:
        raise HarnessError(f"which machine? Give one of: {names}")
    for folder in folders:
        record = folder.read_record()
        if record is not None and name in (None, folder.name):
            return folder, record
    raise HarnessError(f"no machine {name or 'is running'}; running: {names}. Start one with pithos run --name NAME")


async def attach(name: str | None, commands: list[str]) -> int:
    """Attach, do `commands` or ask for some, and leave; returns the exit status."""
    return await use(Attached(*find_machine(name)), commands)


async def use(console: Attached, commands: list[str]) -> int:
    """Connect, do `commands` or ask for some, and leave; returns the exit status."""
    try:
        await console.connect()
        if commands:
            for line in commands:
                if line.strip():
                    print(await console.perform(line))
            return 0
        return await _ask(console)
    except Failed as failure:
        raise HarnessError(str(failure)) from None
    finally:
        await console.close()


async def _ask(console: Attached) -> int:
    """Read commands until the end of input or `quit`; ctrl-C drops a line. The status: of input that is no terminal, 1
    if a command failed.
    """
    names = sorted([*(entry.split()[0] for entry in HELP), *console.commands])

    def complete(text: str, state: int) -> str | None:
        fitting = [name for name in names if name.startswith(text)]
        return fitting[state] if state < len(fitting) else None

    is_terminal = sys.stdin.isatty()
    readline.set_completer(complete)
    readline.set_completer_delims(" ")
    readline.parse_and_bind("tab: complete")
    prompt = f"({console.name}) " if is_terminal else ""
    status = 0
    with kept_history() if is_terminal else nullcontext():
        while True:
            try:
                line = read_line(prompt)
            except EOFError:
                if is_terminal:
                    print()
                return status
            except KeyboardInterrupt:
                print()
                continue
            await asyncio.sleep(0)  # the monitor may have said something meanwhile
            if line in ("quit", "exit"):
                return status
            try:
                if line:
                    print(await console.perform(line))
            except Failed as failure:
                say(str(failure))
                status = 0 if is_terminal else 1


def read_line(prompt: str) -> str:
    """A line from the user. Raises EOFError, and KeyboardInterrupt for ctrl-C, which asyncio would take for the end."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return input(prompt).strip()
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def kept_history() -> Iterator[None]:
    """The lines of earlier consoles, and these for later ones; none where they cannot be kept."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "pithos"
    file = state / "console_history"
    with suppress(OSError):
        readline.read_history_file(file)
    readline.set_history_length(HISTORY_LENGTH)
    try:
        yield
    finally:
        with suppress(OSError):
            state.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(file)
