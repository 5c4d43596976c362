"""Programs in C that use what the manual says of a field say the same in a container as on Linux."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.guest import Guest
from tests.system.programs import expect_what_linux_shows


@pytest.mark.parametrize(
    "name", ["threads", "signals", "frames", "usage", "scheduling", "settings", "others", "clocks", "proc"]
)
async def test_a_program_sees_what_linux_shows(guest: Guest, rootfs: Path, name: str) -> None:
    await expect_what_linux_shows(guest, rootfs, name)
