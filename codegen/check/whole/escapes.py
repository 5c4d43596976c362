"""No callee keeps what is on its caller's stack: a `local()` that is handed down is only lent.

Each function has a summary: which of its parameters it keeps (stores where its caller cannot see, at any depth), stores
in which other parameter, and gives back as its result. The summaries are computed callees first, over circles until
nothing changes.
"""

from __future__ import annotations

from codegen.check.whole.bodies import AnyCall, Body
from codegen.check.whole.graph import Graph, Path, circles
from codegen.check.whole.origins import NOWHERE, Origin, Origins, Summary, Values, arguments_of, field_of, refers
from codegen.diagnostics import Diagnostic
from codegen.tree import (
    AddressOf,
    ArraySlice,
    Conditional,
    Constant,
    Convert,
    Element,
    Expression,
    Field,
    Function,
    Location,
    Place,
    ReadLocal,
)

HINT = "allocate it from a heap: heap.new(...); or let the callee keep a copy of what it needs"


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


class _Flow(Values):
    """The origins of everything in one function, whatever the order of its statements."""

    def __init__(self, graph: Graph, body: Body, summaries: dict[Function, Summary]) -> None:
        super().__init__(graph, body.function, summaries)
        self.body = body
        self.summary = summaries[body.function]
        self.escaped: dict[Location, tuple[Function, Origin]] = {}
        self.assigned = [(local, value) for local, value in body.assigned if refers(local.type)]
        self.stored = [(place, value) for place, value in body.stored if refers(value.type)]
        self.calls = [made.call for made in body.calls if any(refers(one.type) for one in arguments_of(made.call))]
        self.returned = [value for value in body.returned if refers(value.type)]

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
                    self.store(self.place(place), field_of(place), origins, value.location, None)
            for value in self.returned:
                self.summary.returned.update(o for o in self.origins(value) if isinstance(o.base, int))
            for call in self.calls:
                self.call(call)
            end = self._size() + sum(map(len, self.locals.values())) + sum(map(len, self.contents.values()))
            changed = end != start
        for place, value in self.stored:
            if self.may_be_outside(place):
                self.store(NOWHERE, "", self.origins(value), value.location, None)
        return self._size() != before

    def may_be_outside(self, tree: Expression | Place) -> bool:
        """Whether a reference, or the struct of a place, may also be one that outlives the call."""
        match tree:
            case ReadLocal():
                values = [value for local, value in self.assigned if local is tree.local]
                return any(not isinstance(value, Constant) and not self.origins(value) for value in values)
            case Field():
                return self.may_be_outside(tree.base)
            case Element():
                return self.may_be_outside(tree.slice)
            case AddressOf() | ArraySlice():
                return self.may_be_outside(tree.place)
            case Convert():
                return self.may_be_outside(tree.operand)
            case Conditional():
                return not (self.origins(tree.then) and self.origins(tree.otherwise))
        return False

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
        arguments = arguments_of(call)
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
                    unseen = not targets or self.may_be_outside(arguments[number])
                    if unseen and local and call.location not in self.escaped:
                        self.escaped[call.location] = (callee, origin)
                    self.store(targets, name, mine_all, call.location, callee)
                    if unseen:
                        self.store(NOWHERE, name, mine_all, call.location, callee)

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
            unseen = (not self.place(place) or self.may_be_outside(place)) and any(
                not isinstance(o.base, int) for o in self.origins(value)
            )
            if unseen:
                message = "this may be on the stack, and is stored where it outlives the function"
                found.append(Diagnostic(value.location, message, HINT))
        return found

    def path(self, callee: Function, origin: Origin) -> Path:
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
