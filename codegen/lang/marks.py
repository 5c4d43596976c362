"""Marks: what the author promises of a function or class, for the checks of the whole program to hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)


def sleeps(function: F) -> F:
    """The function below may give the processor to another thread: not while a spinlock is held."""
    function.__sleeps__ = True  # type: ignore[attr-defined]
    return function


def must_use(function: F) -> F:
    """The result of the function below may not be dropped: it is the only way to what was made."""
    function.__must_use__ = True  # type: ignore[attr-defined]
    return function


def bounded(turns: int) -> Callable[[F], F]:
    """The function below sees to it that it is never active more than `turns` times: it may call itself."""

    def decorate(function: F) -> F:
        function.__turns__ = turns  # type: ignore[attr-defined]
        return function

    return decorate


def spinlock(cls: C) -> C:
    """Nothing sleeps in a `with` of the class below; its locks are taken in the order of their field `rank`."""
    cls.__spinlock__ = True  # type: ignore[attr-defined]
    return cls
