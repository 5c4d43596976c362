"""Debug metadata: a line for every instruction, and a subprogram for every function.

A node that came from elsewhere (the body of an inlined `yield` iterator) has the location of another
function: it becomes an inlined call at the last location of the function's own (LLVM Language
Reference, "DILocation").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codegen.tree import Function, Location

_FLAGS = "DISPFlagDefinition | DISPFlagOptimized"


class DebugInfo:
    """Numbers the metadata of one module; `lines` are its definitions."""

    def __init__(self, module_file: str) -> None:
        self.lines: list[str] = []
        self._known: dict[tuple[object, ...], int] = {}
        file = self._file(module_file)
        self.unit = self._node(
            f"distinct !DICompileUnit(language: DW_LANG_Python, file: !{file}, "
            'producer: "pithos codegen", isOptimized: true, runtimeVersion: 0, emissionKind: FullDebug)'
        )
        empty = self._node("!{null}")
        self._signature = self._node(f"!DISubroutineType(types: !{empty})")
        self.unlikely = self._node('!{!"branch_weights", i32 1, i32 1048575}')
        self.likely = self._node('!{!"branch_weights", i32 1048575, i32 1}')
        self.empty = self._node("!{}")
        self._scope = self._caller = 0
        self._function: Function | None = None

    def _node(self, text: str) -> int:
        self.lines.append(f"!{len(self.lines)} = {text}")
        return len(self.lines) - 1

    def _file(self, path: str) -> int:
        found = self._known.get(("file", path))
        if found is None:
            found = self._known["file", path] = self._node(f'!DIFile(filename: "{path}", directory: ".")')
        return found

    def _subprogram(self, name: str, symbol: str, file: str, line: int) -> int:
        place = f"scope: !{self._file(file)}, file: !{self._file(file)}, line: {line}, scopeLine: {line}"
        return self._node(
            f'distinct !DISubprogram(name: "{name}", linkageName: "{symbol}", {place}, '
            f"type: !{self._signature}, spFlags: {_FLAGS}, unit: !{self.unit})"
        )

    def begin(self, function: Function) -> int:
        """Start the locations of `function`; gives its subprogram."""
        location = function.location
        self._function = function
        self._scope = self._subprogram(location.function, function.symbol, location.file, location.line)
        self._caller = self._location(location.line, location.column, self._scope, None)
        return self._scope

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
                location.function, location.function, location.file, location.line
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
        flags = [
            self._node('!{i32 2, !"Debug Info Version", i32 3}'),
            self._node('!{i32 7, !"Dwarf Version", i32 4}'),
        ]
        return [
            f"!llvm.dbg.cu = !{{!{self.unit}}}",
            f"!llvm.module.flags = !{{{', '.join(f'!{flag}' for flag in flags)}}}",
            *self.lines,
        ]
