"""Tracing a container: the call that begins it, and the way of what is read to lines."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from harness.agent_protocol import into
from harness.errors import HarnessError
from harness.guest import Guest
from harness.interface import call_numbers, call_parameters, member, number
from harness.linux_calls import NAMES
from harness.strace.calls import CALLS, copied
from harness.strace.records import Reader
from harness.strace.writer import Writer, chooser

CAPACITY = 256 << 10


def check_names(names: Sequence[str]) -> None:
    """Raise HarnessError for what is no system call."""
    known = {*call_numbers(), *NAMES.values()}
    for name in names:
        if name.removeprefix("!") not in known:
            raise HarnessError(f"--strace-calls: there is no system call {name.removeprefix('!')!r}")


def wanted_pieces() -> tuple[bytes, int]:
    """The table of trace_container, and for how many calls it has words."""
    words = number("TRACE_ARGUMENTS")
    numbers = {**{name: at for at, name in NAMES.items()}, **call_numbers()}
    numbers = {name: at for name, at in numbers.items() if name in CALLS}
    calls = max(numbers.values()) + 1
    table = [0] * (calls * words)
    for name, at in numbers.items():
        for index, word in enumerate(CALLS[name]):
            kind, length, most = copied(name, word)
            table[at * words + index] = member("PieceKind", kind) | length << 8 | most << 16
    return struct.pack(f"<{len(table)}I", *table), calls


class Trace:
    """What a container does, on its way to `write`."""

    def __init__(self, write: Callable[[str], None], names: Sequence[str] = ()) -> None:
        numbers = {at: name for name, at in call_numbers().items()}
        self._reader = Reader()
        self._writer = Writer(write, numbers, call_parameters(), chooser(names))

    async def begin(self, guest: Guest, container: int) -> int:
        """A descriptor that `feed` is to have the bytes of. Raises OSError."""
        table, calls = wanted_pieces()
        return await guest.sys.trace_container(container, into(table), calls, CAPACITY)

    def feed(self, content: bytes) -> None:
        """What was read."""
        for record in self._reader.feed(content):
            self._writer.take(record)

    def finish(self) -> None:
        """The container is gone: the counts."""
        self._writer.finish()
