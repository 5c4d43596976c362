"""Interfaces."""

from __future__ import annotations

from typing import Any


class Interface:
    """Base of the interfaces: classes of methods with `...` bodies that structs implement.

    A value of an interface type is a reference to a struct of any implementing class; the call
    goes through a table pointer at the start of the struct.
    """

    def __init_subclass__(cls, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if Interface in cls.__bases__:
            cls.__interface__ = cls  # type: ignore[attr-defined]
