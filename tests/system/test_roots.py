"""Root file systems as `pithos run` is given them: what a container has of them, odd ones, damaged ones, large ones."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.tars import END, extended, header, member, octal, sparse_by_records
from tests.needs import needs
from tests.system.test_command import pithos

needs_qemu = needs("qemu-system-x86_64")
pytestmark = [pytest.mark.qemu, needs_qemu]


@pytest.fixture
def add_to_root(rootfs: Path, tmp_path: Path) -> Callable[..., Path]:
    """A function that makes a tar file of the root file system of the tests, with more members behind it."""

    def make(*members: bytes) -> Path:
        path = tmp_path / "root.tar"
        with tarfile.open(path, "w") as tar:
            tar.add(rootfs, arcname=".")
        with tarfile.open(path) as tar:
            tar.getmembers()
            end = tar.offset
        content = path.read_bytes()[:end]
        path.write_bytes(content + b"".join(members) + END)
        return path

    return make


def output_of(root: Path, script: str, complaint: str = "") -> str:
    """What a shell prints in a container of a root; `complaint` is what we say of the root."""
    done = pithos("run", root, "--", "/bin/sh", "-c", script)
    assert (done.returncode, done.stderr.decode()) == (0, complaint)
    return done.stdout.decode()


def test_everything_that_a_tar_says_is_so_in_the_container(add_to_root: Callable[..., Path]) -> None:
    root = add_to_root(
        extended([(b"mtime", b"-631152000.000000005")]),
        header(b"odd/", b"5", mode=octal(0o2751, 8), user=octal(7, 8), group=octal(8, 8)),
        extended([(b"mtime", b"5000000000.123456789"), (b"uid", b"4294967294"), (b"SCHILY.xattr.user.a", b"value")]),
        member(b"odd/f", b"contents", mode=octal(0o4711, 8)),
        header(b"odd/twin", b"1", target=b"odd/f"),
        header(b"odd/s", b"2", target=b"f"),
        header(b"odd/hs", b"1", target=b"odd/s"),
        header(b"odd/fifo", b"6"),
        header(b"odd/null", b"3", mode=octal(0o666, 8), major=octal(1, 8), minor=octal(3, 8)),
        header(b"odd/disk", b"4", major=octal(8, 8), minor=octal(1, 8)),
        extended([(b"path", b"odd/" + b"n" * 255)]),
        member(b"short", b"a long name"),
        sparse_by_records(
            (b"GNU.sparse.size", b"9000000"),
            (b"GNU.sparse.map", b"0,3,8000000,3"),
            (b"GNU.sparse.name", b"odd/holes"),
            contents=b"abcdef",
        ),
    )
    script = """
        cd /odd; stat -c '%n %f %u %g %Y %h' . f s fifo null disk; stat -c '%i' f twin | uniq | wc -l
        readlink hs; cat twin n*; echo; cat null; echo gone > null; cat disk
        tail -c +8000000 holes | head -c 5 | od -An -c; stat -c '%s %b' holes; stat -c %y f
    """
    done = pithos("run", root, "--", "/bin/sh", "-c", script)
    assert done.stderr.decode() == "cat: can't open 'disk': No such device or address\n"
    assert done.stdout.decode().splitlines() == [
        ". 45e9 7 8 -631152001 2",
        "f 89c9 4294967294 0 5000000000 2",
        "s a1ff 0 0 0 2",
        "fifo 11a4 0 0 0 1",
        "null 21b6 0 0 0 1",
        "disk 61a4 0 0 0 1",
        "1",
        "f",
        "contentsa long name",
        r"  \0   d   e   f  \0",
        "9000000 16",
        "2128-06-11 08:53:20.123456789 +0000",
    ]


def test_the_later_of_two_members_counts(add_to_root: Callable[..., Path]) -> None:
    root = add_to_root(
        member(b"odd/f", b"first"),
        header(b"link", b"2", target=b"odd/f"),
        member(b"odd/f", b"second"),
        member(b"link", b"a file"),
        header(b"odd", b"5", mode=octal(0o700, 8)),
    )
    assert output_of(root, "cat /odd/f /link; stat -c ' %a' /odd") == "seconda file 700\n"


def test_a_link_of_the_image_leads_nowhere_outside(add_to_root: Callable[..., Path]) -> None:
    root = add_to_root(
        header(b"l", b"2", target=b"/"),
        header(b"odd/o", b"2", target=b"/images/root"),
        header(b"up", b"2", target=b"../../../../images/root"),
        member(b"l/within", b"1"),
        member(b"odd/o/planted", b"2"),
        member(b"up/planted-too", b"3"),
        member(b"../escaped", b"4"),
    )
    complaint = f"pithos: {root}: members whose names lead upwards by '..', left out: ../escaped\n"
    script = (
        "cat /within /images/root/planted /images/root/planted-too; ls -d /planted /planted-too /escaped 2>&1 | wc -l"
    )
    assert output_of(root, script, complaint) == "1233\n"


def test_a_link_to_a_folder_is_a_root(rootfs: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(rootfs)
    assert output_of(tmp_path / "link", "echo ran") == "ran\n"


def test_a_folder_is_kept_as_it_is(rootfs: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    subprocess.run(["cp", "-a", rootfs, root], check=True)
    (root / "s").symlink_to("f")
    os.link(root / "s", root / "hs", follow_symlinks=False)
    os.mkfifo(root / "fifo")
    with (root / "holes").open("wb") as file:
        file.truncate(500_000_000)
    os.utime(root / "tmp", ns=(0, -1))
    script = "readlink /hs; stat -c '%F %Y' /fifo /tmp; stat -c '%s %b' /holes"
    done = pithos("run", "--ram", "64m", root, "--", "/bin/sh", "-c", script)
    assert done.stdout.decode().splitlines()[0::2] == ["f", "directory -1"], done.stderr
    assert done.stdout.decode().endswith("500000000 0\n")


@pytest.mark.parametrize("content", [END, b"".join((header(b"etc", b"5"), END))])
def test_a_root_without_the_program(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "root.tar"
    path.write_bytes(content)
    done = pithos("run", path, "--", "sh")
    assert (done.returncode, done.stderr) == (127, b"pithos: sh: No such file or directory\n")


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_damage_is_one_line_and_125(rootfs: Path, tmp_path: Path, compression: str) -> None:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode=f"w:{compression}") as tar:  # type: ignore[call-overload]
        tar.add(rootfs, arcname=".")
    whole = output.getvalue()
    header_of_second = bytearray(whole)
    header_of_second[5000:5050] = b"Z" * 50
    half = bytearray(whole)
    half[len(half) // 2] ^= 0xFF
    for content in (header_of_second, *([half] if compression else [])):
        path = tmp_path / "root"
        path.write_bytes(content)
        done = pithos("run", path, "--", "true")
        assert done.returncode == 125
        assert done.stderr.decode().startswith(f"pithos: {path}: is damaged: ") and done.stderr.count(b"\n") == 1


def many_members(count: int) -> bytes:
    """Files, links and folders of all sorts of costs."""
    return b"".join(
        member(b"d%d/f%d" % (number // 100, number), b"x" * (number % 5000))
        + header(b"d%d/empty%d" % (number // 100, number))
        + extended([(b"linkpath", b"t" * (number % 600 + 1))])
        + header(b"d%d/%s%d" % (number // 100, b"l" * (number % 90), number), b"2", target=b"t")
        for number in range(count)
    )


def test_the_memory_that_a_root_is_said_to_need_is_enough(add_to_root: Callable[..., Path]) -> None:
    root = add_to_root(many_members(6000))
    done = pithos("run", "--ram", "32m", root, "--", "true")
    text = done.stderr.decode()
    assert done.returncode == 125 and text.startswith(f"pithos: {root}: needs ")
    assert "MiB of memory, and the machine has 32: give it more by --ram " in text
    done = pithos("run", "--ram", text.split()[-1], root, "--", "sh", "-c", "ls /d59 | wc -l; cat /d59/f* | wc -c")
    assert (done.returncode, done.stdout.split()[0]) == (0, b"300"), done.stderr


def test_a_root_too_large_for_any_machine_is_refused_at_once(tmp_path: Path) -> None:
    """Its contents are holes, as nobody reads them."""
    path = tmp_path / "root.tar"
    with path.open("wb") as file:
        for number in range(3):
            file.write(header(b"large%d" % number, size=1 << 30))
            file.seek(1 << 30, os.SEEK_CUR)
        file.write(END)
    begin = time.monotonic()
    done = pithos("run", path, "--", "true")
    assert done.returncode == 125 and time.monotonic() - begin < 20
    complaint = (
        "MiB of memory, and no machine can have more than 2816, as files live in memory: take something out of it"
    )
    assert done.stderr.decode().startswith(f"pithos: {path}: needs 3") and complaint in done.stderr.decode()
