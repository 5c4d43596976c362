"""One line on a terminal that says which stage is running; silent elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status

DELAY_SECONDS = 0.3
"""A build that is done sooner shows nothing."""


class StageLine:
    """A context manager; `report` is the progress callback of `compile_program`."""

    def __init__(self, verb: str = "building") -> None:
        self._status: Status | None = None
        self._verb = verb
        self._started = time.monotonic()
        self._is_shown = sys.stderr.isatty()

    def __enter__(self) -> StageLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def report(self, stage: str, done: int, total: int) -> None:
        """Show that `stage` has done so much."""
        if not self._is_shown or time.monotonic() - self._started < DELAY_SECONDS:
            return
        text = f"{self._verb}: {stage} {done}/{total}" if total > 1 else f"{self._verb}: {stage}"
        if self._status is None:
            from rich.console import Console  # only here: most builds are done before there is anything to show

            self._status = Console(stderr=True).status(text)
            self._status.start()
        self._status.update(text)
