"""Programs in C that use what the manual says of a field say the same in a container as on Linux."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.guest import Guest
from tests.system.programs import run_in_new


@pytest.mark.parametrize(
    "name", ["threads", "signals", "frames", "usage", "scheduling", "settings", "others", "clocks", "proc"]
)
async def test_a_program_sees_what_linux_shows(guest: Guest, rootfs: Path, name: str) -> None:
    program = rootfs / "bin" / name
    if not program.exists():
        pytest.skip("no compiler, or no static C library")
    expected = subprocess.run([program], capture_output=True, timeout=20, check=True)
    result = await run_in_new(guest, f"/bin/{name}")
    assert result.output.decode().splitlines() == expected.stdout.decode().splitlines()
    assert (result.status, result.errors) == (0, b"")
