"""Each case finds nothing wrong in a container, and those that hold on Linux find nothing wrong there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from harness.running import RunningMachine
from tests.cases.programs import CASES, Case
from tests.needs import COMPILER, require
from tests.system.host import run_on_host
from tests.system.programs import run_in_new

PATIENCE = 60


def wrong_lines(output: bytes) -> list[str]:
    """What a case complains of."""
    return [line for line in output.decode(errors="replace").splitlines() if line.startswith("BAD")]


def skip_unless_compiled(rootfs: Path, case: Case) -> Path:
    """The program of `case` on the host."""
    require(*COMPILER)
    return rootfs / case.command[0].lstrip("/")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
async def test_case(ready: RunningMachine, rootfs: Path, case: Case) -> None:
    skip_unless_compiled(rootfs, case)
    result = await run_in_new(ready.guest, *case.command)
    assert (wrong_lines(result.output), result.status) == ([], 0), result.output.decode(errors="replace")


@pytest.mark.parametrize("case", [case for case in CASES if case.runs_on_host], ids=lambda case: case.title)
def test_case_on_linux(rootfs: Path, case: Case, tmp_path: Path) -> None:
    program = skip_unless_compiled(rootfs, case)
    if os.geteuid() != 0:
        pytest.skip("cases begin as root")
    done = run_on_host([program, *case.arguments], cwd=tmp_path, stdin=subprocess.DEVNULL, timeout=PATIENCE)
    assert (wrong_lines(done.stdout), done.returncode) == ([], 0), done.stdout.decode(errors="replace")
