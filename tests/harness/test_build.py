"""What a machine is started from: which archives are kept, and that a lack of room is said in one line."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harness import build, interface
from harness.build import KEPT, START_PATIENCE, SUFFIX, write_archive
from harness.errors import HarnessError
from harness.machine import MEBIBYTE, Machine


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build folder of its own, with an agent that need not be built."""
    monkeypatch.setattr(build, "BUILD_FOLDER", tmp_path / "build")
    monkeypatch.setattr(build, "ensure_agent", lambda: b"agent")
    return tmp_path / "build" / "archives"


def test_the_same_contents_have_the_same_path(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    first, second = (write_archive({"root": tmp_path / "root"}, print) for _ in range(2))
    (tmp_path / "root" / "new").touch()
    assert first == second != write_archive({"root": tmp_path / "root"}, print)
    assert len(list(folder.iterdir())) == 2


def test_old_archives_go_and_new_ones_stay(folder: Path) -> None:
    folder.mkdir(parents=True)
    now = time.time()
    for number in range(KEPT + 5):
        for kind, age in (("old", START_PATIENCE + number), ("new", number)):
            path = folder / f"{kind}{number}{SUFFIX}"
            path.touch()
            os.utime(path, (now - age, now - age))
    for name in ("unfinished-old", "0.cpio"):
        (folder / name).touch()
        os.utime(folder / name, (0, 0))
    made = write_archive({}, print)
    left = {path.name for path in folder.iterdir()}
    assert left == {made.name, *(f"new{number}{SUFFIX}" for number in range(KEPT + 5))}


def test_an_archive_that_is_refused_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="no such directory"):
        write_archive({"root": tmp_path / "missing"}, print)
    assert list(folder.iterdir()) == []


def test_what_is_known_of_the_kernel_must_be_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interface, "INTERFACE", tmp_path / "none")
    with pytest.raises(HarnessError, match="the kernel is not built: run pithos build"):
        interface.interface()
    monkeypatch.setattr(interface, "INTERFACE", tmp_path)
    with pytest.raises(HarnessError, match=f"{tmp_path}: Is a directory"):
        interface.interface()


def test_no_place_for_an_archive_is_a_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "build").touch()
    with pytest.raises(HarnessError, match=f"no boot archive in {folder}: Not a directory"):
        write_archive({}, print)


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
