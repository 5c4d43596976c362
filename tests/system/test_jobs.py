"""Job control as a program sees it: jobs.c says the same in a container as on Linux."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness.guest import Guest
from tests.needs import COMPILER, require
from tests.system.programs import run_in_new

PROGRAM = "/bin/jobs"


async def test_job_control_is_that_of_linux(guest: Guest, rootfs: Path) -> None:
    program = rootfs / PROGRAM.lstrip("/")
    require(*COMPILER)
    expected = subprocess.run([program], capture_output=True, timeout=20, check=True, start_new_session=True)
    result = await run_in_new(guest, PROGRAM)
    assert result.output.decode().splitlines() == expected.stdout.decode().splitlines()
    assert (result.status, result.errors) == (0, b"")
