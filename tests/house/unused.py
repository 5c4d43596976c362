"""Names that nothing uses: functions, classes, methods and constants that are mentioned only where they are defined.

`python -m tests.house.unused` prints each, one a line, and fails when there is one. It goes by words: a name counts as
used when its word stands anywhere else in Python, so some dead code is missed, but what is found is dead. What somebody
finds by a decorator (`@export`, `@syscall`) counts as used; so do members of enums and fields of structs, and constants
in a list that one docstring explains: the manual has them.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator

from tests.house.rules import PACKAGES, ROOT, source_files

WORD = re.compile(r"[A-Za-z_]\w*")

FOUND_BY_NAME = re.compile(r"__\w+__|_|visit_\w+|on_[A-Z]\w+|get_code|pytest_\w+")
"""Special methods, handlers of a kind of node, what importlib and pytest call."""

TABLES = ("kernel/base/errno.py",)
"""Files that have all of something, used or not."""

PLAIN_DECORATORS = {"comptime", "inline", "noinline", "must_use", "sleeps", "bounded", "property", "staticmethod"}
"""Those that do not make a function known to anybody."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_found_by_decorator(node: Function) -> bool:
    """Whether a decorator makes the function known to who calls it."""
    return any(WORD.findall(ast.unparse(decorator))[0] not in PLAIN_DECORATORS for decorator in node.decorator_list)


def definitions(body: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    """(line, name) of each function and class, methods too, that somebody has to name to use it."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield node.lineno, node.name
            yield from definitions(node.body)
        elif isinstance(node, Function) and not is_found_by_decorator(node):
            yield node.lineno, node.name


def constant_lists(body: list[ast.stmt]) -> Iterator[tuple[list[tuple[int, str]], bool]]:
    """The module's constants as (line, name), in lists without anything between, and whether a docstring ends each."""
    current: list[tuple[int, str]] = []
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        names = [(node.lineno, target.id) for target in targets if isinstance(target, ast.Name)]
        if not names and current:
            yield current, isinstance(node, ast.Expr)
            current = []
        current += names
    if current:
        yield current, False


def unused(sources: dict[str, str]) -> Iterator[tuple[str, int, str]]:
    """(file, line, name) of each name that stands only once in all of `sources`."""
    counts = Counter(word for text in sources.values() for word in WORD.findall(text))
    for path, text in sources.items():
        body = ast.parse(text).body
        found = list(definitions(body))
        for constants, is_explained in constant_lists(body):
            if not (is_explained and any(counts[name] > 1 for _, name in constants)):
                found += constants
        for line, name in sorted(found):
            if counts[name] == 1 and not FOUND_BY_NAME.fullmatch(name):
                yield path, line, name


def main() -> int:
    """Print what is unused, outside of tests; 1 when there is any."""
    sources = {str(path.relative_to(ROOT)): path.read_text() for path in source_files()}
    count = 0
    for path, line, name in unused(sources):
        if path.split("/")[0] in PACKAGES and path not in TABLES:
            print(f"{path}:{line}: nothing uses {name}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
