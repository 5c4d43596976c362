"""`pithos console --qmp`: a machine that somebody else started, whose memory we cannot map."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.attached_by_qmp import FetchedMemory, Missing, build_id
from tests.boot.test_by_hand import kernel, pithos, root, standalone
from tests.boot.tiny import QEMU, needs_qemu, tiny_kernel

__all__ = ["root"]
pytestmark = [pytest.mark.qemu, needs_qemu]


@pytest.fixture(scope="module")
def socket(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The QMP socket of a QEMU in which a container sleeps."""
    folder = tmp_path_factory.mktemp("qmp")
    path = folder / "socket"
    archive = standalone(root, folder, "sleep 1000")
    command = [QEMU, "-display", "none", "-monitor", "none", "-qmp", f"unix:{path},server=on,wait=off"]
    command += ["-serial", f"file:{folder / 'console'}", "-kernel", str(kernel()), "-initrd", str(archive)]
    with subprocess.Popen(command) as process:
        end = time.monotonic() + 60
        while not has_started(folder / "console"):
            assert time.monotonic() < end, "the machine does not start"
            time.sleep(0.2)
        time.sleep(1.5)
        yield path
        process.kill()


def has_started(console: Path) -> bool:
    """Whether the first process has asked for the size of the terminal."""
    return console.exists() and b"\x1b[6n" in console.read_bytes()


def console(socket: Path, *arguments: str | Path) -> tuple[int, str, str]:
    """Its status, output and errors."""
    done = pithos("console", "--qmp", socket, *arguments)
    return done.returncode, done.stdout, done.stderr


def test_kernel_is_found_by_its_build_id(socket: Path) -> None:
    status, output, errors = console(socket, "-c", "ps", "-c", "validate", "-c", "bt")
    assert (status, errors) == (0, "")
    assert [line.split()[0::5] for line in output.splitlines()[1:3]] == [["boot", "ctr"], ["main", "sleep"]]
    assert "\nall is well\ncpu 0: ring 0, interrupts on, halted; runs idle\n" in output


def test_machine_goes_on_afterwards(socket: Path) -> None:
    status, output, _ = console(socket, "-c", "frames", "-c", "query-status")
    assert (status, '"running": true' in output) == (0, True)


def test_given_kernel(socket: Path, tmp_path: Path) -> None:
    assert console(socket, "--kernel", kernel(), "-c", "containers")[0::2] == (0, "")
    other, text = tmp_path / "other.elf", tmp_path / "text"
    other.write_bytes(tiny_kernel().elf)
    text.write_text("no ELF")
    status, _, errors = console(socket, "--kernel", other, "-c", "ps")
    assert (status, errors.startswith(f"pithos: the machine does not run {other}: its build id, ")) == (125, True)
    assert console(socket, "--kernel", text)[0::2] == (125, f"pithos: {text} is no kernel of Pithos\n")
    missing = tmp_path / "missing"
    assert console(socket, "--kernel", missing)[0::2] == (125, f"pithos: {missing}: No such file or directory\n")


def test_no_such_socket(tmp_path: Path) -> None:
    status, _, errors = console(tmp_path / "none", "-c", "ps")
    assert (status, errors.startswith(f"pithos: {tmp_path}/none is not the QMP socket of a running QEMU: ")) == (
        125,
        True,
    )


def test_fetched_memory() -> None:
    memory = FetchedMemory(3 << 20)
    with pytest.raises(Missing) as missing:
        memory.read((1 << 20) - 2, 4)
    assert missing.value.piece == 0
    memory.pieces[0] = bytes((1 << 20) - 2) + b"ab"
    memory.pieces[1] = b"cd" + os.urandom(8)
    assert memory.read((1 << 20) - 2, 4) == b"abcd"
    for place in (-1, (3 << 20) - 1):
        with pytest.raises(IndexError):
            memory.read(place, 2)
    with pytest.raises(IndexError):
        memory.read((1 << 20) + 8, 4)
    with pytest.raises(TypeError):
        memory.write(0, b"")


def test_build_id_of_a_file() -> None:
    image = tiny_kernel()
    found = build_id(image.elf)
    assert found is not None
    assert found[1] == image.build_id
    assert build_id(b"\x7fELF") is None
