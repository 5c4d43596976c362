"""How `pithos run` ends when something else than the program does: a panic, QEMU, our own descriptors, ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.machine_folder import base_folder
from harness.running import panic_in
from tests.needs import needs
from tests.system.test_command import TIMEOUT, command, pithos, wait_for

needs_qemu = needs("qemu-system-x86_64")
pytestmark = pytest.mark.qemu


@needs_qemu
def test_a_panic_is_a_line_and_123(rootfs: Path, request: pytest.FixtureRequest) -> None:
    name = f"panics-{os.getpid()}"
    words = command("run", "--name", name, rootfs, "--", "sleep", "1000")
    with subprocess.Popen(words, stderr=subprocess.PIPE) as process:
        request.addfinalizer(process.kill)
        wait_for(lambda: pithos("console", name, "-c", "ps").stdout.count(b"sleep") == 1)
        pithos("console", name, "-c", "inject-nmi")
        assert process.stderr is not None
        said = process.stderr.read().decode()
        assert process.wait(TIMEOUT) == 123
    assert said.startswith("pithos: the kernel panicked: non-maskable interrupt, kernel/")
    assert said.endswith(" (--log shows the calls that led there)\n")
    assert said.count("\n") == 1
    assert not (base_folder() / name).exists()


def test_the_place_of_a_panic_is_the_innermost_one() -> None:
    text = 'x\n  File "kernel/main.py", line 5, in main\n    f()\n  File "kernel/a.py", line 347, in f\n    g[i]\n'
    assert panic_in(f"{text}panic on cpu 1: index out of bounds: 70 of 64\n") == (
        "the kernel panicked: index out of bounds: 70 of 64, kernel/a.py:347 (--log shows the calls that led there)"
    )
    assert panic_in(text) is None


@needs_qemu
def test_qemu_that_is_killed_is_a_line(rootfs: Path) -> None:
    words = command("run", rootfs, "--", "sh", "-c", "echo on; sleep 1000")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"on\n"
        subprocess.run(["pkill", "-KILL", "-P", str(process.pid), "qemu-system"], check=True)
        said = process.stderr.read().decode()
        assert process.wait(TIMEOUT) == 125
    assert said.startswith("pithos: the machine ended: QEMU was killed by SIGKILL; ")
    assert said.count("\n") == 1


CLOSED = """
import os, sys
for descriptor in map(int, sys.argv[1].split(",")):
    os.close(descriptor)
os.execv(sys.executable, [sys.executable, "-m", "harness.cli", *sys.argv[2:]])
"""


@needs_qemu
@pytest.mark.parametrize("closed", ["0", "1", "2", "0,1,2"])
def test_closed_standard_files_are_as_dev_null(rootfs: Path, tmp_path: Path, closed: str) -> None:
    out, errors = tmp_path / "out", tmp_path / "errors"
    script = "cat; echo out; echo err >&2; exit 7"
    words = [sys.executable, "-c", CLOSED, closed, "run", rootfs, "--", "sh", "-c", script]
    with out.open("wb") as output, errors.open("wb") as complaints:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=complaints, timeout=TIMEOUT, check=False
        )
    assert done.returncode == 7
    assert out.read_bytes() == (b"" if "1" in closed else b"out\n")
    assert errors.read_bytes() == (b"" if "2" in closed else b"err\n")


def test_an_interrupt_at_any_moment_is_no_traceback(rootfs: Path) -> None:
    for delay in (0.02, 0.1, 0.2, 0.3, 0.4, 0.6):
        words = ["env", "--default-signal=INT", *command("run", rootfs, "--", "sleep", "1000")]
        with subprocess.Popen(words, stderr=subprocess.PIPE) as process:
            time.sleep(delay)
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            said = process.stderr.read()
            if b"Fatal Python error: init" in said:
                continue  # Python itself had not begun yet
            assert said.strip() == b""
            assert process.wait(TIMEOUT) in (-signal.SIGINT, 128 + signal.SIGINT)


LIGHT = """
import sys
from harness.cli import main
try:
    main()
finally:
    found = {name.split(".")[0] for name in sys.modules} & {"kernel", "llvmlite", "rich", "asyncio"}
    print(sorted(found), file=sys.stderr)
"""


@needs_qemu
@pytest.mark.parametrize(
    ("arguments", "imported"), [(("--help",), "[]"), (("run", "ROOTFS", "--", "/bin/true"), "['asyncio']")]
)
def test_a_start_imports_no_more_than_it_needs(rootfs: Path, arguments: tuple[str, ...], imported: str) -> None:
    words = [str(rootfs) if word == "ROOTFS" else word for word in arguments]
    done = subprocess.run([sys.executable, "-c", LIGHT, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, f"{imported}\n")
