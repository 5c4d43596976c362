"""The compiler without the kernel: examples/blink.py is built by the command and boots."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from codegen.root import ROOT
from tests.boot.tiny import MACHINES, needs_qemu, run_qemu

SOURCE = "examples/blink.py"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built as its first lines say."""
    path = tmp_path_factory.mktemp("blink") / "blink.elf"
    subprocess.run([sys.executable, "-m", "codegen", "build", SOURCE, "-o", path], cwd=ROOT, check=True, timeout=60)
    return path


@needs_qemu
@pytest.mark.qemu
@pytest.mark.parametrize("machine", MACHINES)
def test_it_boots_and_blinks(machine: str, program: Path) -> None:
    outcome = run_qemu(machine, "-kernel", program, memory="32")
    assert outcome.console == b"on\noff\n" * 3
    assert outcome.status == 1  # isa-debug-exit: 2 * 0 + 1


def test_it_needs_nothing_of_the_kernel() -> None:
    check = f"""
import runpy, sys
sys.argv = ["codegen", "build", "{SOURCE}", "--dump=tree"]
try:
    runpy.run_module("codegen", run_name="__main__")
except SystemExit:
    pass
others = {{name.split(".")[0] for name in sys.modules}} & {{"kernel", "boot", "user", "harness"}}
sys.exit(f"imported: {{others}}" if others else 0)
"""
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_it_is_about_forty_lines() -> None:
    assert len((ROOT / SOURCE).read_text().splitlines()) <= 45
