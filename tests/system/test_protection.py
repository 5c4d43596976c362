"""The page tables and control registers of the running kernel, as QEMU sees them."""

from __future__ import annotations

import pytest

from harness.qemu import QemuMachine
from harness.running import RunningMachine
from kernel.machine.layout import USER_END

SMEP, SMAP, UMIP = 1 << 20, 1 << 21, 1 << 11
WRITE_PROTECT = 1 << 16


def qemu_of(running: RunningMachine) -> QemuMachine:
    if not isinstance(running, QemuMachine):
        pytest.skip("the monitor of QEMU tells this")
    return running


async def translations(machine: QemuMachine) -> list[list[str]]:
    """What `info tlb` prints of every processor: address, physical address, flags from X (no execute) to W."""
    lines: list[str] = []
    for number in range(machine.machine.cpus):
        asked = {"command-line": "info tlb", "cpu-index": number}
        lines += str(await machine.execute("human-monitor-command", asked)).splitlines()
    return [line.split() for line in lines]


async def test_nothing_is_writable_and_executable(running: RunningMachine) -> None:
    pages = await translations(qemu_of(running))
    flags = {int(address.rstrip(":"), 16): rights for address, _physical, rights in pages}
    both = [hex(address) for address, rights in flags.items() if rights[-1] == "W" and rights[0] != "X"]
    assert both == []
    assert any(rights[0] != "X" for address, rights in flags.items() if address > USER_END), "kernel text"


async def test_upper_half_is_closed_to_programs(running: RunningMachine) -> None:
    pages = await translations(qemu_of(running))
    open_pages = [address for address, _physical, rights in pages if "U" in rights]
    assert open_pages
    assert all(int(address.rstrip(":"), 16) < USER_END for address in open_pages)


async def test_protections_of_the_processor_are_on(running: RunningMachine) -> None:
    text = await qemu_of(running).human("info registers")
    registers = dict(word.split("=", 1) for word in text.split() if "=" in word)
    assert int(registers["CR0"], 16) & WRITE_PROTECT
    assert int(registers["CR4"], 16) & (SMEP | SMAP | UMIP) == SMEP | SMAP | UMIP
