"""The root file system of system tests: busybox, and programs that misbehave."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.build import ensure_ctr
from harness.rootfs import NoBusybox, make_rootfs
from tests.system.compiled import add_compiled
from tests.system.elves import add_programs
from tests.system.puppet import add_puppet


@pytest.fixture(scope="session")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root file system with this machine's static busybox and the programs of elves.py."""
    folder = tmp_path_factory.mktemp("rootfs")
    try:
        make_rootfs(folder)
    except NoBusybox as reason:
        pytest.skip(str(reason))
    add_programs(folder)
    add_compiled(folder)
    add_puppet(folder)
    add_ctr(folder)
    return folder


def add_ctr(folder: Path) -> None:
    """Put ctr where `pithos build` puts it."""
    place = folder / "usr" / "local" / "bin" / "ctr"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(ensure_ctr())
    place.chmod(0o755)
