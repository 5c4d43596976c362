"""Traps: the ways in which a checked operation stops the machine."""

from __future__ import annotations

from enum import IntEnum
from typing import NoReturn


class TrapKind(IntEnum):
    """Why the machine stopped; the number is what compiled code hands to `trap_failed`."""

    OVERFLOW = 1
    SHIFT = 2
    DIVISION = 3
    NARROWING = 4
    BOUNDS = 5
    ASSERTION = 6
    MATCH = 7
    NULL = 8
    UNREACHABLE = 9
    PANIC = 10
    ENUM = 11


MEANING: dict[TrapKind, str] = {
    TrapKind.OVERFLOW: "integer overflow",
    TrapKind.SHIFT: "shift loses bits, or its count is not below the width",
    TrapKind.DIVISION: "division by zero",
    TrapKind.NARROWING: "value does not fit the narrower type",
    TrapKind.BOUNDS: "index out of bounds",
    TrapKind.ASSERTION: "assertion failed",
    TrapKind.MATCH: "no case matches",
    TrapKind.NULL: "reference used before it was set",
    TrapKind.UNREACHABLE: "unreachable code reached",
    TrapKind.PANIC: "panic",
    TrapKind.ENUM: "value is not a member of the enumeration",
}


class Panic(Exception):
    """What a trap is on the host, and what `codegen.run` raises for one in the emulator.

    `kind` says why; `frames` is the traceback, outermost first, as (file, line, function, source
    text), and is filled in by the emulator only.
    """

    def __init__(self, kind: TrapKind, text: str = "", frames: tuple[tuple[str, int, str, str], ...] = ()) -> None:
        super().__init__(kind, text)
        self.kind = kind
        self.text = text
        self.frames = frames

    def __str__(self) -> str:
        reason = f"{MEANING[self.kind]}: {self.text}" if self.text else MEANING[self.kind]
        if not self.frames:
            return reason
        lines = ["Traceback (innermost last):"]
        for file, line, function, source in self.frames:
            lines += [f'  File "{file}", line {line}, in {function}', f"    {source}"]
        return "\n".join([*lines, reason])


def panic(text: str) -> NoReturn:
    """Stop the machine with `text`, a literal. In the kernel: a traceback on the console."""
    raise Panic(TrapKind.PANIC, text)


def unreachable() -> NoReturn:
    """Say that control cannot come here; traps if it does."""
    raise Panic(TrapKind.UNREACHABLE)
