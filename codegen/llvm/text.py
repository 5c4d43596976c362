"""The LLVM text of one Python module: what it owns is defined, what it mentions is declared.

Functions and statics have hidden visibility, so that code reaches them without a table; what other
modules own is declared, except functions flagged inline, which are copied (`available_externally`) so
that LLVM can inline them.
"""

from __future__ import annotations

from dataclasses import dataclass

from codegen.cfg import Graph
from codegen.cfg_text import verify
from codegen.llvm import statics
from codegen.llvm.debug import DebugInfo
from codegen.llvm.functions import FunctionText, declaration
from codegen.llvm.runtime import ATTRIBUTES, TRAP_FUNCTIONS
from codegen.lower import Uses, lower_function
from codegen.target import DATA_LAYOUT, TRIPLE
from codegen.tree import CheckedProgram, Function, Static


@dataclass(frozen=True)
class LoweredModule:
    """The LLVM text of one module, and the graphs that it was made from."""

    text: str
    graphs: tuple[Graph, ...]

    def verify(self) -> None:
        """Raise MalformedGraph if a graph breaks the rules of `cfg`: for a text that LLVM has never seen."""
        for graph in self.graphs:
            verify(graph)


class Modules:
    """A program by module; what has no code has no place in it."""

    def __init__(self, program: CheckedProgram) -> None:
        self.functions: dict[str, list[Function]] = {}
        self.statics: dict[str, list[Static]] = {}
        for function in program.functions:
            if function.body is not None:
                self.functions.setdefault(function.module, []).append(function)
        for static in program.statics:
            self.statics.setdefault(static.module, []).append(static)

    def names(self) -> list[str]:
        """The modules that get an object, those with most functions first: they take longest."""
        weights = {name: 10 * len(functions) for name, functions in self.functions.items()}
        for name, statics_ in self.statics.items():
            weights[name] = weights.get(name, 0) + len(statics_)
        return sorted(weights, key=lambda name: (-weights[name], name))


def module_text(module: str, program: CheckedProgram) -> str:
    """The LLVM text of `module`, verified."""
    lowered = lower_module(module, Modules(program))
    lowered.verify()
    return lowered.text


def lower_module(module: str, modules: Modules) -> LoweredModule:
    """The LLVM text of all functions, statics and vtables that `module` owns."""
    own = modules.functions.get(module, [])
    owned_statics = modules.statics.get(module, [])
    uses = Uses()
    needs: dict[str, None] = {}
    file = own[0].location.file if own else module.replace(".", "/") + ".py"
    debug = DebugInfo(module, file, modules.functions.keys())
    bodies: list[str] = []
    graphs: list[Graph] = []
    done: set[str] = set()
    pending: list[Function] = list(own)
    while pending:
        function = pending.pop(0)
        if function.symbol in done:
            continue
        done.add(function.symbol)
        graph = lower_function(function, uses)
        graphs.append(graph)
        bodies += FunctionText(debug, needs).emit(graph, copy=function.module != module)
        pending += [each for each in uses.functions.values() if _is_copied(each) and each.symbol not in done]
    for static in owned_statics:
        _note_targets(static, uses)
    lines = [f'source_filename = "{module}"', f'target datalayout = "{DATA_LAYOUT}"', f'target triple = "{TRIPLE}"']
    lines += _globals(owned_statics, uses, done, debug)
    lines += bodies
    lines += needs
    lines += [ATTRIBUTES, *debug.module_lines(), ""]
    return LoweredModule("\n".join(lines), tuple(graphs))


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
