"""Where the lines of --strace go: our standard error, or a file that is made before a machine is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from harness.errors import HarnessError
from harness.strace.tracing import Trace, check_names
from harness.terminal import for_terminal

STANDARD_ERROR = "-"


def tracing_to(where: str, names: Sequence[str]) -> Callable[[], AbstractContextManager[Trace]]:
    """What opens the trace. Raises HarnessError for a file that cannot be written, or names that are none."""
    if where != STANDARD_ERROR:
        try:
            Path(where).write_bytes(b"")
        except OSError as error:
            raise HarnessError(f"--strace={where}: {error.strerror}") from None

    @contextmanager
    def opened() -> Iterator[Trace]:
        check_names(names)
        if where == STANDARD_ERROR:
            yield Trace(write_to_terminal, names)
            return
        with Path(where).open("w", encoding="utf-8", errors="surrogateescape") as file:
            yield Trace(lambda text: print(text, end="", file=file), names)

    return opened


def write_to_terminal(text: str) -> None:
    """A line to standard error, which may be a terminal that is raw."""
    content = for_terminal(sys.stderr.fileno(), text.encode("utf-8", "surrogateescape"))
    while content:
        content = content[os.write(sys.stderr.fileno(), content) :]
