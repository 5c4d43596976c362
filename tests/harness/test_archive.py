"""Boot archives: how a tree is laid out, and that the same tree makes the same archive."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from harness.archive import boot_archive, write_boot_archive
from harness.errors import HarnessError
from harness.images.contents import PAGE
from harness.machine import MEBIBYTE
from tests.harness.unpacked import files_of

BIG = os.urandom(10_000)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small root file system with one of everything that everybody may make."""
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


def quiet(message: str) -> None:
    """What is said is not of interest."""


def test_agent_files_and_images_have_their_places(tree: Path) -> None:
    files = files_of(boot_archive(b"agent", {"one": tree, "two": tree}, quiet, {"deep/down/there": b"file"}))
    assert (files[b"/agent"].contents, files[b"/agent"].permissions) == (b"agent", 0o755)
    assert files[b"/deep/down/there"].contents == b"file"
    assert files[b"/images/one/small"].contents == files[b"/images/two/small"].contents == b"small"
    assert sorted(path for path in files if path.count(b"/") == 1) == [b"/agent", b"/deep", b"/images"]


def test_names_of_one_file_are_one_entry_and_links(tree: Path) -> None:
    files = files_of(boot_archive(b"", {"root": tree}, quiet))
    big = files[b"/images/root/bin/big"]
    assert big is files[b"/images/root/bin/twin"] and big.contents == BIG and big.permissions == 0o4755
    assert files[b"/images/root/link"].contents == b"bin/big"
    assert stat.S_ISFIFO(files[b"/images/root/fifo"].kind)


def test_contents_begin_on_pages(tree: Path) -> None:
    archive = boot_archive(BIG, {"root": tree}, quiet)
    assert archive.index(BIG) % PAGE == 0
    assert archive.index(BIG, archive.index(BIG) + 1) % PAGE == 0
    assert len(archive) % PAGE == 0


def test_the_same_contents_make_the_same_archive(tree: Path) -> None:
    first, second = (boot_archive(b"agent", {"root": tree}, quiet) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "n" * 256])
def test_names_that_no_image_can_have(tree: Path, name: str) -> None:
    with pytest.raises(HarnessError, match="cannot be the name of a root file system"):
        boot_archive(b"", {name: tree}, quiet)


class Nowhere:
    """A disk that is full at once."""

    def write(self, content: bytes) -> None:
        """Refuse everything."""
        raise AssertionError("nothing is written")


def test_roots_that_do_not_fit_together_are_refused_before_they_are_read(tmp_path: Path) -> None:
    roots = {}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with (tmp_path / name / "file").open("wb") as file:
            file.write(b"x")
            os.posix_fallocate(file.fileno(), 0, 20 * MEBIBYTE)
        roots[name] = tmp_path / name
    with pytest.raises(HarnessError, match=r"two: needs 5\d MiB of memory, and the machine has 48: .* --ram 5\dm"):
        write_boot_archive(Nowhere(), b"", roots, quiet, {}, 48 * MEBIBYTE)
