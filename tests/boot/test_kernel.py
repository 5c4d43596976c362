"""The real kernel in QEMU: without a first process it says so, with a Python-style traceback, and ends the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from boot.build import write_kernel
from boot.disk import make_image
from tests.boot.tiny import MACHINES, needs_qemu, run_qemu

pytestmark = pytest.mark.qemu


@pytest.fixture(scope="module")
def kernel() -> Path:
    """The kernel, built if it has to be."""
    return write_kernel()


@needs_qemu
@pytest.mark.parametrize("machine", MACHINES)
def test_kernel_without_archive_panics_with_a_traceback(machine: str, kernel: Path) -> None:
    outcome = run_qemu(machine, "-kernel", kernel)
    console = outcome.console.decode()
    assert outcome.status & 1 == 1
    assert "Traceback (innermost last):" in console
    assert 'File "kernel/main.py"' in console
    assert "in kernel_main" in console


@needs_qemu
@pytest.mark.parametrize("machine", ["q35", "pc"])
def test_kernel_from_disk_reads_its_command_line(machine: str, kernel: Path, tmp_path: Path) -> None:
    """`quiet` keeps the log off the console, but not the panic."""
    disk = tmp_path / "disk.img"
    disk.write_bytes(make_image(kernel.read_bytes(), command_line="quiet"))
    outcome = run_qemu(machine, "-drive", f"file={disk},format=raw")
    console = outcome.console.decode()
    assert "no first process" in console
    assert "pages of memory" not in console
