"""Programs in C about files say the same in a container as on Linux, with the tmpfs in its /dev/shm."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.guest import Guest
from tests.system.programs import expect_what_linux_shows


@pytest.mark.parametrize("name", ["locks", "fifos", "files", "watches"])
async def test_a_program_about_files_sees_what_linux_shows(guest: Guest, rootfs: Path, name: str) -> None:
    await expect_what_linux_shows(guest, rootfs, name)
