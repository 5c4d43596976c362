"""What only a compiler of the whole program can promise, over the call graph of the checked program:

- `bodies.py`     what every function calls, takes and keeps, read from its tree once
- `graph.py`      who calls whom; the way to what is refused, for the message
- `locks.py`      nothing sleeps while a spinlock is held; locks are taken in the order of their ranks
- `guarded.py`    the fields that stand under a lock are used only while it is held
- `origins.py`, `escapes.py`    no callee keeps what is on its caller's stack
- `recursion.py`  a circle of calls has a function marked `@bounded`
- `unused.py`     the result of a `@must_use` function is used
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.check.whole import escapes, guarded, locks, recursion, unused
from codegen.check.whole.graph import Graph

if TYPE_CHECKING:
    from codegen.check.program import Program
    from codegen.diagnostics import Diagnostic


def check(program: Program) -> list[Diagnostic]:
    """All that these checks refuse in a program whose functions are right by themselves."""
    graph = Graph(program)
    return [
        diagnostic
        for part in (unused.check, recursion.check, locks.check, guarded.check, escapes.check)
        for diagnostic in part(graph)
    ]
