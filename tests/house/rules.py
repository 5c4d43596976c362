"""The rules of the house that no linter knows: layers (imports flow one way) and file sizes.

`python -m tests.house.rules` prints every breach, one a line, and fails when there is one.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = {
    "codegen": {"codegen"},
    "kernel": {"codegen", "kernel"},
    "user": {"codegen", "kernel", "user"},
    "boot": {"codegen", "kernel", "boot"},
    "harness": {"codegen", "kernel", "boot", "user", "harness"},
    "examples": {"codegen", "examples"},
    "bench": {"codegen", "kernel", "boot", "user", "harness", "bench"},
}
"""Which top-level packages each one may import."""

ADDRESSES = "boot.layout"
"""The one module beside its own and codegen.lang that the kernel imports: the addresses that all parts agree on."""

KERNEL_LAYERS = (
    "machine",
    "base",
    "memory",
    "sched",
    "files",
    "devices",
    "process",
    "net",
    "ipc",
    "views",
    "containers",
    "syscalls",
    "main",
)
"""The kernel's folders, lowest first: each imports only itself and those before it."""

UPWARD_REFERENCES = {
    ("kernel.sched.thread", "kernel.process.process"): "a thread names the process that it runs",
    ("kernel.sched.thread", "kernel.process.signal_queue"): "a thread names the signals that wait for it",
    ("kernel.process.process", "kernel.containers.container"): "a process names the container that it is in",
}
"""The only places where a lower layer names a class of a higher one: as the type of a field, never to call it."""

SIZE_LIMIT = 400


def imported_modules(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, dotted module) of every import in a module, those for type checkers included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for entry in node.names:
                yield node.lineno, entry.name
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for entry in node.names:
                yield node.lineno, f"{node.module}.{entry.name}"


def checking_imports(tree: ast.Module) -> set[int]:
    """The lines of the imports that only type checkers see."""
    return {
        line
        for node in tree.body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def is_upward_reference(importer: str, imported: str) -> bool:
    """Whether `importer` may name a class of the higher module `imported` as the type of a field."""
    return any(importer == low and imported.startswith(high) for low, high in UPWARD_REFERENCES)


def import_breach(importer: str, imported: str) -> str | None:
    """Why module `importer` may not import `imported`, or None when it may."""
    here, there = importer.split("."), imported.split(".")
    allowed = PACKAGES.get(here[0])
    if allowed is None or there[0] not in PACKAGES:
        return None
    if here[0] == "kernel" and (imported + ".").startswith(ADDRESSES + "."):
        return None
    if there[0] not in allowed:
        return f"{here[0]} may not import {there[0]}"
    if here[0] != "kernel" or len(here) < 2:
        return None
    if there[0] == "codegen":
        return None if there[1:2] == ["lang"] or len(there) == 1 else "the kernel imports only codegen.lang"
    if len(there) < 2 or there[1] not in KERNEL_LAYERS or here[1] not in KERNEL_LAYERS:
        return None
    if KERNEL_LAYERS.index(there[1]) > KERNEL_LAYERS.index(here[1]):
        return f"layer {here[1]} may not import the higher layer {there[1]}"
    return None


def breaches_of(module: str, text: str) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) for one module's source text."""
    lines = text.count("\n")
    if lines > SIZE_LIMIT:
        yield lines, f"{lines} lines: a file over {SIZE_LIMIT} lines is asking to be two"
    seen: set[tuple[int, str]] = set()
    tree = ast.parse(text)
    for_checkers = checking_imports(tree)
    for line, imported in imported_modules(tree):
        if line in for_checkers and is_upward_reference(module, imported):
            continue
        reason = import_breach(module, imported)
        if reason is not None and (line, reason) not in seen:
            seen.add((line, reason))
            yield line, reason


def source_files() -> Iterator[Path]:
    """Every Python file of the project."""
    for package in (*PACKAGES, "tests", "examples"):
        yield from sorted((ROOT / package).rglob("*.py"))


def main() -> int:
    """Print the breaches; 1 when there are any."""
    count = 0
    for path in source_files():
        relative = path.relative_to(ROOT)
        module = ".".join(relative.with_suffix("").parts)
        for line, reason in breaches_of(module, path.read_text()):
            print(f"{relative}:{line}: {reason}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
