"""What goes wrong when modules in the kernel language are imported, told as the compiler tells its own refusals."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path

from codegen.root import ROOT

MODULE = "<module>"
"""What a traceback calls the lines of a module that are in no function."""


def described(error: Exception, roots: Sequence[Path]) -> str | None:
    """Place, message, line and caret; None where no line of a module below one of `roots` led there."""
    if isinstance(error, SyntaxError):
        return described_syntax(error)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.name == MODULE and any(Path(frame.filename).is_relative_to(root) for root in roots)
    ]
    if not frames:
        return None
    last = frames[-1]
    what = str(error) if isinstance(error, TypeError | ValueError) else f"{type(error).__name__}: {error}"
    line = last.line or ""
    column = max((last.colno or 0) - indent_of(last.filename, last.lineno), 0)
    return f"{shown(last.filename)}:{last.lineno}:{column + 1}: error: {what}\n    {line}\n    {' ' * column}^"


def shown(file: str) -> str:
    """A file of our own as the compiler names it."""
    return str(Path(file).relative_to(ROOT)) if Path(file).is_relative_to(ROOT) else file


def indent_of(file: str, number: int | None) -> int:
    """How far a line of a file is indented, which a traceback leaves out."""
    try:
        line = Path(file).read_text().splitlines()[(number or 1) - 1]
    except (OSError, IndexError, UnicodeDecodeError):
        return 0
    return len(line) - len(line.lstrip())


def described_syntax(error: SyntaxError) -> str:
    """A syntax error likewise."""
    head = f"{shown(error.filename or '')}:{error.lineno}:{error.offset}: error: {error.msg}"
    line = (error.text or "").rstrip("\n")
    return head if not line else f"{head}\n    {line}\n    {' ' * ((error.offset or 1) - 1)}^"
