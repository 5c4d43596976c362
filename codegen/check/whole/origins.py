"""Where the references and slices of a function come from: what `escapes.py` follows.

Every value of such a type stands for a set of origins: storage in this frame, a parameter, or what was in a field of
one of them. Addresses as integers (`address_of`) leave the check, as they leave all others.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from codegen.check.whole.bodies import AnyCall
from codegen.check.whole.graph import Graph
from codegen.tree import (
    AddressOf,
    ArraySlice,
    Binary,
    Call,
    CallInterface,
    CallValue,
    Conditional,
    Construct,
    Conversion,
    Convert,
    Element,
    Expression,
    Field,
    Function,
    Let,
    Local,
    Location,
    MakeSlice,
    MakeTuple,
    Place,
    Read,
    ReadLocal,
    SliceView,
    StackStorage,
    Subslice,
    TupleElement,
)
from codegen.types import InterfaceType, OptionalType, SliceType, StructType, TupleType


class Origin(NamedTuple):
    """Where a reference comes from: a parameter (its number) or storage of this frame, or a field of one of these."""

    base: int | StackStorage
    field: str = ""


Origins = frozenset[Origin]
NOWHERE: Origins = frozenset()


@dataclass(eq=False)
class Summary:
    """What a function does with its parameters."""

    kept: dict[Origin, tuple[Location, Function | None]] = field(default_factory=dict)
    """Those that it stores out of sight: where, and by calling whom."""

    stored: set[tuple[Origin, int, str]] = field(default_factory=set)
    """The first is stored in the field (third) of the parameter (second)."""

    returned: set[Origin] = field(default_factory=set)


@functools.cache
def refers(type_: Any) -> bool:
    """Whether a value of a type has an origin to follow."""
    if isinstance(type_, OptionalType):
        return isinstance(type_.inner, (StructType, InterfaceType))
    if isinstance(type_, TupleType):
        return any(map(refers, type_.elements))
    return isinstance(type_, (StructType, InterfaceType, SliceType))


class Values:
    """The origins of the values of one function, as far as they are known."""

    def __init__(self, graph: Graph, function: Function, summaries: dict[Function, Summary]) -> None:
        self.graph = graph
        self.summaries = summaries
        self.locals: dict[Local, Origins] = {
            local: frozenset((Origin(number),))
            for number, local in enumerate(function.parameters)
            if refers(local.type)
        }
        self.contents: dict[Origin, Origins] = {}

    def at_caller(self, origin: Origin, arguments: list[Expression]) -> Origins:
        """What a callee's parameter, or what is in a field of it, is here."""
        assert isinstance(origin.base, int)
        found = self.origins(arguments[origin.base])
        return self.inside(found, origin.field) if origin.field else found

    def inside(self, bases: Origins, name: str) -> Origins:
        """What is in the field `name` of `bases`."""
        found = NOWHERE
        for base in bases:
            found |= self.contents.get(Origin(base.base, name), NOWHERE)
            if isinstance(base.base, int):
                found |= {Origin(base.base, name)}
        return found

    # Expressions --------------------------------------------------------------------------------

    def origins(self, tree: Expression) -> Origins:
        """Where a reference or slice may come from; empty when that outlives the call."""
        match tree:
            case ReadLocal():
                return self.locals.get(tree.local, NOWHERE)
            case Construct():
                storage = tree.address
                return frozenset((Origin(storage),)) if isinstance(storage, StackStorage) else NOWHERE
            case StackStorage():
                return frozenset((Origin(tree),))
            case MakeSlice():
                return self.origins(tree.address) if isinstance(tree.address, Construct) else NOWHERE
            case AddressOf() | ArraySlice():
                return self.place(tree.place)
            case Subslice() | SliceView():
                return self.origins(tree.slice)
            case Read():
                return self.inside(self.place(tree.place), field_of(tree.place)) if refers(tree.type) else NOWHERE
            case Convert():
                return self.converted(tree)
            case Conditional():
                return self.origins(tree.then) | self.origins(tree.otherwise)
            case Let():
                return self.origins(tree.body)
            case MakeTuple():
                return NOWHERE.union(*map(self.origins, tree.elements))
            case TupleElement():
                return self.origins(tree.tuple) if refers(tree.type) else NOWHERE
            case Call() | CallInterface() | CallValue():
                return self.result(tree) if refers(tree.type) else NOWHERE
        return NOWHERE

    def converted(self, tree: Convert) -> Origins:
        """A conversion keeps the origin of a reference; that of `field_at` goes by way of an address."""
        if tree.conversion is Conversion.RETYPE:
            return self.origins(tree.operand)
        if tree.conversion is Conversion.ADDRESS_TO_REFERENCE and isinstance(tree.operand, Binary):
            start = tree.operand.left
            if isinstance(start, Convert) and start.conversion is Conversion.REFERENCE_TO_ADDRESS:
                return self.origins(start.operand)
        return NOWHERE

    def place(self, place: Place) -> Origins:
        """Where the struct or slice comes from that a place is in."""
        if isinstance(place, Field):
            return self.origins(place.base)
        return self.origins(place.slice) if isinstance(place, Element) else NOWHERE

    def result(self, call: AnyCall) -> Origins:
        """Which of its arguments a call may give back."""
        arguments = arguments_of(call)
        found = NOWHERE
        for callee in self.graph.callees(call):
            summary = self.summaries.get(callee)
            for origin in summary.returned if summary is not None else ():
                found |= self.at_caller(origin, arguments)
        return found


def arguments_of(call: AnyCall) -> list[Expression]:
    """The arguments by the callee's parameters: the receiver of an interface call comes first."""
    return [call.receiver, *call.arguments] if isinstance(call, CallInterface) else call.arguments


def field_of(place: Place) -> str:
    """The name of the field; all elements of a slice count as one."""
    return place.name if isinstance(place, Field) else "[]"
