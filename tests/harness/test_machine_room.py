"""A machine is not started where what it starts from has no room."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.machine import MEBIBYTE, Machine


def test_an_archive_that_would_lie_over_the_kernel(tmp_path: Path) -> None:
    kernel, archive = tmp_path / "kernel", tmp_path / "archive"
    kernel.write_bytes(bytes(MEBIBYTE))
    with archive.open("wb") as file:
        file.truncate(28 * MEBIBYTE)
    with pytest.raises(HarnessError, match="do not fit in memory: give the machine more with --ram"):
        Machine(kernel=kernel, archive=archive, memory=32 * MEBIBYTE).check_files()
    Machine(kernel=kernel, archive=archive, memory=33 * MEBIBYTE).check_files()
    archive.unlink()
    with pytest.raises(HarnessError, match="archive is missing: run `pithos build`"):
        Machine(kernel=kernel, archive=archive).check_files()
