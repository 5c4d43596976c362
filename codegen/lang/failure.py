"""Failure: Linux errors as classes, and what undoes on the way out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

T = TypeVar("T")

Fallible = Annotated[T, "fallible"]
"""`-> Fallible[Inode]`: returns an Inode, or lets out an Errno."""


class Errno(Exception):
    """Base of the Linux errors; `class ENOENT(Errno, code=2)` declares one."""

    code: int = 0
    by_code: dict[int, type[Errno]] = {}

    def __init_subclass__(cls, code: int, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        cls.code = code
        Errno.by_code[code] = cls


def errno_of(code: int) -> Errno:
    """The error whose number is `code` (positive), to be raised."""
    return Errno.by_code[code]()


@contextmanager
def on_error(undo: Callable[..., object], *arguments: Any) -> Iterator[None]:
    """Call `undo(*arguments)` if the block fails, then let the error go on."""
    try:
        yield
    except Errno:
        undo(*arguments)
        raise


@contextmanager
def deferred(function: Callable[..., object], *arguments: Any) -> Iterator[None]:
    """Call `function(*arguments)` when the block is left, however it is left."""
    try:
        yield
    except Errno:
        function(*arguments)
        raise
    else:
        function(*arguments)
