"""Compile errors: where, what, and what to write instead.

A diagnostic points at the exact expression: file, line, column, the source line, carets under the
expression, and a hint. `CompileError` carries one or more of them; its text is all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from codegen.root import ROOT
from codegen.tree import Location


@cache
def source_lines(file: str) -> tuple[str, ...]:
    """The lines of a source file, named as locations name it."""
    try:
        return tuple((ROOT / file).read_text(encoding="utf-8").splitlines())
    except OSError:
        return ()


@dataclass(frozen=True, slots=True)
class Diagnostic:
    location: Location
    message: str
    hint: str = ""
    path: tuple[tuple[Location, str], ...] = ()
    """How control gets to what is refused: where each call stands, and what it calls."""

    @property
    def source_line(self) -> str:
        lines = source_lines(self.location.file)
        return lines[self.location.line - 1] if 0 < self.location.line <= len(lines) else ""

    @property
    def target(self) -> str:
        """The source text that the carets stand under (its first line)."""
        encoded = self.source_line.encode()
        return encoded[self.location.column : self._end()].decode()

    def _end(self) -> int:
        if self.location.end_line == self.location.line:
            return self.location.end_column
        return len(self.source_line.encode())

    def __str__(self) -> str:
        where = self.location
        text = [f"{where.file}:{where.line}:{where.column + 1}: error: {self.message}"]
        if self.source_line:
            indent = len(self.source_line.encode()[: where.column].decode())
            text.append(f"    {self.source_line.expandtabs(1)}")
            text.append(f"    {' ' * indent}{'^' * max(1, len(self.target))}")
        for place, step in self.path:
            text.append(f"    {place.file}:{place.line}: {step}")
        if self.hint:
            text.append(f"    hint: {self.hint}")
        return "\n".join(text)


class CompileError(Exception):
    """One or more things in the source that the compiler refuses."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__(*diagnostics)
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return "\n".join(map(str, self.diagnostics))


def refuse(location: Location, message: str, hint: str = "") -> CompileError:
    """The error to raise for one diagnostic."""
    return CompileError(Diagnostic(location, message, hint))
