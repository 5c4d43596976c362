"""Recursion is refused, as the stack of a kernel is small: unless each circle of calls passes `@bounded`.

Calls through interfaces count with every implementor: a file that calls the file below it is recursion, unless the
types show that it never is its own.
"""

from __future__ import annotations

from codegen.check.whole.graph import Graph, Path, circles
from codegen.diagnostics import Diagnostic
from codegen.tree import Function

HINT = "write a loop; or count the turns, refuse one too many, and mark the function @bounded(turns)"


def check(graph: Graph) -> list[Diagnostic]:
    """Refuse the circles that remain without the marked functions."""

    def calls(function: Function) -> list[Function]:
        return [callee for callee in graph.calls.get(function, ()) if not callee.turns]

    found = []
    for circle in circles((function for function in graph.bodies if not function.turns), calls):
        first = min(circle, key=lambda function: function.symbol)
        if len(circle) > 1 or first in calls(first):
            path = _round(graph, first, set(circle))
            message = f"{first.symbol} calls itself" if len(path) == 1 else f"{first.symbol} comes to call itself"
            found.append(Diagnostic(path[0][0], message, HINT, path))
    return found


def _round(graph: Graph, first: Function, circle: set[Function]) -> Path:
    """The shortest way from `first` back to it."""
    came_from: dict[Function, Function] = {}
    waiting = [first]
    for function in waiting:
        for callee in graph.calls[function]:
            if callee in circle and callee not in came_from:
                came_from[callee] = function
                waiting.append(callee)
    way = [first, came_from[first]]
    while way[-1] is not first:
        way.append(came_from[way[-1]])
    following = dict(zip(way[1:], way, strict=False))
    steps = []
    for function in reversed(way[1:]):
        callee = following[function]
        steps.append((graph.calls[function][callee], f"{function.symbol} calls {callee.symbol}"))
    return tuple(steps)
