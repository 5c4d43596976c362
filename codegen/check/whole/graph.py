"""Who calls whom: a call through an interface reaches every implementor, a call of a function value every function of
its type whose address is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from codegen.check.whole.bodies import AnyCall, read_body
from codegen.tree import Call, CallInterface, Function, Location, StaticKind
from codegen.types import FunctionType

if TYPE_CHECKING:
    from codegen.check.program import Program

Path = tuple[tuple[Location, str], ...]


class Graph:
    """The bodies of all functions, and what each of their calls may reach."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.bodies = {function: read_body(function) for function in program.functions if function.body is not None}
        self._by_type: dict[FunctionType, list[Function]] = {}
        for function in dict.fromkeys(self._addressed()):
            types = tuple(parameter.type for parameter in function.parameters)
            type_ = FunctionType(types, function.result, function.fallible)
            self._by_type.setdefault(type_, []).append(function)
        self._edges: dict[Function, list[tuple[Function, tuple[str, ...]]]] = {}
        self._interface: dict[tuple[int, int], list[Function]] = {}
        self.calls = {
            function: {
                callee: made.call.location for made in reversed(body.calls) for callee in self.callees(made.call)
            }
            for function, body in self.bodies.items()
        }
        self.callers: dict[Function, list[Function]] = {}
        for function, callees in self.calls.items():
            for callee in callees:
                self.callers.setdefault(callee, []).append(function)

    def _addressed(self) -> Iterator[Function]:
        for body in self.bodies.values():
            yield from body.addresses
        for static in self._program.statics.all:
            if static.kind is not StaticKind.VTABLE:
                for relocation in static.relocations:
                    if isinstance(relocation.target, Function):
                        yield relocation.target

    def callees(self, call: AnyCall) -> list[Function]:
        """The functions that a call may reach."""
        if isinstance(call, Call):
            return [call.function]
        if isinstance(call, CallInterface):
            key = id(call.interface), call.slot
            found = self._interface.get(key)
            if found is None:
                found = self._interface[key] = self._program.implementations(call)
            return found
        type_ = call.function.type
        return self._by_type.get(type_, []) if isinstance(type_, FunctionType) else []

    def edges(self, function: Function) -> list[tuple[Function, tuple[str, ...]]]:
        """What a function calls, and the locks that it holds then or need not hold."""
        found = self._edges.get(function)
        if found is None:
            calls = self.bodies[function].calls if function in self.bodies else []
            pairs = (
                (callee, (*(held.name for held in made.held), *made.private))
                for made in calls
                for callee in self.callees(made.call)
            )
            found = self._edges[function] = list(dict.fromkeys(pairs))
        return found

    def reaching(self, ends: Iterable[Function]) -> dict[Function, Function | None]:
        """Every function from which one of `ends` can be called, with the next one on the shortest way there."""
        found: dict[Function, Function | None] = dict.fromkeys(ends)
        waiting = list(found)
        for function in waiting:
            for caller in self.callers.get(function, ()):
                if caller not in found:
                    found[caller] = function
                    waiting.append(caller)
        return found

    def path(self, start: Function, next_of: Callable[[Function], Function | None]) -> Path:
        """One line a call, from `start` on."""
        steps = []
        function, following = start, next_of(start)
        while following is not None:
            steps.append((self.calls[function][following], f"{function.symbol} calls {following.symbol}"))
            function, following = following, next_of(following)
        return tuple(steps)


def circles(functions: Iterable[Function], calls: Callable[[Function], Iterable[Function]]) -> list[list[Function]]:
    """The strongly connected components (Tarjan 1972), callees first, without recursion of its own."""
    order: dict[Function, int] = {}
    lowest: dict[Function, int] = {}
    path: list[Function] = []
    on_path: set[Function] = set()
    found: list[list[Function]] = []
    for root in functions:
        if root in order:
            continue
        work = [(root, iter(calls(root)))]
        order[root] = lowest[root] = len(order)
        path.append(root)
        on_path.add(root)
        while work:
            function, callees = work[-1]
            for callee in callees:
                if callee not in order:
                    order[callee] = lowest[callee] = len(order)
                    path.append(callee)
                    on_path.add(callee)
                    work.append((callee, iter(calls(callee))))
                    break
                if callee in on_path:
                    lowest[function] = min(lowest[function], order[callee])
            else:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[function])
                if lowest[function] == order[function]:
                    start = path.index(function)
                    found.append(path[start:])
                    on_path.difference_update(path[start:])
                    del path[start:]
    return found
