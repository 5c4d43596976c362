"""The result of a function marked `@must_use` is used: whoever drops it cannot give back what was made."""

from __future__ import annotations

from codegen.check.whole.graph import Graph
from codegen.diagnostics import Diagnostic

HINT = "keep the result, and give it back when it is not needed any more; `_ = ...` says that it may be dropped"


def check(graph: Graph) -> list[Diagnostic]:
    """Refuse calls of such functions as statements of their own."""
    found = []
    for body in graph.bodies.values():
        for call in body.dropped:
            callees = graph.callees(call)
            if callees and all(callee.must_use for callee in callees):
                message = f"the result of {callees[0].symbol} is dropped"
                found.append(Diagnostic(call.location, message, HINT))
    return found
