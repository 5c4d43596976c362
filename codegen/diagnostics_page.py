"""docs/diagnostics.md: every message of the compiler, read from its sources.

    python -m codegen.diagnostics_page > docs/diagnostics.md

A message is the text given to `refuse`, to `Diagnostic`, or to the TypeError that a part without locations raises and
its caller turns into one. What the compiler fills in stands as `…`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codegen.root import ROOT

SOURCES = ("source.py", "resolve.py", "signature.py", "layout.py", "check")
REFUSALS = {"refuse": 1, "Diagnostic": 1, "_refused": 0, "TypeError": 0}
"""Functions that make a message, and which argument it is; the hint is the next one."""

FILLED = "…"

HEAD = """\
# What the compiler says

Every message of the compiler, by the part that gives it; `…` stands for names and types of the program. A message
comes with file, line and column, the source line with carets under the expression that is meant, and mostly
a hint: what to write instead. [language.md](language.md) explains the language.

This page is made from the sources: `python -m codegen.diagnostics_page > docs/diagnostics.md`.
"""


@dataclass(frozen=True, order=True)
class Message:
    """One message, with the hints that it may come with."""

    text: str
    hints: tuple[str, ...]


def sources() -> list[Path]:
    """The files of the compiler that give messages, in the order of the pipeline."""
    folder = ROOT / "codegen"
    found: list[Path] = []
    for name in SOURCES:
        path = folder / name
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path] if path.exists() else []
    return found


def messages(tree: ast.Module) -> Iterator[Message]:
    """The messages of one file."""
    constants = _assigned(tree)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.Module):
            assigned = {**constants, **_assigned(function)}
            for node in _own_nodes(function):
                if isinstance(node, ast.Call):
                    yield from _of_call(node, assigned)


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, but not of those inside of it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from _own_nodes(child)


def _assigned(function: ast.AST) -> dict[str, list[ast.expr]]:
    """What each name is set to in a function."""
    found: dict[str, list[ast.expr]] = {}
    for node in _own_nodes(function):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    for name, value in zip(target.elts, node.value.elts, strict=False):
                        if isinstance(name, ast.Name):
                            found.setdefault(name.id, []).append(value)
    return found


def _of_call(call: ast.Call, assigned: dict[str, list[ast.expr]]) -> Iterator[Message]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    position = REFUSALS.get(name)
    if position is None or len(call.args) <= position:
        return
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    hint = call.args[position + 1] if len(call.args) > position + 1 else keywords.get("hint")
    hints = tuple(text for text in _texts(hint, assigned) if text.strip(FILLED)) if hint is not None else ()
    for text in _texts(call.args[position], assigned):
        message, _, remedy = text.partition("; write ")  # how a TypeError carries its hint
        if any(character.isalpha() for character in message):
            yield Message(message, (*hints, f"write {FILLED}: {remedy}") if remedy else hints)


def _texts(node: ast.expr | None, assigned: dict[str, list[ast.expr]]) -> list[str]:
    """The texts that an expression may be."""
    match node:
        case ast.Constant(value=str(text)):
            return [text] if text else []
        case ast.JoinedStr(values):
            return ["".join(str(part.value) if isinstance(part, ast.Constant) else FILLED for part in values)]
        case ast.IfExp(body=then, orelse=otherwise):
            return [*_texts(then, assigned), *_texts(otherwise, assigned)]
        case ast.Dict(values=values):
            return [text for value in values for text in _texts(value, assigned)]
        case ast.Subscript(value=table):
            return _texts(table, assigned)
        case ast.Call(func=ast.Attribute(value=ast.Dict() as table, attr="get"), args=[_, *others]):
            return [*_texts(table, assigned), *(text for other in others for text in _texts(other, assigned))]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [first + second for first in _texts(left, assigned) for second in _texts(right, assigned)]
        case ast.Name(id=name) if name in assigned:
            rest = {key: values for key, values in assigned.items() if key != name}
            return [text for value in assigned[name] for text in _texts(value, rest)]
    return [FILLED]


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = sorted(set(messages(tree)))
        if found:
            title = (ast.get_docstring(tree) or path.stem).partition("\n")[0].rstrip(".:")
            parts.append(f"## {title}\n\n`{path.relative_to(ROOT)}`\n\n{_table(found)}")
    return "\n".join(parts)


def _table(found: list[Message]) -> str:
    lines = ["| message | hint |", "| --- | --- |"]
    for message in found:
        hints = "<br>".join(map(_cell, message.hints))
        lines.append(f"| {_cell(message.text)} | {hints} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text in a table: no bar and no line break, and code as it is."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}".replace("|", "\\|").replace("\n", " ") if text != FILLED else FILLED


if __name__ == "__main__":
    sys.stdout.write(page())
