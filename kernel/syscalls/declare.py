"""Declaring system calls: once, beside the function that does the work.

    @syscall(39)
    def getpid(task: Thread) -> Pid: ...

    @syscall(170, missing="what is not done of it", needs="user 0")
    def sethostname(task: Thread, name: UserAddr, length: u64) -> Fallible[None]: ...

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
    missing: str = ""
    """What the man page says and the call does not do, in a few words."""
    needs: str = ""
    """What the caller must have; else EPERM."""
    answer: str = ""
    """Of a call that is there only to refuse: the error."""
    unlocked: bool = False
    """It only looks at what nobody else changes, and is made without the kernel lock (sched/kernel_lock.py)."""

    @property
    def name(self) -> str:
        """The name in the manual: that of the function, without the underscore that keeps it from a builtin."""
        return self.function.__name__.rstrip("_")

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return (self.function.__doc__ or "").strip().splitlines()[0]

    @property
    def remark(self) -> str:
        """What the summary says beyond the name of the manual page that it begins with."""
        head, _, rest = self.summary.partition("(2)")
        return "" if " " in head else rest.strip(" .:,;")


SYSCALLS: dict[int, Declaration] = {}
"""Every declared call by number: what the build and the tools read; the kernel has a tuple of it."""


def syscall(
    number: int, *, missing: str = "", needs: str = "", answer: str = "", unlocked: bool = False
) -> Callable[[F], F]:
    """Declare the function below as the system call `number`. Its first parameter is the calling thread.

    `missing` says what the manual says of the call and it does not do, `needs` what the caller must have, and `answer`
    with which error it always refuses. An `unlocked` call only looks at what nobody else changes.
    """

    def declare(function: F) -> F:
        known = SYSCALLS.get(number)
        if known is not None:
            raise ValueError(f"system call {number} is both {known.name} and {function.__name__}")
        SYSCALLS[number] = Declaration(number, function, missing, needs, answer, unlocked)
        return function

    return declare
