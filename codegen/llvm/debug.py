"""Debug metadata: a line for every instruction; a subprogram for every function, with its variables.

A node that came from elsewhere (the body of an inlined `yield` iterator) has the location of another
function: it becomes an inlined call at the last location of the function's own (LLVM Language
Reference, "DILocation").
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Set
from typing import TYPE_CHECKING

from codegen import layout, types
from codegen.diagnostics import CompileError
from codegen.llvm.debug_types import DebugTypes
from codegen.llvm.metadata import Metadata
from codegen.lower.representation import machine_type
from codegen.resolve import is_struct, type_parameters

if TYPE_CHECKING:
    from codegen.cfg import Graph
    from codegen.tree import Function, Local, Location, Static

_FLAGS = "DISPFlagDefinition | DISPFlagOptimized"


class DebugInfo:
    """The debug metadata of one module; `modules` are all that have code."""

    def __init__(self, module: str, module_file: str, modules: Set[str]) -> None:
        self.metadata = Metadata()
        self._node = self.metadata.node
        self._known: dict[tuple[object, ...], int] = {}
        self._file_number = self._file(module_file)
        self.unit = self.metadata.reserve()
        self._types = DebugTypes(self.metadata, modules - {module})
        self._own_structs = _structs_of(module)
        self._statics: list[str] = []
        self.unlikely = self._node('!{!"branch_weights", i32 1, i32 1048575}')
        self.likely = self._node('!{!"branch_weights", i32 1048575, i32 1}')
        self.empty = self._node("!{}")
        self._no_expression = self._node("!DIExpression()")
        self._scope = self._caller = 0
        self._function: Function | None = None

    def _file(self, path: str) -> int:
        return self._node(f'!DIFile(filename: "{path}", directory: ".")')

    def _subprogram(self, name: str, symbol: str, file: str, line: int, signature: int) -> int:
        place = f"scope: !{self._file(file)}, file: !{self._file(file)}, line: {line}, scopeLine: {line}"
        return self._node(
            f'distinct !DISubprogram(name: "{name}", linkageName: "{symbol}", {place}, '
            f"type: !{signature}, spFlags: {_FLAGS}, unit: !{self.unit})"
        )

    def _signature(self, function: Function) -> int:
        """Result and parameters. A fallible result, and a pair, come in registers that no C type describes."""
        result = function.result
        if function.fallible or machine_type(result).startswith("{"):
            result = types.VOID
        return self._types.signature([result, *(local.type for local in function.parameters)])

    def begin(self, function: Function) -> int:
        """Start the locations of `function`; gives its subprogram."""
        location = function.location
        self._function = function
        self._scope = self._subprogram(
            location.function, function.symbol, location.file, location.line, self._signature(function)
        )
        self._caller = self._location(location.line, location.column, self._scope, None)
        return self._scope

    def variables(self, graph: Graph) -> list[str]:
        """The records that tie the parameters and variables of the function in work to their slots."""
        numbers = {local: index for index, local in enumerate(graph.function.parameters, 1)}
        return [
            f"  #dbg_declare(ptr {slot.text}, !{self._variable(local, numbers.get(local))}, "
            f"!{self._no_expression}, !{self._caller})"
            for local, slot in graph.variables.items()
            if not local.name.startswith(".")
        ]

    def _variable(self, local: Local, number: int | None) -> int:
        assert self._function is not None
        location = self._function.location
        argument = "" if number is None else f"arg: {number}, "
        return self._node(
            f'!DILocalVariable(name: "{local.name}", {argument}scope: !{self._scope}, '
            f"file: !{self._file(location.file)}, line: {location.line}, type: {self._types.of(local.type)})"
        )

    def static(self, static: Static) -> str:
        """The attachment of a static that has a name in the source; nothing for others."""
        if static.type is None or static.host is None:
            return ""
        name = static.symbol.removeprefix(f"{static.module}.")
        variable = self._node(
            f'distinct !DIGlobalVariable(name: "{name}", linkageName: "{static.symbol}", scope: !{self.unit}, '
            f"file: !{self._file_number}, type: {self._types.of(static.type)}, isLocal: false, isDefinition: true)"
        )
        expression = self._node(f"!DIGlobalVariableExpression(var: !{variable}, expr: !{self._no_expression})")
        self._statics.append(f"!{expression}")
        return f", !dbg !{expression}"

    def at(self, location: Location) -> int:
        """The location of an instruction of the function in work."""
        assert self._function is not None
        own = self._function.location
        if location.function == own.function and location.file == own.file:
            self._caller = self._location(location.line, location.column, self._scope, None)
            return self._caller
        key = ("inlined", location.file, location.function)
        scope = self._known.get(key)
        if scope is None:
            scope = self._known[key] = self._subprogram(
                location.function, location.function, location.file, location.line, self._types.signature([types.VOID])
            )
        return self._location(location.line, location.column, scope, self._caller)

    def _location(self, line: int, column: int, scope: int, caller: int | None) -> int:
        key = (line, column, scope, caller)
        found = self._known.get(key)
        if found is None:
            inlined = "" if caller is None else f", inlinedAt: !{caller}"
            found = self._known[key] = self._node(
                f"!DILocation(line: {line}, column: {column + 1}, scope: !{scope}{inlined})"
            )
        return found

    def module_lines(self) -> list[str]:
        """All metadata of the module, with the module flags."""
        structs = self.metadata.list([f"!{self._types.struct(struct)}" for struct in self._own_structs])
        self.metadata.define(
            self.unit,
            f"!DICompileUnit(language: DW_LANG_Python, file: !{self._file_number}, "
            'producer: "pithos codegen", isOptimized: true, runtimeVersion: 0, emissionKind: FullDebug, '
            f"retainedTypes: {structs}, globals: {self.metadata.list(self._statics)})",
        )
        flags = [
            self._node('!{i32 2, !"Debug Info Version", i32 3}'),
            self._node('!{i32 7, !"Dwarf Version", i32 4}'),
        ]
        return [
            f"!llvm.dbg.cu = !{{!{self.unit}}}",
            f"!llvm.module.flags = !{{{', '.join(f'!{flag}' for flag in flags)}}}",
            *self.metadata.lines,
        ]


def _structs_of(module: str) -> list[types.StructType]:
    """The structs that a module defines: it describes them for all others, whether its own code uses them or not."""
    found = []
    for value in vars(sys.modules[module]).values() if module in sys.modules else ():
        if is_struct(value) and value.__module__ == module and not type_parameters(value):
            struct = types.StructType(value)
            with contextlib.suppress(CompileError):  # of a struct that nothing uses
                layout.of(struct)
                found.append(struct)
    return found
