"""How long builds take: in a copy of the tree, so that the caches of the real one neither help nor suffer.

What an edit costs depends on who else has to be compiled again: the modules that its function is inlined into, those
that know where a field is. A line more is as much as a changed body: what follows it stands elsewhere, and the kernel's
tracebacks say where.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("boot", "codegen", "kernel", "user", "harness")
ROUNDS = 5


@dataclass(frozen=True)
class Edit:
    """One line more before the first line that begins with `before`."""

    name: str
    file: str
    before: str
    line: str
    goal: float | None = None

    def make(self, tree: Path, number: int) -> None:
        """Put the line there; it differs in each round."""
        path = tree / self.file
        lines = path.read_text().splitlines(keepends=True)
        at = next(index for index, line in enumerate(lines) if line.startswith(self.before))
        lines.insert(at, f"{self.line.format(number=number)}\n")
        path.write_text("".join(lines))


COMMENT = "# A line more: {number}."
EDITS = (
    Edit("a body in one module (text)", "kernel/base/text.py", "def ", COMMENT, goal=2),
    Edit("a body in one module (tree of files)", "kernel/files/tree.py", "def ", COMMENT, goal=2),
    Edit("what is inlined into many (list)", "kernel/base/list.py", "@struct", COMMENT),
    Edit("a field that many use (thread)", "kernel/sched/thread.py", "    id: ", "    spare_{number}: u64 = 0"),
)


def seconds_of_build(tree: Path, has_work: bool = True) -> float:
    """The wall-clock time of one `python -m boot build`, with the start of Python.

    Raises AssertionError if it was over because it found nothing to do, and should have (`has_work`), or the other way.
    """
    record = tree / "build" / "pithos.elf.record"
    before = record.read_text() if record.exists() else ""
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "boot", "build"], cwd=tree, check=True, capture_output=True)
    elapsed = time.monotonic() - start
    assert (record.read_text() != before) == has_work, "what was built is not what was measured"
    return elapsed


def seconds_after(edit: Edit, tree: Path) -> float:
    """The median of builds that have one edit to see, each a new one."""
    times = []
    for number in range(ROUNDS):
        edit.make(tree, number)
        times.append(seconds_of_build(tree))
    return statistics.median(times)


def lines_of(tree: Path, packages: tuple[str, ...]) -> int:
    """The lines of all Python files below `packages`."""
    return sum(len(path.read_text().splitlines()) for package in packages for path in (tree / package).rglob("*.py"))


def measure() -> Iterator[Figure]:
    """The figures of building."""
    with tempfile.TemporaryDirectory(prefix="pithos-bench-") as name:
        tree = Path(name)
        for package in SOURCES:
            shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", tree)  # so that it is a tree, which builds into a folder of its own
        lines = lines_of(tree, ("kernel",))
        yield Figure(f"clean build, {lines:,} lines of kernel", seconds_of_build(tree), "s", goal=15)
        for edit in EDITS:
            yield Figure(f"rebuild after an edit of {edit.name}", seconds_after(edit, tree), "s", edit.goal)
        unchanged = statistics.median(seconds_of_build(tree, has_work=False) for _ in range(ROUNDS))
        yield Figure("build without a change", unchanged, "s", goal=0.3)
