"""Memory management of CPython: what it need not do while and after a program is built."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Modules and trees grow and are all kept: looking for cycles among them would take two fifths of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def end_at_once(run: Callable[[], object]) -> None:
    """Call `run`, and end the process: freeing a million nodes one by one takes longer than it takes to link them."""
    gc.disable()
    status: object = 0
    try:
        run()
    except SystemExit as end:
        status = end.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    if not isinstance(status, int | None):
        sys.exit(str(status))
    os._exit(status or 0)
