"""How a program of ring 3 ends when a check fails: a line on standard error, and the status of abort(3)."""

from __future__ import annotations

from codegen.lang import Never, export, u32, u64
from user.lib.system import STANDARD_ERROR, exit_group, text_at, write_all

ABORTED: u32 = 134
"""128 + SIGABRT, as a shell shows abort(3)."""


@export
def trap_message(address: u64, length: u64) -> None:
    """The text of the assert or panic that is about to trap."""
    write_all(STANDARD_ERROR, text_at(address, length))
    write_all(STANDARD_ERROR, b"\n")


@export
def trap_failed(kind: u32) -> Never:
    """A checked operation failed."""
    write_all(STANDARD_ERROR, b"a check failed\n")
    exit_group(ABORTED)
