"""The syntax tree of a module, parsed once for all who look at it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from types import ModuleType


@cache
def syntax_of(module: ModuleType) -> ast.Module:
    """The tree of a module's file. OSError when there is none."""
    file = getattr(module, "__file__", None)
    if file is None:
        raise FileNotFoundError(f"{module.__name__} has no source")
    return ast.parse(Path(file).read_text(encoding="utf-8"))
