"""From a live function to its syntax tree, with true locations.

Each module file is parsed once. A function is found in the tree by the first line of its code object,
which is the line of its first decorator, and its name.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Set
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from codegen.diagnostics import refuse
from codegen.root import ROOT
from codegen.syntax import syntax_of
from codegen.tree import Location


class ModuleSource:
    """One parsed module: its functions, its imports for type checkers, its module-level names."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.name = module.__name__
        path = Path(module.__file__ or "").resolve()
        self.file = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
        self.functions: dict[tuple[str, int], ast.FunctionDef] = {}
        self.typing_imports: dict[str, tuple[str, str]] = {}
        self.imports: dict[str, tuple[str, str]] = {}
        self.assigned: dict[str, ast.expr | None] = {}
        self.fields: dict[str, dict[str, ast.AnnAssign]] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self._scan(syntax_of(module).body, typing=False)

    def _scan(self, body: list[ast.stmt], *, typing: bool) -> None:
        for node in body:
            match node:
                case ast.FunctionDef():
                    first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
                    self.functions[node.name, first] = node
                case ast.ClassDef():
                    self._scan_class(node, node.name)
                case ast.ImportFrom(module=str(origin)):
                    target = self.typing_imports if typing else self.imports
                    for alias in node.names:
                        target[alias.asname or alias.name] = (origin, alias.name)
                case ast.Import() if typing:
                    for alias in node.names:
                        self.typing_imports[alias.asname or alias.name.split(".")[0]] = (alias.name, "")
                case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                    self._scan(node.body, typing=True)
                    self._scan(node.orelse, typing=False)
                case ast.If():
                    self._scan(node.body, typing=typing)
                    self._scan(node.orelse, typing=typing)
                case ast.Assign(targets=targets):
                    for target_node in targets:
                        if isinstance(target_node, ast.Name):
                            self.assigned[target_node.id] = None
                case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                    self.assigned[name] = annotation

    def _scan_class(self, node: ast.ClassDef, name: str) -> None:
        fields = self.fields[name] = {}
        self.classes[name] = node
        for inner in node.body:
            if isinstance(inner, ast.FunctionDef):
                first = inner.decorator_list[0].lineno if inner.decorator_list else inner.lineno
                self.functions[inner.name, first] = inner
            elif isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name):
                fields[inner.target.id] = inner
            elif isinstance(inner, ast.ClassDef):
                self._scan_class(inner, f"{name}.{inner.name}")


@cache
def module_source(name: str) -> ModuleSource:
    """The parsed source of an imported module."""
    return ModuleSource(sys.modules[name])


class FunctionSource:
    """The definition of one live function."""

    __slots__ = ("function", "module", "node")

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self.module = module_source(function.__module__)
        code = function.__code__
        node = self.module.functions.get((code.co_name, code.co_firstlineno))
        if node is None:
            name = function.__qualname__
            place = Location(self.module.file, code.co_firstlineno, 0, code.co_firstlineno, 0, name)
            raise refuse(
                place,
                f"{name} is not defined at module level or in a class",
                "define it there; the compiler has no closures or lambdas",
            )
        self.node = node

    def location(self, node: ast.AST) -> Location:
        return locate(self.module.file, node, self.function.__qualname__)

    @property
    def name_location(self) -> Location:
        """The `def` line up to the name: where to point for the function as a whole."""
        node = self.node
        end = node.col_offset + len("def ") + len(node.name.encode())
        return Location(self.module.file, node.lineno, node.col_offset, node.lineno, end, self.function.__qualname__)


def locate(file: str, node: ast.AST, function: str) -> Location:
    """The location of a syntax node."""
    place: Any = node
    parts = (file, place.lineno, place.col_offset, place.end_lineno, place.end_col_offset, function)
    return tuple.__new__(Location, parts)  # as `Location(*parts)`, in a third of the time: there are many


@cache
def function_source(function: FunctionType) -> FunctionSource:
    """The definition of a function, found once."""
    return FunctionSource(function)


def modules_by_object(packages: Set[str]) -> dict[int, set[str]]:
    """By the identity of each object that an imported module of `packages` has under some name: those modules."""
    found: dict[int, set[str]] = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in packages:
            for value in vars(module).values():
                found.setdefault(id(value), set()).add(name)
    return found
