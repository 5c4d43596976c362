"""Boot archives, read back by cpio(1) and by their own rules."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from harness.archive import PAGE, boot_archive
from harness.errors import HarnessError

BIG = os.urandom(10_000)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small root file system with one of everything."""
    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "big").write_bytes(BIG)
    (root / "bin" / "big").chmod(0o4755)
    os.link(root / "bin" / "big", root / "bin" / "twin")
    (root / "small").write_text("small")
    (root / "link").symlink_to("bin/big")
    (root / "folder").symlink_to("bin")
    os.mkfifo(root / "fifo")
    return root


def unpack(archive: bytes, folder: Path) -> Path:
    """The archive as cpio(1) unpacks it."""
    if shutil.which("cpio") is None:
        pytest.skip("there is no cpio(1)")
    folder.mkdir()
    done = subprocess.run(["cpio", "-idm", "--quiet"], input=archive, cwd=folder, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return folder / "images" / "root"


def assert_is_tree(root: Path) -> None:
    """Whether `root` is what the fixture `tree` made, without the fifo."""
    assert sorted(os.listdir(root)) == ["bin", "folder", "link", "small"]
    assert (root / "bin" / "big").read_bytes() == BIG
    assert stat.S_IMODE((root / "bin" / "big").stat().st_mode) == 0o4755
    assert (root / "bin" / "twin").samefile(root / "bin" / "big")
    assert (root / "small").read_text() == "small"
    assert os.readlink(root / "link") == "bin/big"
    assert os.readlink(root / "folder") == "bin"


def test_directory_comes_back(tree: Path, tmp_path: Path) -> None:
    warnings: list[str] = []
    archive = boot_archive(b"agent", {"root": tree}, warnings.append)
    assert_is_tree(unpack(archive, tmp_path / "unpacked"))
    assert (tmp_path / "unpacked" / "agent").read_bytes() == b"agent"
    assert [line.split(": ")[1] for line in warnings] == ["left out"]


def test_tar_comes_back(tree: Path, tmp_path: Path) -> None:
    path = tmp_path / "root.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(tree, arcname=".")
    warnings: list[str] = []
    archive = boot_archive(b"agent", {"root": path}, warnings.append)
    assert_is_tree(unpack(archive, tmp_path / "unpacked"))
    assert len(warnings) == 1


def test_contents_of_larger_files_begin_on_pages(tree: Path) -> None:
    archive = boot_archive(BIG, {"root": tree}, lambda message: None)
    assert archive.index(BIG) % PAGE == 0
    assert archive.index(BIG, archive.index(BIG) + 1) % PAGE == 0


def test_members_that_lead_outside_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as tar:
        for name in ("../escaped", "kept/deep/file"):
            tar.addfile(tarfile.TarInfo(name))
    warnings: list[str] = []
    root = unpack(boot_archive(b"", {"root": path}, warnings.append), tmp_path / "unpacked")
    assert (root / "kept" / "deep" / "file").exists()
    assert warnings == [f"{path}: ../escaped: left out: leads outside"]


def test_the_same_contents_make_the_same_archive(tree: Path) -> None:
    first, second = (boot_archive(b"agent", {"root": tree}, lambda message: None) for _ in range(2))
    assert first == second


def test_what_is_no_root_file_system_is_a_line(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path / "text"):
        (tmp_path / "text").write_text("not a tar")
        with pytest.raises(HarnessError) as caught:
            boot_archive(b"", {"root": path}, lambda message: None)
        assert "\n" not in str(caught.value)
        assert "tar file" in str(caught.value)
