"""From live functions to a typed tree of the whole program, or to precise errors.

`check_program(roots)` follows everything that is reachable from the roots:

- `program.py`      the worklist: function instances, vtables, interfaces
- `function.py`     one function: flow state, temporaries
- `statements.py`, `assignment.py`, `loops.py`, `iterators.py`, `matching.py`, `failure.py`    statements
- `expressions.py`, `operators.py`, `membership.py`, `access.py`, `packed.py`, `atomics.py`, `calls.py`,
  `construct.py`    expressions
- `convert.py`      implicit conversions, and the refusals with their hints
- `intrinsics.py`, `integers.py`, `memory.py`, `text.py`, `registers.py`    what `codegen.lang` offers
- `statics.py`      module-level objects as bytes and relocations
- `errors.py`       which errors leave which function
- `whole/`          what the program must keep as a whole
"""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType

from codegen.check.program import Program, raise_refused
from codegen.check.whole import check as check_whole
from codegen.lang import Interface
from codegen.resolve import type_parameters
from codegen.source import function_source
from codegen.tree import CheckedProgram, Function
from codegen.types import StructType

Root = FunctionType | tuple[FunctionType, StructType]
"""A function; or a method with the type of its `self`, which says what a generic class's TypeVars are."""


def check_program(roots: Iterable[Root], structs: Iterable[StructType] = ()) -> CheckedProgram:
    """Check all that is reachable from `roots`; CompileError with what is wrong.

    `structs` come from outside of the program: those that implement an interface get their vtables.
    """
    program, checked = check_functions(roots, structs)
    raise_refused(check_whole(program))
    return checked


def check_functions(roots: Iterable[Root], structs: Iterable[StructType] = ()) -> tuple[Program, CheckedProgram]:
    """The first part: every function by itself. What it gives is compiled once `check_whole` has nothing to say."""
    program = Program()
    instances = [_instance(program, root) for root in roots]
    for struct in structs:
        if issubclass(struct.cls, Interface):
            program.vtable(struct)
    program.run()
    return program, program.finish(instances)


def _instance(program: Program, root: Root) -> Function:
    if isinstance(root, FunctionType):
        return program.plain_instance(root, function_source(root).name_location)
    function, owner = root
    bindings = dict(zip(type_parameters(owner.cls), owner.arguments, strict=True))
    return program.instance(function, owner, bindings, [], function_source(function).name_location)


__all__ = ["Program", "check_functions", "check_program", "check_whole", "raise_refused"]
