"""Mistakes in the sources of the kernel are told as the compiler tells its own refusals; copies share no kernel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.plugin import TREE

PARTS = ("codegen", "boot", "kernel", "user", "harness")
MODULE = "kernel/syscalls/nice.py"
NICE = r"kernel/syscalls/nice\.py:\d+"
STRUCT = "\n\nfrom codegen.lang import struct\n\n\n@struct\nclass Foo:\n    x: u32\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources, as an installed package has them: without pyproject.toml."""
    return copied(tmp_path / "copy")


def copied(folder: Path) -> Path:
    for part in PARTS:
        shutil.copytree(TREE / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def python(copy: Path, cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in a copy, whose builds are in `cache`."""
    environment = {**os.environ, "PYTHONPATH": str(copy), "XDG_CACHE_HOME": str(cache), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda text: f"{text}def f(:\n",
            NICE + r":7: error: invalid syntax\n    def f\(:\n {10}\^",
        ),
        (
            lambda text: f"{text}X = undefined\n",
            NICE + r":5: error: NameError: name 'undefined' is not defined\n    X = undefined\n {8}\^",
        ),
        (
            lambda text: text.replace("@syscall(140)", "@syscall(39)"),
            r"kernel/syscalls/identity\.py:\d+:2: error: system call 39 is both getpriority and getpid\n    @syscall",
        ),
        (
            lambda text: text + STRUCT,
            NICE + r":2: error: Foo.x: a field needs an initialiser, or uninitialised\(\)\n    @struct",
        ),
        (
            lambda text: text.replace("return ", 'return "x" + ', 1),
            NICE + r":\d+: error: .*\n.*\n *\^+\n    hint: ",
        ),
    ],
    ids=["syntax", "name", "number twice", "no initial value", "refused"],
)
def test_a_mistake_is_told_with_its_place(copy: Path, tmp_path: Path, change: object, said: str) -> None:
    path = copy / MODULE
    path.write_text(change(path.read_text()))  # type: ignore[operator]
    done = python(copy, tmp_path / "cache", "-m", "harness.cli", "build")
    assert done.returncode == 125
    assert done.stderr.startswith("pithos: the kernel does not build:\n")
    assert "Traceback" not in done.stderr
    assert re.search(said, done.stderr), done.stderr


def test_each_copy_has_a_kernel_of_its_own(copy: Path, tmp_path: Path) -> None:
    other = copied(tmp_path / "other")
    where = "from codegen.root import BUILD_FOLDER; print(BUILD_FOLDER)"
    folders = {python(one, tmp_path / "cache", "-c", where).stdout.strip() for one in (copy, other)}
    assert len(folders) == 2
    assert all(folder.startswith(str(tmp_path / "cache")) for folder in folders)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting is for root")
def test_no_space_while_building_is_a_line(copy: Path, tmp_path: Path) -> None:
    (cache := tmp_path / "cache").mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", cache], check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        done = python(copy, cache, "-m", "harness.cli", "build")
    finally:
        subprocess.run(["umount", cache], check=True)
    assert (done.returncode, done.stderr.count("\n")) == (125, 1)
    assert "No space left on device" in done.stderr
