"""Statements, and the whole program."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from codegen.tree.expressions import Expression, Node, Place
from codegen.tree.names import Function, Label, Local, Static
from codegen.types import Type

if TYPE_CHECKING:
    from codegen.lang import TrapKind

__all__ = [
    "Assign", "Block", "Break", "Case", "CheckedProgram", "Cleanup", "Evaluate", "Handler", "If", "Interface",
    "Loop", "Raise", "Return", "Statement", "Store", "Switch", "Try",
]  # fmt: skip


@dataclass(eq=False, slots=True)
class Assign(Node):
    local: Local
    value: Expression


@dataclass(eq=False, slots=True)
class Store(Node):
    place: Place
    value: Expression


@dataclass(eq=False, slots=True)
class Evaluate(Node):
    value: Expression


@dataclass(eq=False, slots=True)
class If(Node):
    test: Expression
    then: list[Statement]
    otherwise: list[Statement]


@dataclass(eq=False, slots=True)
class Loop(Node):
    """Run `body` again and again; `Break(label)` leaves. (`continue` is a Break out of a Block in the body.)"""

    label: Label
    body: list[Statement]


@dataclass(eq=False, slots=True)
class Block(Node):
    """Run `body` once; `Break(label)` goes to its end."""

    label: Label
    body: list[Statement]


@dataclass(eq=False, slots=True)
class Break(Node):
    label: Label


@dataclass(eq=False, slots=True)
class Return(Node):
    value: Expression | None


class Case(NamedTuple):
    values: tuple[int, ...]
    body: list[Statement]


@dataclass(eq=False, slots=True)
class Switch(Node):
    """Run the case that has the integer-like subject's value, or `default`; traps MATCH when there is neither."""

    subject: Expression
    cases: list[Case]
    default: list[Statement] | None
    trap: TrapKind


@dataclass(eq=False, slots=True)
class Raise(Node):
    """Fail with an error number (of ErrorType)."""

    error: Expression


class Handler(NamedTuple):
    """Catches the error numbers `codes`, any when None; the number is assigned to `error` first."""

    codes: tuple[int, ...] | None
    error: Local
    body: list[Statement]


@dataclass(eq=False, slots=True)
class Try(Node):
    """Run `body`, then `otherwise`; a failure inside `body` goes to the first handler that has it, or on outwards."""

    body: list[Statement]
    handlers: list[Handler]
    otherwise: list[Statement]


@dataclass(eq=False, slots=True)
class Cleanup(Node):
    """Run `body`; then, on every way out of it (only by failure, when `on_failure_only`), run `cleanup`.

    This is `finally`, `with`, `deferred` and `on_error`. A trap is not a way out. A Return's value is
    evaluated before the cleanup. A `finally` may itself leave by Return, Raise or Break, which then wins.
    """

    body: list[Statement]
    cleanup: list[Statement]
    on_failure_only: bool


Statement = (
    Assign | Store | Evaluate | If | Loop | Block | Break | Return | Switch | Raise | Try | Cleanup
)  # fmt: skip


# The whole program ----------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class Interface:
    """An Interface class; a struct has one vtable, in which method i of this interface is slot `first_slot + i`."""

    symbol: str
    methods: list[str]
    first_slot: int
    vtables: dict[str, Static] = field(default_factory=dict)  # by the symbol of each struct that is ever built


@dataclass(eq=False, slots=True)
class CheckedProgram:
    """All that is reachable from the roots. Order is deterministic."""

    functions: list[Function]
    statics: list[Static]
    interfaces: list[Interface]
    structs: list[Type]
    roots: list[Function] = field(default_factory=list)  # of each root that was asked for, in order

    def externals(self) -> list[str]:
        return sorted({function.symbol for function in self.functions if function.external})
