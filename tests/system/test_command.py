"""The pithos command from outside: every machine, exit statuses, one-line errors, and nothing left behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from harness.machine_folder import base_folder
from tests.needs import needs

BUSYBOX = "/bin/busybox"
TIMEOUT = 120
needs_qemu = needs("qemu-system-x86_64")
pytestmark = pytest.mark.qemu


def command(*arguments: str | Path) -> list[str]:
    """`pithos` with these arguments."""
    return [sys.executable, "-m", "harness.cli", *map(str, arguments)]


def pithos(*arguments: str | Path, given: bytes = b"", **settings: str) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end."""
    environment = {**os.environ, **settings}
    return subprocess.run(
        command(*arguments), input=given, capture_output=True, timeout=TIMEOUT, env=environment, check=False
    )


WAYS = {
    "microvm": ("--machine", "microvm"),
    "q35": ("--machine", "q35"),
    "pc": ("--machine", "pc"),
    "disk on q35": ("--machine", "q35", "--disk"),
    "disk on pc": ("--machine", "pc", "--disk"),
}


@needs_qemu
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_hello_on_every_machine(rootfs: Path, way: tuple[str, ...]) -> None:
    done = pithos("run", *way, rootfs, "--", BUSYBOX, "echo", "hello")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hello\n", b"")


def test_hello_in_the_emulator(rootfs: Path) -> None:
    done = pithos("run", "--backend", "emulator", "--ram", "64m", rootfs, "--", BUSYBOX, "echo", "hello")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hello\n", b"")


@needs_qemu
@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        ((BUSYBOX, "false"), 1, b""),
        (("sh", "-c", "exit 7"), 7, b""),
        (("/bin/fault",), 139, b""),
        (("/no/such",), 127, b"pithos: /no/such: No such file or directory\n"),
        (("no-such-command",), 127, b"pithos: no-such-command: No such file or directory\n"),
        (("",), 127, b"pithos: : No such file or directory\n"),
        (("echo", *("x" for _ in range(5000))), 125, b"pithos: echo: Argument list too long\n"),
        (("/etc/passwd",), 126, b"pithos: /etc/passwd: Permission denied\n"),
        (("/bin/bad-text",), 126, b"pithos: /bin/bad-text: Exec format error\n"),
    ],
)
def test_exit_statuses(rootfs: Path, arguments: tuple[str, ...], status: int, complaint: bytes) -> None:
    done = pithos("run", rootfs, "--", *arguments)
    assert (done.returncode, done.stderr) == (status, complaint)


@needs_qemu
def test_standard_files_are_passed(rootfs: Path) -> None:
    text = bytes(range(256)) * 2000
    done = pithos("run", rootfs, "--", BUSYBOX, "cat", given=text)
    assert done.returncode == 0
    assert done.stdout == text
    done = pithos("run", "-e", "A=b c", rootfs, "--", BUSYBOX, "sh", "-c", "echo $A; echo no >&2")
    assert (done.stdout, done.stderr) == (b"b c\n", b"no\n")


@needs_qemu
@pytest.mark.parametrize("way", [(), ("--machine", "q35", "--disk")], ids=["archive", "disk"])
def test_bytes_that_are_no_text_are_passed_as_they_are(rootfs: Path, way: tuple[str, ...]) -> None:
    odd = os.fsdecode(b"\xff\xfe")
    options = ("-e", f"A={odd}", "--append", f"quiet={odd}", "--hostname", odd, "--name", f"odd{odd}{os.getpid()}")
    done = pithos("run", *way, *options, rootfs, "--", "sh", "-c", "echo $A; hostname; echo $0", f"0{odd}")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"\xff\xfe\n\xff\xfe\n0\xff\xfe\n"


@needs_qemu
def test_verbose_says_what_came_back(rootfs: Path) -> None:
    done = pithos("run", "--log", rootfs, "--", BUSYBOX, "true")
    assert done.returncode == 0
    assert b"pages of memory" in done.stderr
    assert done.stderr.rstrip().endswith(b"nothing is left")


@needs_qemu
def test_root_file_system_of_a_tar(rootfs: Path, tmp_path: Path) -> None:
    archive = tmp_path / "root.tar"
    subprocess.run(["tar", "-C", rootfs, "-cf", archive, "."], check=True)
    done = pithos("run", archive, "--", "echo", "from a tar")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"from a tar\n", b"")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("run", "/no/such/rootfs", "--", "true"), "no such directory or tar file"),
        (("run", "ROOTFS", "--"), "COMMAND"),
        (("run", "--ram", "1m", "ROOTFS", "--", "true"), "a machine has 32 to 2816 MiB of memory"),
        (("run", "--ram", "what", "ROOTFS", "--", "true"), "is not a size such as 64m"),
        (("run", "--user", "4294967295", "ROOTFS", "--", "true"), "give names or numbers"),
        (("run", "--user", "1:99999999999", "ROOTFS", "--", "true"), "give names or numbers"),
        (("run", "--user", "1:2:3", "ROOTFS", "--", "true"), "give names or numbers"),
        (("run", "--user", "-5", "ROOTFS", "--", "true"), "give names or numbers"),
        (("run", "--name", "n" * 120, "ROOTFS", "--", "true"), "choose a shorter --name"),
        (("run", "--name", "n" * 300, "ROOTFS", "--", "true"), "choose a shorter --name"),
        (("run", "--name", "a/b", "ROOTFS", "--", "true"), "cannot be the name of a machine"),
        (("run", "--smp", "99", "ROOTFS", "--", "true"), "99 is not in the range 1<=x<=16"),
        (("run", "--cpus", "x", "ROOTFS", "--", "true"), "'x' is not a number of processors"),
        (("run", "--memory", "9" * 30 + "g", "ROOTFS", "--", "true"), "is more than 64 bits can say"),
        (("run", "--pids-limit", "9" * 30, "ROOTFS", "--", "true"), "is not in the range"),
        (("run", "--append", "a" * 1024, "ROOTFS", "--", "true"), "the kernel's command line takes 1023 bytes"),
        (("run", "", "--", "true"), "it is empty: give a directory or a tar file"),
        (("build", "--rootfs", ""), "it is empty: give a directory or a tar file"),
        (("run", "/etc/passwd", "--", "true"), "/etc/passwd: is no tar file"),
        (("build", "--rootfs", "/no/such"), "no such directory or tar file"),
        (("console", "no-such-machine"), "no machine no-such-machine"),
    ],
)
def test_our_own_failures_are_125_and_a_line(rootfs: Path, arguments: tuple[str, ...], expected: str) -> None:
    done = pithos(*(str(rootfs) if part == "ROOTFS" else part for part in arguments))
    assert done.returncode == 125
    assert expected in done.stderr.decode()
    assert b"Traceback" not in done.stderr


@needs_qemu
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--hostname", "h" * 70), "no container: File name too long: choose a shorter --name or --hostname"),
        (("--workdir", "/no/such"), "--workdir /no/such: No such file or directory"),
        (("--workdir", "/etc/passwd"), "--workdir /etc/passwd: Not a directory"),
        (("-t", "--workdir", "/no/such"), "--workdir /no/such: No such file or directory"),
    ],
)
def test_what_only_the_kernel_can_refuse_is_named(rootfs: Path, arguments: tuple[str, ...], complaint: str) -> None:
    done = pithos("run", *arguments, rootfs, "--", "true")
    assert (done.returncode, done.stderr.decode()) == (125, f"pithos: {complaint}\n")


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_a_tar_that_is_cut_off_is_a_line(tmp_path: Path, compression: str) -> None:
    whole, cut, file = tmp_path / "whole", tmp_path / "cut", tmp_path / "file"
    file.write_bytes(random.Random(1).randbytes(100_000))
    with tarfile.open(whole, f"w:{compression}") as archive:  # type: ignore[call-overload]
        archive.add(file, "file")
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    done = pithos("run", cut, "--", "true")
    assert done.returncode == 125
    assert done.stderr.startswith(f"pithos: {cut}: ".encode())
    assert done.stderr.count(b"\n") == 1


@needs_qemu
def test_a_variable_that_we_do_not_have_is_not_set(rootfs: Path) -> None:
    done = pithos("run", "-e", "ABSENT", "-e", "PRESENT", rootfs, "--", "env", PRESENT="here")
    assert b"PRESENT=here\n" in done.stdout
    assert b"ABSENT" not in done.stdout


@needs_qemu
def test_output_that_cannot_be_written_is_a_line(rootfs: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("run", rootfs, "--", "echo", "x"), stdout=full, stderr=subprocess.PIPE, timeout=TIMEOUT, check=False
        )
    assert (done.returncode, done.stderr) == (125, b"pithos: No space left on device\n")


def test_no_qemu_is_a_line(rootfs: Path, tmp_path: Path) -> None:
    done = pithos("run", "--backend", "qemu", rootfs, "--", "true", PATH=str(tmp_path))
    assert done.returncode == 125
    assert b"qemu-system-x86_64 is not installed" in done.stderr
    assert done.stderr.count(b"\n") == 1


INTERRUPTED_IMPORT = """
import os, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may run where it is ignored

class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == "harness.cli.group":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupter())
from harness.cli import main
from tests.needs import needs
main()
"""


def test_an_interrupt_before_all_is_imported_is_quiet() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED_IMPORT], capture_output=True, timeout=TIMEOUT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


def wait_for(condition: object) -> None:
    """Wait until `condition()` holds."""
    end = time.monotonic() + 60
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in a minute"
        time.sleep(0.05)


@needs_qemu
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_qemu_is_left_behind(rootfs: Path, number: signal.Signals) -> None:
    name = f"left-{number.name.lower()}-{os.getpid()}"
    folder = base_folder() / name
    program = command("run", "--name", name, rootfs, "--", BUSYBOX, "sh", "-c", "trap '' INT TERM; echo on; sleep 1000")
    with subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        record = (folder / "machine.json").read_text()
        machine = int(record.split('"process": ')[1].split(",")[0])
        process.send_signal(number)
        if number is not signal.SIGKILL:  # which the shell does not heed
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
            process.send_signal(number)
        status = process.wait(30)
    assert status == (-9 if number is signal.SIGKILL else 128 + number)
    wait_for(lambda: not Path(f"/proc/{machine}/stat").exists() or ") Z" in Path(f"/proc/{machine}/stat").read_text())
    if number is not signal.SIGKILL:
        assert not folder.exists()


@needs_qemu
def test_console_on_a_paused_machine(rootfs: Path) -> None:
    name = f"shown-{os.getpid()}"
    program = command("run", "--name", name, rootfs, "--", BUSYBOX, "sh", "-c", "echo on; while :; do :; done")
    with subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        try:
            shown = pithos(
                *("console", name, "-c", "stop", "-c", "query-status", "-c", "ps", "-c", "containers"),
                *("-c", "frames", "-c", "pt 0x400000", "-c", "log", "-c", "validate", "-c", "info registers"),
            )
        finally:
            process.kill()
    assert shown.returncode == 0, shown.stderr
    printed = shown.stdout.decode()
    for expected in ('"paused"', "agent", "busybox", name, "frames are free", "level 1", "all is well", "RIP="):
        assert expected in printed, printed
