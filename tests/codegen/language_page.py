"""The pieces of Python in docs/language.md, each with what the page says of it.

A block of Python is followed by a block of text: lines `call == value`, `call traps KIND` and `call raises ERRNO`, or
the message with which the compiler refuses the block. Blocks see what the accepted ones before them define.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from codegen.root import ROOT
from tests.codegen.refusal import load_source

PAGE = ROOT / "docs" / "language.md"

PRELUDE = """\
from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum, IntFlag
from typing import Generic, Never, TypeVar

from codegen.lang import *
from kernel.base.errno import EINTR, EINVAL, ENOENT, ENOMEM

"""

_FENCE = re.compile(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Snippet:
    """A block of Python at a line of the page."""

    line: int
    source: str
    expected: str
    before: str

    @property
    def is_refused(self) -> bool:
        return self.expected.startswith("error: ")

    @property
    def names(self) -> list[str]:
        """The functions that it defines, but for those that exist at build time only."""
        found = [node for node in ast.parse(self.source).body if isinstance(node, ast.FunctionDef)]
        return [
            node.name
            for node in found
            if not any(isinstance(each, ast.Name) and each.id == "comptime" for each in node.decorator_list)
            and not any(isinstance(each, ast.Yield) for each in ast.walk(node))
        ]

    def load(self) -> ModuleType:
        """A fresh module of the snippet and what is before it."""
        return load_source(self.text)

    @property
    def text(self) -> str:
        """The whole module."""
        return f"{PRELUDE}{self.before}\n\n{self.source}"

    @property
    def first_line(self) -> int:
        """The line of its module that the snippet begins in."""
        return self.text.removesuffix(self.source).count("\n") + 1

    def roots(self) -> list[FunctionType]:
        """Its functions, from a fresh module."""
        module: Any = self.load()
        return [getattr(module, name) for name in self.names]


def snippets() -> list[Snippet]:
    """Every block of Python on the page."""
    text = PAGE.read_text(encoding="utf-8")
    found: list[Snippet] = []
    before = ""
    for block in _FENCE.finditer(text):
        line = text[: block.start()].count("\n") + 1
        snippet = Snippet(line, block[1], block[2] or "", before)
        found.append(snippet)
        if not snippet.is_refused:
            before += f"\n\n{snippet.source}"
    return found
