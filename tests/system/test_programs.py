"""Unmodified programs in containers: what they print and how they end, against the same programs on Linux."""

from __future__ import annotations

import errno
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.containers import Limits
from harness.guest import Guest
from tests.system.host import run_on_host
from tests.system.programs import run_in_new

BUSYBOX = "/bin/busybox"
TEXT = b"".join(b"line %d of some text\n" % (number * 7919 % 1000) for number in range(300))

APPLETS = [
    ("echo", "hello", "world"),
    ("echo", "-n", "no newline"),
    ("cat", "/etc/passwd"),
    ("ls", "/"),
    ("ls", "/bin"),
    ("uname", "-s"),
    ("uname", "-m"),
    ("id",),
    ("id", "-u"),
    ("pwd",),
    ("sleep", "0.01"),
    ("true",),
    ("false",),
    ("env",),
    ("env", "-i", "A=1", BUSYBOX, "env"),
    ("head", "-n", "1", "/etc/passwd"),
    ("wc", "/etc/passwd"),
    ("sort", "/etc/group"),
    ("sort", "-r", "/etc/passwd"),
    ("cat", "/no/such/file"),
    ("ls", "/no/such/directory"),
    ("sh", "-c", "exit 7"),
    ("sh", "-c", "cd /etc && pwd && echo $((6 * 7))"),
    ("sh", "-c", "echo a; echo b >&2; exit 3"),
    ("no-such-applet",),
]


def on_linux(rootfs: Path, applet: tuple[str, ...], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The same program in the same root file system on this machine, which is Linux."""
    command = [shutil.which("chroot") or "/usr/sbin/chroot", str(rootfs), BUSYBOX, *applet]
    return run_on_host(command, input=given, env={"PATH": "/bin", "HOME": "/root"})


@pytest.fixture(scope="module")
def oracle(rootfs: Path) -> Path:
    """Skip where this machine does not let us run programs in the root file system."""
    if on_linux(rootfs, ("true",)).returncode != 0:
        pytest.skip("chroot(2) needs root")
    return rootfs


@pytest.mark.parametrize("applet", APPLETS, ids=" ".join)
async def test_applet_is_byte_exact(guest: Guest, oracle: Path, applet: tuple[str, ...]) -> None:
    expected = on_linux(oracle, applet)
    result = await run_in_new(guest, BUSYBOX, *applet)
    assert (result.status, result.output, result.errors) == (
        expected.returncode,
        expected.stdout,
        expected.stderr,
    )


@pytest.mark.parametrize("applet", [("cat",), ("wc",), ("sort",), ("head", "-n", "5"), ("wc", "-c")], ids=" ".join)
async def test_applet_reads_its_input(guest: Guest, oracle: Path, applet: tuple[str, ...]) -> None:
    result = await run_in_new(guest, BUSYBOX, *applet, given=TEXT)
    assert (result.status, result.output) == (0, on_linux(oracle, applet, TEXT).stdout)


@pytest.mark.parametrize("status", [0, 1, 7, 42, 255])
async def test_exit_status_arrives(guest: Guest, status: int) -> None:
    assert (await run_in_new(guest, BUSYBOX, "sh", "-c", f"exit {status}")).status == status


async def test_a_fault_kills_the_program_alone(guest: Guest) -> None:
    assert (await run_in_new(guest, "/bin/fault")).status == 128 + 11
    assert (await run_in_new(guest, "/bin/privileged")).status == 128 + 11
    assert (await run_in_new(guest, "/bin/undefined")).status == 128 + 4
    assert (await run_in_new(guest, "/bin/divide")).status == 128 + 8
    assert (await run_in_new(guest, "/bin/fine")).status == 5


@pytest.mark.parametrize("name", ["text", "machine", "class", "truncated", "overlapping", "outside"])
async def test_what_is_no_program_is_enoexec(guest: Guest, name: str) -> None:
    with pytest.raises(OSError) as caught:
        await run_in_new(guest, f"/bin/bad-{name}")
    assert caught.value.errno == errno.ENOEXEC
    assert (await run_in_new(guest, BUSYBOX, "echo", "alive")).output == b"alive\n"


async def test_over_the_page_limit_only_the_container_suffers(guest: Guest) -> None:
    command = "x=0123456789; while :; do x=$x$x; done"
    result = await run_in_new(guest, BUSYBOX, "sh", "-c", command, limits=Limits(pages=400))
    assert result.status != 0
    assert (await run_in_new(guest, BUSYBOX, "echo", "alive")).output == b"alive\n"
