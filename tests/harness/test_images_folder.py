"""Directories as root file systems, and that a tar file of one by tar(1), in whatever format, is the same."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import interface
from harness.archive import boot_archive
from harness.errors import HarnessError
from harness.images import folder as folders
from harness.images.limits import FILE_MAX
from tests.harness.tars import read
from tests.harness.unpacked import Found

IS_ROOT = os.geteuid() == 0
TAR = ("tar",) if IS_ROOT else ("tar", "--owner=0", "--group=0")
"""Of a folder that somebody else reads all is root's."""
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root may do that")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A directory with one of everything that may be made here."""
    root = tmp_path / "root"
    (root / "dir" / "below").mkdir(parents=True)
    (root / "dir").chmod(0o2750)
    (root / "file").write_bytes(b"contents" * 1000)
    (root / "file").chmod(0o4711)
    (root / "empty").touch()
    os.link(root / "file", root / "dir" / "twin")
    (root / "link").symlink_to("file")
    (root / "folder").symlink_to("/dir")
    os.link(root / "link", root / "dir" / "hard-link", follow_symlinks=False)
    os.mkfifo(root / "fifo", 0o600)
    (root / ("long-" * 30)).write_text("long")
    (root / "link-to-long").symlink_to("x" * 150)
    (root / os.fsdecode(b"\xff\n\x1b")).touch()
    with (root / "holes").open("wb") as file:
        file.write(b"begin")
        file.seek(3_000_000)
        file.write(b"middle")
        file.truncate(5_000_000)
    if IS_ROOT:
        os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.chown(root / "dir" / "below", 1234, 5678)
    os.utime(root / "file", ns=(0, -1_500_000_000))
    os.utime(root / "dir", ns=(0, 5_000_000_000 * 10**9 + 123))
    return root


def described(files: dict[bytes, Found], *, is_exact: bool) -> dict[bytes, tuple[object, ...]]:
    """What is to be the same of every file; parts of seconds and attributes only if the format has them."""
    return {
        path: (
            *(node.kind, node.permissions, node.user, node.group, node.device, node.contents, sorted(node.names)),
            *(node.seconds, *((node.nanoseconds, node.attributes) if is_exact else ())),
        )
        for path, node in files.items()
    }


def test_everything_is_kept(top: Path) -> None:
    files, said = read(top)
    assert said == []
    assert (files[b"/dir"].permissions, files[b"/dir"].seconds, files[b"/dir"].nanoseconds) == (0o2750, 5 * 10**9, 123)
    assert (files[b"/file"].permissions, files[b"/file"].seconds, files[b"/file"].nanoseconds) == (
        0o4711,
        -2,
        5 * 10**8,
    )
    assert files[b"/dir/twin"] is files[b"/file"] and files[b"/dir/hard-link"] is files[b"/link"]
    assert files[b"/folder"].contents == b"/dir" and b"/folder/below" not in files
    assert files[b"/holes"].contents == (top / "holes").read_bytes() and files[b"/holes"].is_holed
    assert files[b"/\xff\n\x1b"].contents == b"" and files[b"/fifo"].kind == stat.S_IFIFO
    if IS_ROOT:
        assert (files[b"/null"].kind, files[b"/null"].device) == (stat.S_IFCHR, os.makedev(1, 3))
        assert (files[b"/dir/below"].user, files[b"/dir/below"].group) == (1234, 5678)


def test_what_is_mine_is_root_s(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1234)
    monkeypatch.setattr(os, "getgid", lambda: 99)
    files, _ = read(top)
    if IS_ROOT:
        assert (files[b"/dir/below"].user, files[b"/dir/below"].group) == (0, 5678)


def test_a_link_to_a_directory_is_taken_as_that(top: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("root")
    assert described(read(tmp_path / "link")[0], is_exact=True) == described(read(top)[0], is_exact=True)


FORMATS = {
    "gnu": (["--format=gnu"], False),
    "gnu, holes": (["--format=gnu", "--sparse"], False),
    "oldgnu": (["--format=oldgnu", "--sparse"], False),
    "posix": (["--format=posix", "--xattrs", "--xattrs-include=*"], True),
    "posix, holes 0.0": (["--format=posix", "--sparse", "--sparse-version=0.0"], True),
    "posix, holes 0.1": (["--format=posix", "--sparse", "--sparse-version=0.1"], True),
    "posix, holes 1.0": (["--format=posix", "--sparse", "--sparse-version=1.0"], True),
}


@pytest.mark.parametrize(("options", "is_exact"), FORMATS.values(), ids=FORMATS)
def test_tar_of_it_is_the_same(top: Path, tmp_path: Path, options: list[str], is_exact: bool) -> None:
    path = tmp_path / "root.tar"
    subprocess.run([*TAR, "-C", top, "-cf", path, *options, "."], check=True)
    files, said = read(path)
    assert described(files, is_exact=is_exact) == described(read(top)[0], is_exact=is_exact)
    assert said == []


@pytest.mark.parametrize("kind", ["ustar", "v7"])
def test_tar_of_the_oldest_formats(top: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "root.tar"
    for name in ("null", "fifo", "long-" * 30, "link-to-long"):
        (top / name).unlink(missing_ok=True)
    os.utime(top / "file", (0, 1000))
    os.utime(top / "dir", (0, 1 << 32))
    subprocess.run([*TAR, "-C", top, "-cf", path, f"--format={kind}", "."], check=True)
    assert described(read(path)[0], is_exact=False) == described(read(top)[0], is_exact=False)


def test_what_tar_adds_later_counts_as_if_tar_unpacked_it(top: Path, tmp_path: Path) -> None:
    path, more, out = tmp_path / "root.tar", tmp_path / "more", tmp_path / "out"
    subprocess.run([*TAR, "-C", top, "-cf", path, "."], check=True)
    (more / "dir").mkdir(parents=True)
    (more / "dir").chmod(0o700)
    (more / "dir" / "new").write_text("new")
    (more / "file").symlink_to("empty")
    (more / "link").write_text("a file now")
    subprocess.run([*TAR, "-C", more, "-rf", path, "."], check=True)
    subprocess.run([*TAR, "-C", more, "-cf", tmp_path / "second.tar", "dir"], check=True)
    subprocess.run(["tar", "-Af", path, tmp_path / "second.tar"], check=True)
    out.mkdir()
    subprocess.run(["tar", "-C", out, "-xpf", path], check=True)
    assert described(read(path)[0], is_exact=False) == described(read(out)[0], is_exact=False)


def can_have_attributes(path: Path) -> bool:
    """Whether the file system keeps extended attributes of users."""
    try:
        os.setxattr(path, "user.test", b"1")
    except OSError as error:
        assert error.errno in (errno.EOPNOTSUPP, errno.EPERM)
        return False
    return True


def test_extended_attributes(top: Path, tmp_path: Path) -> None:
    if not can_have_attributes(top / "file"):
        pytest.skip("no extended attributes here")
    os.setxattr(top / "dir", "user.odd", b"\0\n=")
    files, _ = read(top)
    assert files[b"/file"].attributes == {b"user.test": b"1"} and files[b"/dir"].attributes == {b"user.odd": b"\0\n="}
    path = tmp_path / "root.tar"
    subprocess.run([*TAR, "-C", top, "-cf", path, "--xattrs", "."], check=True)
    assert read(path)[0][b"/dir"].attributes == {b"user.odd": b"\0\n="}


def test_sockets_are_left_out(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(top)
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as other:
        one.bind("socket")
        other.bind("dir/socket")
        files, said = read(top)
    assert said == ["sockets, left out: 2 of them, the first is socket"] and b"/socket" not in files


def test_a_huge_file_is_left_out(top: Path) -> None:
    with (top / "huge").open("wb") as file:
        file.truncate(FILE_MAX + 1)
    files, said = read(top)
    assert said == ["files larger than the largest that the kernel has, left out: huge"] and b"/huge" not in files


def test_a_large_file_of_holes_takes_no_room(top: Path) -> None:
    with (top / "large").open("wb") as file:
        file.truncate(FILE_MAX)
    assert len(boot_archive(b"", {"root": top}, print)) < 100_000


@pytest.fixture
def mounted(top: Path) -> Iterator[Path]:
    """A directory below `top` on which something is mounted."""
    place = top / "dir" / "below"
    done = subprocess.run(["mount", "-t", "tmpfs", "none", place], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        (place / "within").touch()
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@needs_root
def test_what_is_mounted_within_is_left_empty(top: Path, mounted: Path) -> None:
    files, said = read(top)
    assert said == ["directories on which something is mounted, left empty: dir/below"]
    assert files[b"/dir/below"].kind == stat.S_IFDIR and b"/dir/below/within" not in files


@needs_root
def test_what_may_not_be_read_is_named(top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = shutil.copy(interface.INTERFACE, tmp_path / "interface")  # the tree may be closed to others
    monkeypatch.setattr(interface, "INTERFACE", Path(ours))
    (top / "dir" / "secret").write_text("secret")
    (top / "dir" / "secret").chmod(0)
    (top / "file").chmod(0o644)
    for parent in (tmp_path, *tmp_path.parents):
        if not parent.stat().st_mode & stat.S_IXOTH:
            parent.chmod(0o755)
    for name, mode in (("dir/secret", 0o755), ("dir", 0o700)):
        (top / "dir").chmod(mode)
        os.seteuid(12345)
        try:
            with pytest.raises(HarnessError) as caught:
                read(top)
        finally:
            os.seteuid(0)
        advice = "ROOTFS has to be readable for you: use sudo, or give a tar file of it"
        assert str(caught.value) == f"{top}/{name}: Permission denied; {advice}"


class Meddler:
    """Changes a file of a directory between the two times that it is looked at."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.real = folders.open_file
        monkeypatch.setattr(folders, "open_file", self.open_file)
        self.change: Callable[[], object] = bool

    def open_file(self, path: bytes) -> int:
        if path == os.fsencode(self.path):
            self.change()
        return self.real(path)


@pytest.fixture
def meddler(top: Path, monkeypatch: pytest.MonkeyPatch) -> Meddler:
    """What changes a file of ten bytes."""
    (top / "changing").write_bytes(b"0123456789")
    return Meddler(top / "changing", monkeypatch)


def test_a_file_that_grows_meanwhile_is_as_long_as_it_was(top: Path, meddler: Meddler) -> None:
    meddler.change = lambda: meddler.path.write_bytes(b"abcdefghijklm")
    files, said = read(top)
    assert files[b"/changing"].contents == b"abcdefghij"
    assert said == [f"files that changed while they were read: {meddler.path}"]


def be_link(path: Path) -> None:
    """Put a link in place of a file."""
    path.unlink()
    path.symlink_to("/etc/passwd")


def be_another(path: Path) -> None:
    """Put another file of the same length in place of a file."""
    (path.parent / "other").write_bytes(b"abcdefghij")
    (path.parent / "other").replace(path)


CHANGES = (lambda path: os.truncate(path, 3), Path.unlink, be_link, be_another)


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_goes_meanwhile(top: Path, meddler: Meddler, change: Callable[[Path], object]) -> None:
    meddler.change = lambda: change(meddler.path)
    with pytest.raises(HarnessError, match="changing: changed while it was read; try again when nothing writes"):
        read(top)
