"""Programs under a terminal of this machine, typed at and watched: `pithos run -it`, or QEMU by itself."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

CONTROL_SEQUENCE = re.compile(rb"\x1b\[\??[0-9;]*[A-Za-z]")
RETURNS = re.compile(rb"\r+\n")
"""Ends of lines: a terminal in a terminal makes more of each."""
QUESTION = b"\x1b[999;999H\x1b[6n"
"""How `ctr boot` asks for the size of the terminal."""
TIMEOUT = 60.0


class Screen:
    """A process whose standard files are a terminal.

    With `tells_size` it answers like a real one when it is asked where the cursor is at the end of the screen.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        rows: int = 24,
        columns: int = 80,
        tells_size: bool = False,
        **settings: str,
    ) -> None:
        self.master, self.slave = os.openpty()
        self.resize(rows, columns)
        self.report = f"\x1b[{rows};{columns}R".encode() if tells_size else b""
        self.asked = b""
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *map(str, command)],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**os.environ, **settings},
        )
        self.seen = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        os.close(self.master)
        os.close(self.slave)

    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size: pithos, in its foreground, gets SIGWINCH."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("<HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def press_until(self, key: bytes, wanted: bytes) -> None:
        """Press `key`, again and again for as long as nobody takes it, until the screen shows `wanted`."""
        for _ in range(10):
            self.type(key)
            try:
                self.expect(wanted, 2.0)
                return
            except AssertionError:
                continue
        self.expect(wanted, 2.0)

    def start(self, line: bytes) -> None:
        """Type a command at a prompt, and wait until the shell has given the terminal its own settings back."""
        self.type(b"echo go; " + line + b"\r")
        self.expect(b"\ngo\r\n")

    def expect(self, wanted: bytes, timeout: float = TIMEOUT) -> bytes:
        """Wait until the screen shows `wanted`; returns what came before. Control sequences are left out."""
        end = time.monotonic() + timeout
        while wanted not in self.seen:
            left = end - time.monotonic()
            assert left > 0, f"{wanted!r} did not come, but {self.seen!r}"
            if select.select([self.master], [], [], min(left, 0.2))[0]:
                self.look()
            elif self.process.poll() is not None:
                raise AssertionError(f"it ended with {self.process.returncode} and {self.seen!r}")
        before, _, self.seen = self.seen.partition(wanted)
        return before

    def command(self, line: bytes) -> bytes:
        """Type a command at a prompt; returns what it printed."""
        self.type(line + b"\r")
        self.expect(line + b"\r\n")
        return self.expect(b"/ # ")

    def end(self) -> int:
        """Wait for the end; the exit status."""
        end = time.monotonic() + TIMEOUT
        while self.process.poll() is None and time.monotonic() < end:
            if select.select([self.master], [], [], 0.1)[0]:
                self.look()
        assert self.process.returncode is not None, f"no end, but {self.seen!r}"
        while select.select([self.master], [], [], 0)[0]:
            self.look()
        return self.process.returncode

    def look(self) -> None:
        """Read what is shown, and answer a question after the cursor."""
        content = os.read(self.master, 4096)
        self.seen = RETURNS.sub(b"\r\n", CONTROL_SEQUENCE.sub(b"", self.seen + content))
        self.asked = (self.asked + content)[-len(content) - len(QUESTION) + 1 :]
        if self.report and QUESTION in self.asked:
            self.type(self.report)
            self.asked = b""

    @property
    def is_restored(self) -> bool:
        """Whether our terminal is as it was before."""
        return termios.tcgetattr(self.slave) == self.before


class Shell(Screen):
    """One `pithos run` whose standard files are a terminal of 24 rows and 80 columns."""

    def __init__(self, *arguments: str | Path, rows: int = 24, columns: int = 80, **settings: str) -> None:
        super().__init__([sys.executable, "-m", "harness.cli", "run", *arguments], rows, columns, **settings)
