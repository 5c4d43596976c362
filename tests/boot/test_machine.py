"""kernel/machine in QEMU: the probe kernel goes through traps, timer, serial line, ring 3, system calls."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boot.layout import KERNEL_VIRTUAL
from boot.pvh import PVH_NOTE
from boot.stubs import ALL_STUBS
from codegen import compile_program, link
from tests.boot import probe
from tests.boot.tiny import MACHINES, QEMU, needs_qemu

pytestmark = pytest.mark.qemu

ROOTS: list[Callable[..., Any]] = [
    probe.kernel_main,
    probe.handle_trap,
    probe.handle_syscall,
    probe.trap_failed,
    probe.trap_message,
]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The probe kernel, compiled."""
    image = link(compile_program(ROOTS), base=KERNEL_VIRTUAL, stubs=ALL_STUBS, entry="pvh_entry", notes=(PVH_NOTE,))
    path = tmp_path_factory.mktemp("probe") / "probe.elf"
    path.write_bytes(image.elf)
    return path


def converse(machine: str, processor: str, kernel: Path) -> tuple[int, dict[str, int], list[str]]:
    """Run the probe; answer when it is ready. Its exit status, what it said by name, and all lines."""
    command = [QEMU, *MACHINES[machine], "-cpu", processor, "-m", "64", "-display", "none", "-nodefaults"]
    command += ["-no-reboot", "-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    command += ["-rtc", "base=2026-11-24T12:00:00", "-kernel", str(kernel), "-append", "a=b"]
    lines: list[str] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            deadline = time.monotonic() + 30
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
                if line == "ready\n":
                    process.stdin.write("x")
                    process.stdin.flush()
                if time.monotonic() > deadline:
                    break
            status = process.wait(10)
        finally:
            process.kill()
    said = {}
    for line in lines:
        name, _space, value = line.rpartition(" ")
        if name:
            said[name] = int(value, 16)
    return status, said, lines


@needs_qemu
@pytest.mark.parametrize("processor", ["qemu64", "max"])
@pytest.mark.parametrize("machine", MACHINES)
def test_every_path_of_the_machine_layer(machine: str, processor: str, kernel: Path) -> None:
    status, said, lines = converse(machine, processor, kernel)
    assert status == 14 * 2 + 1, "\n".join(lines)
    assert "a=b" in lines
    assert said["memory ranges"] >= 2
    assert said["smap"] == (1 if processor == "max" else 0)
    assert said["refused"] == probe.UNMAPPED_ADDRESS
    assert said["not copied"] == 100
    assert 100_000 < said["tsc kHz"] < 10_000_000
    assert 60_000 < said["timer kHz"] < 65_000
    assert 0 < said["nanoseconds"] < 10_000_000_000  # QEMU catches up on ticks when the host is busy
    assert said["received"] == ord("x")
    assert said["breakpoint at"] == probe.PROGRAM_ADDRESS + 13
    assert said["call"] == 60
    assert said["date"] == 0 or said["date"] // 60 == 1795521600 // 60
