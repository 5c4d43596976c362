"""QEMU: its arguments, and machines of a hand-made kernel that echoes the channel."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import HarnessError, MachineDied
from harness.machine import MEBIBYTE, Machine, MachineType
from harness.machine_folder import base_folder
from harness.qemu import QemuMachine
from harness.qemu_command import Connections, command
from tests.boot.tiny import tiny_kernel
from tests.needs import needs

CONNECTIONS = Connections(3, 4, 5, Path("monitor"), Path("memory"))
needs_qemu = needs("qemu-system-x86_64")
ECHO = """
    mov edx, 0x3f8
    mov al, 0x21
    out dx, al
    mov dword ptr [0x500000], 0x12345678
next: mov edx, 0x2fd
    in al, dx
    test al, 1
    jz next
    mov edx, 0x2f8
    in al, dx
    inc al
    out dx, al
    jmp next
"""


def test_arguments_say_what_the_machine_is() -> None:
    machine = Machine(kernel=Path("k"), archive=Path("a"), command_line="quiet", instruction_shift=3)
    line = " ".join(command(machine, CONNECTIONS))
    for part in (
        "-M microvm,",
        "-bios qboot.rom",
        "-kernel k -initrd a -append quiet harness",
        "-icount shift=3,sleep=off",
    ):
        assert part in line
    disk = replace(machine, type=MachineType.Q35, disk=Path("d"))
    line = " ".join(command(disk, CONNECTIONS))
    assert "-M q35," in line
    assert "file=d,format=raw" in line
    assert "-kernel" not in line


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"memory": MEBIBYTE}, "32 to 2816 MiB"),
        ({"memory": 64 * MEBIBYTE + 1}, "whole number"),
        ({"disk": Path("d")}, "microvm has no BIOS disk"),
    ],
)
def test_impossible_machines_are_refused(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(HarnessError, match=complaint):
        replace(Machine(kernel=Path("k")), **changes)  # type: ignore[arg-type]


async def start(folder: Path, kind: MachineType) -> QemuMachine:
    """A machine that echoes its channel."""
    kernel = folder / "kernel.elf"
    kernel.write_bytes(tiny_kernel(ECHO).elf)
    machine = Machine(kernel=kernel, type=kind, memory=64 * MEBIBYTE, snapshots=True)
    running = await machine.start()
    assert isinstance(running, QemuMachine)
    return running


@needs_qemu
@pytest.mark.qemu
@pytest.mark.parametrize("kind", list(MachineType))
async def test_machine_runs_stops_and_is_rewound(tmp_path: Path, kind: MachineType) -> None:
    machine = await start(tmp_path, kind)
    folder = machine.folder.path
    try:
        await machine.send(b"HAL")
        assert await machine.receive(3) == b"IBM"
        await asyncio.wait_for(machine.console.changed(), 10)  # another socket: its bytes may come later
        assert machine.console.content == b"!"
        assert machine.memory.read(0x500000, 4) == b"\x78\x56\x34\x12"
        await machine.pause()
        registers = await machine.registers()
        assert registers["cr0"] >> 31 == 1
        assert registers["rip"] >> 40 == 0xFFFFFF
        await machine.save()
        await machine.write_physical(0x500000, b"gone")
        await machine.rewind()
        assert await machine.read_physical(0x500000, 4) == b"\x78\x56\x34\x12"
        await machine.resume()
        await machine.send(b"a")
        assert await machine.receive(1) == b"b"
    finally:
        await machine.quit()
    assert not folder.exists()
    assert machine.process.returncode is not None


@needs_qemu
@pytest.mark.qemu
async def test_death_of_qemu_is_told(tmp_path: Path) -> None:
    machine = await start(tmp_path, MachineType.MICROVM)
    try:
        with machine.folder.log.open("a") as log:
            log.write("qemu-system-x86_64: -mon: warning: this is no reason to end\n")
        waiting = asyncio.ensure_future(machine.receive(1))
        await asyncio.sleep(0.05)
        os.kill(machine.process.pid, signal.SIGKILL)
        with pytest.raises(MachineDied, match="QEMU was killed by SIGKILL"):
            await waiting
    finally:
        await machine.quit()


@needs_qemu
@pytest.mark.qemu
async def test_a_file_that_is_no_kernel_is_a_line(tmp_path: Path) -> None:
    kernel = tmp_path / "kernel.elf"
    kernel.write_text("no kernel")
    before = set(base_folder().iterdir())
    with pytest.raises(HarnessError, match="QEMU did not start") as caught:
        await Machine(kernel=kernel).start()
    assert "\n" not in str(caught.value)
    assert set(base_folder().iterdir()) <= before
