"""No callee keeps what is on its caller's stack: a `local()` that is handed down is only lent.

Each function has a summary: which of its parameters it keeps (stores where its caller cannot see, at any depth), stores
in which other parameter, and gives back as its result. The summaries are computed callees first, over circles until
nothing changes. Every value of reference or slice type stands for a set of origins: storage in this frame, a parameter,
or what was in a field of one of them. Addresses as integers (`address_of`) leave the check, as they leave all others.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from codegen.check.whole.bodies import AnyCall, Body
from codegen.check.whole.graph import Graph, circles
from codegen.diagnostics import Diagnostic
from codegen.tree import (
    AddressOf,
    ArraySlice,
    Binary,
    Call,
    CallInterface,
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

HINT = "allocate it from a heap: heap.new(...); or let the callee keep a copy of what it needs"


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


def check(graph: Graph) -> list[Diagnostic]:
    """Refuse to hand what is on the stack to a callee that keeps it."""
    summaries: dict[Function, Summary] = {}
    found: list[Diagnostic] = []
    for circle in circles(graph.bodies, lambda function: (c for c in graph.calls[function] if c in graph.bodies)):
        for function in circle:
            summaries[function] = Summary()
        flows = [_Flow(graph, graph.bodies[function], summaries) for function in circle]
        while any([flow.run() for flow in flows]) and len(flows) > 1:
            pass
        found += [diagnostic for flow in flows for diagnostic in flow.diagnostics()]
    return found


@functools.cache
def _refers(type_: Any) -> bool:
    """Whether a value of a type has an origin to follow."""
    if isinstance(type_, OptionalType):
        return isinstance(type_.inner, (StructType, InterfaceType))
    if isinstance(type_, TupleType):
        return any(map(_refers, type_.elements))
    return isinstance(type_, (StructType, InterfaceType, SliceType))


class _Flow:
    """The origins of everything in one function, whatever the order of its statements."""

    def __init__(self, graph: Graph, body: Body, summaries: dict[Function, Summary]) -> None:
        self.graph = graph
        self.body = body
        self.summaries = summaries
        self.summary = summaries[body.function]
        self.locals: dict[Local, Origins] = {
            local: frozenset((Origin(number),))
            for number, local in enumerate(body.function.parameters)
            if _refers(local.type)
        }
        self.contents: dict[Origin, Origins] = {}
        self.escaped: dict[Location, tuple[Function, Origin]] = {}
        self.assigned = [(local, value) for local, value in body.assigned if _refers(local.type)]
        self.stored = [(place, value) for place, value in body.stored if _refers(value.type)]
        self.calls = [made.call for made in body.calls if any(_refers(one.type) for one in _arguments(made.call))]
        self.returned = [value for value in body.returned if _refers(value.type)]

    def run(self) -> bool:
        """Follow each statement until nothing changes; says whether the summary grew."""
        before = self._size()
        changed = True
        while changed:
            start = self._size() + sum(map(len, self.locals.values())) + sum(map(len, self.contents.values()))
            for local, value in self.assigned:
                origins = self.origins(value)
                if origins:
                    self.locals[local] = self.locals.get(local, NOWHERE) | origins
            for place, value in self.stored:
                origins = self.origins(value)
                if origins:
                    self.store(self.place(place), _field_of(place), origins, value.location, None)
            for value in self.returned:
                self.summary.returned.update(o for o in self.origins(value) if isinstance(o.base, int))
            for call in self.calls:
                self.call(call)
            end = self._size() + sum(map(len, self.locals.values())) + sum(map(len, self.contents.values()))
            changed = end != start
        return self._size() != before

    def _size(self) -> int:
        return len(self.summary.kept) + len(self.summary.stored) + len(self.summary.returned)

    def store(self, targets: Origins, name: str, origins: Origins, location: Location, callee: Function | None) -> None:
        """`origins` are stored in the field `name` of `targets`; out of sight when those are unknown."""
        for origin in origins:
            if not targets:
                if isinstance(origin.base, int):
                    self.summary.kept.setdefault(origin, (location, callee))
                continue
            for target in targets:
                if isinstance(target.base, int):
                    if isinstance(origin.base, int) and origin.base != target.base:
                        self.summary.stored.add((origin, target.base, name))
                key = Origin(target.base, name)
                self.contents[key] = self.contents.get(key, NOWHERE) | {origin}

    # Calls --------------------------------------------------------------------------------------

    def call(self, call: AnyCall) -> None:
        """What the callees do with the arguments."""
        arguments = _arguments(call)
        for callee in self.graph.callees(call):
            summary = self.summaries.get(callee)
            if summary is None or not (summary.kept or summary.stored):
                continue
            for origin in list(summary.kept):
                for mine in self.at_caller(origin, arguments):
                    if isinstance(mine.base, int):
                        self.summary.kept.setdefault(mine, (call.location, callee))
                    elif call.location not in self.escaped:
                        self.escaped[call.location] = (callee, origin)
            for origin, number, name in list(summary.stored):
                mine_all = self.at_caller(origin, arguments)
                if mine_all:
                    targets = self.origins(arguments[number])
                    local = [one for one in mine_all if not isinstance(one.base, int)]
                    if not targets and local and call.location not in self.escaped:
                        self.escaped[call.location] = (callee, origin)
                    self.store(targets, name, mine_all, call.location, callee)

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
                return self.inside(self.place(tree.place), _field_of(tree.place)) if _refers(tree.type) else NOWHERE
            case Convert():
                return self.converted(tree)
            case Conditional():
                return self.origins(tree.then) | self.origins(tree.otherwise)
            case Let():
                return self.origins(tree.body)
            case MakeTuple():
                return NOWHERE.union(*map(self.origins, tree.elements))
            case TupleElement():
                return self.origins(tree.tuple) if _refers(tree.type) else NOWHERE
            case Call() | CallInterface():
                return self.result(tree) if _refers(tree.type) else NOWHERE
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

    def result(self, call: Call | CallInterface) -> Origins:
        """Which of its arguments a call may give back."""
        arguments = _arguments(call)
        found = NOWHERE
        for callee in self.graph.callees(call):
            summary = self.summaries.get(callee)
            for origin in summary.returned if summary is not None else ():
                found |= self.at_caller(origin, arguments)
        return found

    # Messages -----------------------------------------------------------------------------------

    def diagnostics(self) -> list[Diagnostic]:
        """What of this frame escapes: by a call, or by the result of one."""
        found = []
        for location, (callee, origin) in self.escaped.items():
            what = callee.parameters[origin.base].name if isinstance(origin.base, int) else ""
            kept = f"{what}.{origin.field}" if origin.field else what
            message = f"{callee.symbol} keeps its {kept}, which is on the stack here"
            found.append(Diagnostic(location, message, HINT, self.path(callee, origin)))
        for value in self.returned:
            if any(not isinstance(origin.base, int) for origin in self.origins(value)):
                message = "this may be on the stack, and may not outlive the function"
                found.append(Diagnostic(value.location, message, HINT))
        for place, value in self.stored:
            unseen = not self.place(place) and any(not isinstance(o.base, int) for o in self.origins(value))
            if unseen:
                message = "this may be on the stack, and is stored where it outlives the function"
                found.append(Diagnostic(value.location, message, HINT))
        return found

    def path(self, callee: Function, origin: Origin) -> tuple[tuple[Location, str], ...]:
        """One line a call, down to where it is stored."""
        steps = []
        seen = set()
        function: Function | None = callee
        while function is not None and function not in seen:
            seen.add(function)
            kept = self.summaries[function].kept
            if origin not in kept:
                break
            location, following = kept[origin]
            what = f"calls {following.symbol}" if following is not None else "stores it"
            steps.append((location, f"{function.symbol} {what}"))
            function = following
            if following is not None:
                origin = next(iter(self.summaries[following].kept), origin)
        return tuple(steps)


def _arguments(call: AnyCall) -> list[Expression]:
    """The arguments by the callee's parameters: the receiver of an interface call comes first."""
    return [call.receiver, *call.arguments] if isinstance(call, CallInterface) else call.arguments


def _field_of(place: Place) -> str:
    """The name of the field; all elements of a slice count as one."""
    return place.name if isinstance(place, Field) else "[]"
