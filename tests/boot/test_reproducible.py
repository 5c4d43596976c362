"""The same sources make the same bytes, in whatever folder, order of hashes and state of the cache they are built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from boot.build import write_kernel
from codegen.root import ROOT

PACKAGES = ("codegen", "kernel", "boot", "user", "examples")

PATIENCE = 1200
"""Seconds for a build of the whole kernel, on a machine that does much else."""

BUILD_KERNEL = """
import sys
from pathlib import Path
import codegen
assert Path(codegen.__file__).is_relative_to(Path.cwd()), codegen.__file__
from boot.build import build_kernel
Path(sys.argv[1]).write_bytes(build_kernel(cache=Path("cache")).elf)
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources in another folder."""
    folder = tmp_path_factory.mktemp("elsewhere") / "a folder of another name"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def build(folder: Path, seed: str, *arguments: str | Path) -> None:
    """Run Python on the sources in `folder`."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONHASHSEED": seed, "TZ": f"UTC+{seed}"}
    subprocess.run([sys.executable, *map(str, arguments)], cwd=folder, check=True, timeout=PATIENCE, env=environment)


def test_a_program_is_the_same_in_another_folder(elsewhere: Path, tmp_path: Path) -> None:
    for number, folder in enumerate((ROOT, elsewhere), 1):
        build(folder, str(number), "-m", "codegen", "build", "examples/blink.py", "-o", tmp_path / str(number))
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


@pytest.mark.timeout(PATIENCE)
def test_the_kernel_is_the_same_in_another_folder_without_a_cache(elsewhere: Path, tmp_path: Path) -> None:
    here = write_kernel().read_bytes()
    build(elsewhere, "3", "-c", BUILD_KERNEL, tmp_path / "kernel.elf")
    assert (tmp_path / "kernel.elf").read_bytes() == here
