"""A lock owns the fields that stand under it in its struct: they are used only while it is held.

Whether the caller holds it is looked up in the call graph, so that helpers need no mark; locks are told apart by the
struct and field that they are, and by instance only where one function names both by parameters or statics. Atomic
fields need no lock, nor does a struct on the stack. What the fields refer to may be used without it: it is guarded by
what is declared in *its* struct (README.md of codegen/, Decisions).
"""

from __future__ import annotations

from codegen.check.whole.bodies import Body, Held, Touched
from codegen.check.whole.graph import Graph, Path
from codegen.diagnostics import Diagnostic
from codegen.tree import Function, Local, Static

HINT = "take it: with ...:; or, when the field never changes once others see the struct, declare it above the lock"


def check(graph: Graph) -> list[Diagnostic]:
    """Refuse the use of guarded fields on a path of calls that does not hold their lock."""
    unheld: dict[str, dict[Function, list[Touched]]] = {}
    for function, body in graph.bodies.items():
        for touched in body.touched:
            if not any(held.name == touched.lock and _may_be_of(held, touched, body) for held in touched.held):
                unheld.setdefault(touched.lock, {}).setdefault(function, []).append(touched)
    return [diagnostic for lock, users in unheld.items() for diagnostic in _without(graph, lock, users)]


def _may_be_of(held: Held, touched: Touched, body: Body) -> bool:
    """Whether a lock of the right name may be that of the struct: not if two parameters or statics name the two."""
    assigned = {local for local, _value in body.assigned}
    lasting = [owner for owner in (held.owner, touched.owner) if owner is not None and _lasts(owner, body, assigned)]
    return len(lasting) < 2 or lasting[0] is lasting[1]


def _lasts(owner: Local | Static, body: Body, assigned: set[Local]) -> bool:
    """Whether a name stands for the same struct in all of a function."""
    return isinstance(owner, Static) or (owner in body.function.parameters and owner not in assigned)


def _without(graph: Graph, lock: str, users: dict[Function, list[Touched]]) -> list[Diagnostic]:
    """What is used by functions that are reached without `lock`."""
    ways = _reached(graph, lock)
    found = []
    for function, uses in users.items():
        if function in ways:
            place = uses[0].place
            message = f"{place.base.type}.{place.name} is used without {lock}, which guards it"
            found.append(Diagnostic(place.location, message, HINT, _path(graph, function, ways)))
    return found


def _reached(graph: Graph, lock: str) -> dict[Function, Function | None]:
    """Every function that runs without `lock` on some path from an entry point, with its caller there."""
    found: dict[Function, Function | None] = {
        function: None for function in graph.bodies if function.export or function not in graph.callers
    }
    waiting = list(found)
    for function in waiting:
        for callee, held in graph.edges(function):
            if callee not in found and lock not in held:
                found[callee] = function
                waiting.append(callee)
    return found


def _path(graph: Graph, function: Function, ways: dict[Function, Function | None]) -> Path:
    steps = []
    caller = ways.get(function)
    while caller is not None:
        steps.append((graph.calls[caller][function], f"{caller.symbol} calls {function.symbol}"))
        function, caller = caller, ways.get(caller)
    return tuple(reversed(steps))
