"""Declaring system calls: once, beside the function that does the work.

    @syscall(39)
    def getpid(task: Thread) -> Pid: ...

The number is that of x86-64 Linux (arch/x86/entry/syscalls/syscall_64.tbl), or of our own calls, from 1000. From these
declarations come the dispatcher (dispatch.py), the coverage page (docs/linux-calls.md) and the harness's `guest.sys`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Declaration:
    """One system call: its number and the function that does it."""

    number: int
    function: Callable[..., Any]

    @property
    def name(self) -> str:
        """The name in the manual: that of the function, without the underscore that keeps it from a builtin."""
        return self.function.__name__.rstrip("_")

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return (self.function.__doc__ or "").strip().splitlines()[0]


SYSCALLS: dict[int, Declaration] = {}
"""Every declared call by number: what the build and the tools read; the kernel has a tuple of it."""


def syscall(number: int) -> Callable[[F], F]:
    """Declare the function below as the system call `number`. Its first parameter is the calling thread."""

    def declare(function: F) -> F:
        known = SYSCALLS.get(number)
        if known is not None:
            raise ValueError(f"system call {number} is both {known.name} and {function.__name__}")
        SYSCALLS[number] = Declaration(number, function)
        return function

    return declare
