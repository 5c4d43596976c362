"""Memory as a program sees it: C programs say the same in a container as on Linux."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.guest import Guest
from tests.system.programs import expect_what_linux_shows

PROGRAMS = ("memory", "growth", "mappings")


@pytest.mark.parametrize("name", PROGRAMS)
async def test_memory_calls_are_those_of_linux(guest: Guest, rootfs: Path, name: str) -> None:
    await expect_what_linux_shows(guest, rootfs, name)
