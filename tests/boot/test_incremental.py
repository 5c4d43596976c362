"""A build that finds most of its work done makes the same bytes as one that begins with nothing.

Each kind of edit is made in one module, and others depend on it in their own way: what they inline, how they call,
where they expect a field.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from boot.build import write_kernel
from codegen.root import ROOT

PROGRAM = {
    "shapes": '''"""What the others depend on."""

from __future__ import annotations

from codegen.lang import Interface, inline, struct, u32, u64

SCALE: u64 = 3


class Shape(Interface):
    def corners(self) -> u64: ...


@struct
class Size:
    width: u32 = 2
    height: u64 = 5


@struct
class Box(Shape):
    size: Size = inline()
    corner: u64 = 7

    def corners(self) -> u64:
        return self.corner


def scaled(value: u64) -> u64:
    return value * SCALE


def grown(size: Size, by: u64) -> u64:
    total = size.height
    for _ in range(by):
        total = total * 2 + size.width
    return total
''',
    "rules": '''"""What lies between."""

from __future__ import annotations

from codegen.lang import u64
from examples.parts.shapes import Box, Shape, grown, scaled

BOX = Box()


def corners_of(shape: Shape) -> u64:
    return shape.corners()


def weight() -> u64:
    return scaled(grown(BOX.size, 3)) + corners_of(BOX)
''',
    "program": '''"""What begins."""

from __future__ import annotations

from codegen.lang import export, u64
from examples.parts.rules import BOX, weight
from examples.parts.shapes import SCALE


@export
def start() -> u64:
    return weight() + BOX.corner + SCALE
''',
}

DOT = """

@struct
class Dot(Shape):
    def corners(self) -> u64:
        return 0


DOT = Dot()
"""

EDITS = {
    "a constant that others inline": ("shapes", "SCALE: u64 = 3", "SCALE: u64 = 4"),
    "a field before others": ("shapes", "    width: u32 = 2\n", "    depth: u64 = 9\n    width: u32 = 2\n"),
    "the type of a field": ("shapes", "    width: u32 = 2", "    width: u64 = 2"),
    "the initial state of a static": ("rules", "BOX = Box()", "BOX = Box()\nBOX.corner = 8"),
    "a body": ("shapes", "total * 2 + size.width", "total * 2 + size.width + 1"),
    "the body of an inlined function": ("shapes", "return value * SCALE", "return value * SCALE + 1"),
    "a signature": ("shapes", "def grown(size: Size, by: u64) -> u64:", "def grown(size: Size, by: u32) -> u64:"),
    "a default": ("shapes", "size: Size, by: u64", "size: Size, by: u64, more: u64 = 1"),
    "lines that move": ("shapes", "SCALE: u64 = 3", "# A line more.\n\nSCALE: u64 = 3"),
    "a second implementor": ("rules", "import u64", "import struct, u64"),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, with the program in it."""
    folder = tmp_path_factory.mktemp("incremental") / "tree"
    for package in ("codegen", "kernel", "boot"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "examples" / "parts").mkdir(parents=True)
    return folder


def run(tree: Path, *arguments: str | Path) -> None:
    """Run Python on the sources in `tree`."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([sys.executable, *map(str, arguments)], cwd=tree, check=True, timeout=PATIENCE, env=environment)


def program(tree: Path, cache: Path) -> bytes:
    """The program, built with what is in `cache`."""
    output = cache.with_suffix(".elf")
    run(tree, "-m", "codegen", "build", "examples/parts/program.py", "--cache", cache, "-o", output)
    return output.read_bytes()


def objects_in(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir() if path.is_file()}


@pytest.mark.parametrize("edit", EDITS)
def test_after_an_edit_the_program_is_that_of_a_clean_build(tree: Path, tmp_path: Path, edit: str) -> None:
    for name, text in PROGRAM.items():
        (tree / "examples" / "parts" / f"{name}.py").write_text(text)
    before = program(tree, tmp_path / "kept")
    known = objects_in(tmp_path / "kept")
    module, old, new = EDITS[edit]
    path = tree / "examples" / "parts" / f"{module}.py"
    assert old in PROGRAM[module]
    path.write_text(PROGRAM[module].replace(old, new))
    if edit == "a second implementor":
        path.write_text(path.read_text().replace("corners_of(BOX)", "corners_of(BOX) + corners_of(DOT)") + DOT)
    after = program(tree, tmp_path / "kept")
    assert after == program(tree, tmp_path / "fresh")
    assert after != before
    assert objects_in(tmp_path / "kept") >= known | objects_in(tmp_path / "fresh")


KERNEL_EDITS = (
    ("kernel/base/text.py", "DECIMAL_LENGTH: u64 = 20", "DECIMAL_LENGTH: u64 = 21"),
    ("kernel/base/list.py", '"""\n\nfrom __future__', '"""\n\n# A line more.\nfrom __future__'),
    ("kernel/memory/account.py", "    peak: u64 = 0\n", "    spare: u64 = 0\n    peak: u64 = 0\n"),
)

PATIENCE = 1200
"""Seconds for builds of the whole kernel, on a machine that does much else."""

BUILD_KERNEL = """
import sys
from pathlib import Path
from boot.build import build_kernel
Path(sys.argv[1]).write_bytes(build_kernel(cache=Path(sys.argv[2])).elf)
"""


@pytest.mark.timeout(PATIENCE)
def test_a_kernel_that_was_built_edit_by_edit_is_that_of_a_clean_build(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(write_kernel().parent / "cache", tmp_path / "kept")
    for file, old, new in KERNEL_EDITS:
        text = (tree / file).read_text()
        assert old in text, f"{file} has changed: give this test another edit"
        (tree / file).write_text(text.replace(old, new))
        run(tree, "-c", BUILD_KERNEL, tmp_path / "kept.elf", tmp_path / "kept")
    run(tree, "-c", BUILD_KERNEL, tmp_path / "fresh.elf", tmp_path / "fresh")
    assert (tmp_path / "kept.elf").read_bytes() == (tmp_path / "fresh.elf").read_bytes()
