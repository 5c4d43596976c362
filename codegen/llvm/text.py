"""The LLVM text of one Python module: what it owns is defined, what it mentions is declared.

Functions and statics have hidden visibility, so that code reaches them without a table; what other
modules own is declared, except functions flagged inline, which are copied (`available_externally`) so
that LLVM can inline them.
"""

from __future__ import annotations

from codegen.cfg_text import verify
from codegen.llvm import statics
from codegen.llvm.debug import DebugInfo
from codegen.llvm.functions import FunctionText, declaration
from codegen.llvm.runtime import ATTRIBUTES, TRAP_FUNCTIONS
from codegen.lower import Uses, lower_function
from codegen.lower.representation import machine_type
from codegen.target import DATA_LAYOUT, TRIPLE, Target
from codegen.tree import CheckedProgram, Function, Static
from codegen.types import Type


def llvm_type(type_: Type) -> str:
    """The type of a value as a parameter or result."""
    return machine_type(type_)


def module_text(module: str, program: CheckedProgram, target: Target) -> str:
    """The LLVM text of all functions, statics and vtables that `module` owns."""
    own = [each for each in program.functions if each.module == module and each.body is not None]
    owned_statics = [static for static in program.statics if static.module == module]
    uses = Uses()
    needs: dict[str, None] = {}
    debug = DebugInfo(module, own[0].location.file if own else module.replace(".", "/") + ".py", program)
    bodies: list[str] = []
    done: set[str] = set()
    pending: list[Function] = list(own)
    while pending:
        function = pending.pop(0)
        if function.symbol in done:
            continue
        done.add(function.symbol)
        graph = lower_function(function, uses)
        verify(graph)
        bodies += FunctionText(debug, needs).emit(graph, copy=function.module != module)
        pending += [each for each in uses.functions.values() if _is_copied(each) and each.symbol not in done]
    for static in owned_statics:
        _note_targets(static, uses)
    lines = [f'source_filename = "{module}"', f'target datalayout = "{DATA_LAYOUT}"', f'target triple = "{TRIPLE}"']
    lines += _globals(owned_statics, uses, done, debug)
    lines += bodies
    lines += needs
    lines += [ATTRIBUTES, *debug.module_lines(), ""]
    return "\n".join(lines)


def _is_copied(function: Function) -> bool:
    return function.inline and function.body is not None


def _note_targets(static: Static, uses: Uses) -> None:
    for target in statics.targets(static):
        if isinstance(target, Function):
            uses.function(target)
        else:
            uses.static(target)


def _globals(owned: list[Static], uses: Uses, defined: set[str], debug: DebugInfo) -> list[str]:
    """Definitions of what the module owns, and declarations of all else that it mentions."""
    lines = [statics.define(static) + debug.static(static) for static in owned]
    lines += statics.define_texts(uses)
    known = {static.symbol for static in owned} | defined
    pending = list(uses.statics.values())
    for static in pending:
        if static.symbol not in known:
            known.add(static.symbol)
            lines.append(statics.declare(static))
    for function in uses.functions.values():
        if function.symbol not in known:
            known.add(function.symbol)
            lines.append(declaration(function))
    lines += [f"declare {text}" for name, text in TRAP_FUNCTIONS.items() if name not in known]
    known |= TRAP_FUNCTIONS.keys()
    lines += [f'@"{name}" = external hidden global i8' for name in uses.symbols if name not in known]
    return lines
