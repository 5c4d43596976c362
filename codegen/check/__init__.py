"""From live functions to a typed tree of the whole program, or to precise errors.

`check_program(roots)` follows everything that is reachable from the roots:

- `program.py`      the worklist: function instances, vtables, interfaces
- `function.py`     one function: flow state, temporaries
- `statements.py`, `loops.py`, `matching.py`, `failure.py`    statements
- `expressions.py`, `operators.py`, `access.py`, `calls.py`, `construct.py`    expressions
- `convert.py`      implicit conversions, and the refusals with their hints
- `intrinsics.py`, `integers.py`, `memory.py`, `text.py`, `registers.py`    what `codegen.lang` offers
- `statics.py`      module-level objects as bytes and relocations
- `errors.py`       which errors leave which function
"""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType

from codegen.check.program import Program
from codegen.source import function_source
from codegen.tree import CheckedProgram


def check_program(roots: Iterable[FunctionType]) -> CheckedProgram:
    """Check all that is reachable from `roots`; CompileError with what is wrong."""
    program = Program()
    instances = [program.plain_instance(root, function_source(root).name_location) for root in roots]
    program.run()
    checked = program.finish()
    checked.roots = instances
    return checked


__all__ = ["check_program"]
