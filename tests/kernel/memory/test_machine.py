"""Memory on the machine: the probe kernel takes it over, uses it, and gives all of it back."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boot.layout import KERNEL_VIRTUAL
from boot.pvh import PVH_NOTE
from boot.stubs import ALL_STUBS
from codegen import compile_program, link
from kernel.base import panic
from tests.boot.tiny import MACHINES, QEMU, needs_qemu
from tests.kernel.memory import probe

pytestmark = [pytest.mark.qemu, needs_qemu]

ROOTS: list[Callable[..., Any]] = [
    probe.kernel_main,
    probe.handle_trap,
    probe.handle_syscall,
    panic.trap_failed,
    panic.trap_message,
]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The probe kernel, compiled."""
    image = link(compile_program(ROOTS), base=KERNEL_VIRTUAL, stubs=ALL_STUBS, entry="pvh_entry", notes=(PVH_NOTE,))
    path = tmp_path_factory.mktemp("probe") / "probe.elf"
    path.write_bytes(image.elf)
    return path


def boot(kernel: Path, machine: str, *arguments: str) -> tuple[int, list[str]]:
    """Run the probe; its exit status and what it logged."""
    command = [QEMU, *MACHINES[machine], "-m", "64", "-display", "none", "-nodefaults", "-no-reboot"]
    command += ["-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-cpu", "max"]
    command += ["-kernel", str(kernel), *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("machine", MACHINES)
def test_memory_is_used_and_given_back(kernel: Path, machine: str, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(b"x" * 10_000)
    status, lines = boot(kernel, machine, "-initrd", str(archive))
    assert status == 1, lines
    assert lines[0].startswith("total ") and lines[0].endswith("root True")
    assert 15_000 < int(lines[0].split()[1]) < 64 << 8
    assert lines[1:6] == [
        "heap pages 5 objects 2",
        "heap left 0 0",
        lines[3],
        "teardown left 0 0",
        "limit after 4 refused 1",
    ]
    assert lines[3].startswith("space faults ") and lines[3].endswith(" left 0 0")
    assert lines[-1].startswith("lost 2 of "), "two tables of the stack area stay, the kernel's own"


def test_a_panic_prints_a_traceback(kernel: Path) -> None:
    status, lines = boot(kernel, "q35", "-append", "panic=1")
    start = lines.index("Traceback (innermost last):")
    text = "\n".join(lines[start:])
    assert status == 255, lines
    assert "in kernel_main" in text and "in deepen_more" in text
    assert lines[-2:] == ["    return level - 1", "panic: integer overflow"]
