"""How long builds take: in a copy of the tree, so that the caches of the real one neither help nor suffer."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("boot", "codegen", "kernel", "user", "harness")
CHANGED = Path("kernel/base/text.py")
"""The file of the one-file rebuild; many others use it."""


def seconds_of_build(tree: Path) -> float:
    """The wall-clock time of one `python -m boot build`, with the start of Python."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "boot", "build"], cwd=tree, check=True, capture_output=True)
    return time.monotonic() - start


def lines_of(tree: Path, packages: tuple[str, ...]) -> int:
    """The lines of all Python files below `packages`."""
    return sum(len(path.read_text().splitlines()) for package in packages for path in (tree / package).rglob("*.py"))


def measure() -> Iterator[Figure]:
    """The figures of building."""
    with tempfile.TemporaryDirectory(prefix="pithos-bench-") as name:
        tree = Path(name)
        for package in SOURCES:
            shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
        lines = lines_of(tree, ("kernel",))
        yield Figure(f"clean build, {lines:,} lines of kernel", seconds_of_build(tree), "s", goal=15)
        changed = tree / CHANGED
        changed.write_text(changed.read_text().replace('"""\n\nfrom', '"""\n\n# A line more.\nfrom', 1))
        yield Figure("rebuild after a change to one file", seconds_of_build(tree), "s", goal=2)
        yield Figure("build without a change", seconds_of_build(tree), "s", goal=0.3)
