"""What checking an expression gives: a typed tree, or something that is known while compiling."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from codegen.resolve import Annotations, Bindings
from codegen.source import FunctionSource
from codegen.tree import Expression, Label, Local, Location, Place
from codegen.types import InterfaceType, Type


@dataclass(eq=False, slots=True)
class HostValue:
    """A constant: any object of the host. `type` is set when an integer has a definite one: `u32(5)`."""

    location: Location
    object: Any
    type: Type | None = None


@dataclass(eq=False, slots=True)
class BoundMethod:
    """`receiver.method`, not called yet."""

    location: Location
    receiver: Expression
    function: Any
    owner: Type
    interface: InterfaceType | None = None


@dataclass(eq=False, slots=True)
class PlaceValue:
    """An embedded Atomic: only its methods can be used."""

    location: Location
    place: Place


@dataclass(eq=False, slots=True)
class GeneratorCall:
    """A call of a function with `yield`; a `for` inlines it."""

    location: Location
    function: Any
    owner: Type | None
    bindings: Bindings
    arguments: list[tuple[str, Expression | HostValue]]


@dataclass(eq=False, slots=True)
class AtomicMethod:
    """`counter.fetch_add`, not called yet."""

    location: Location
    place: Place
    name: str


Value = Expression | HostValue | BoundMethod | PlaceValue | GeneratorCall | AtomicMethod


class Binding(NamedTuple):
    """What a name stands for at one point: a local, seen as `type`, or a constant."""

    local: Local | None
    type: Type | None
    constant: Value | None = None


State = dict[str, Binding]
"""The names that are certainly set at one point of the flow."""


class Condition(NamedTuple):
    """A test: its tree or known outcome, and what holds when it is true, and when it is false."""

    value: Expression | bool
    when_true: State
    when_false: State


@dataclass(eq=False, slots=True)
class LoopTarget:
    """Where `break` and `continue` of one loop go, and the states that arrive there.

    `exit_label` is the end of the loop itself; `break` goes further when the loop has an `else`.
    """

    exit_label: Label
    break_label: Label
    continue_label: Label
    break_states: list[State] = field(default_factory=list)
    continue_states: list[State] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Frame:
    """One function body being checked: the function itself, or an iterator that is inlined in it."""

    source: FunctionSource
    annotations: Annotations
    local_names: frozenset[str]
    locals: dict[str, Local] = field(default_factory=dict)
    loops: list[LoopTarget] = field(default_factory=list)
    end_label: Label | None = None  # where `return` goes in an inlined iterator
    on_yield: Any = None
    caught: list[Any] = field(default_factory=list)  # what a bare `raise` re-raises, innermost last
