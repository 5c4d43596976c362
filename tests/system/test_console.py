"""The console keeps its bytes, however slowly they are read."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from harness.errors import HarnessError
from harness.inspect_state import log_text
from harness.machine import MEBIBYTE, Backend, Machine
from harness.physical import kernel_physical
from harness.qemu import start_qemu
from tests.needs import needs

pytestmark = [pytest.mark.qemu, needs("qemu-system-x86_64")]

INVALID_INSTRUCTION = b"\x0f\x0b"
BEYOND_THE_SOCKET = 300
"""QEMU writes byte by byte; of these writes the socket takes some 280 before they are read."""


async def test_a_panic_is_whole_when_nobody_reads_for_a_second(machine: Machine) -> None:
    changed = replace(machine, backend=Backend.QEMU, memory=64 * MEBIBYTE, cpus=1, snapshots=False)
    running = await start_qemu(changed)
    try:
        await running.guest.wait_ready()
        entry = kernel_physical(running.kernel.symbols["kernel.syscalls.scheduling.sched_rr_get_interval"])
        assert entry is not None
        await running.write_physical(entry, INVALID_INSTRUCTION)
        before = len(running.console.text)
        call = asyncio.create_task(running.guest.sys.sched_rr_get_interval(0, 0))
        await asyncio.sleep(0)
        time.sleep(1)  # the loop is held up on purpose: it is what reads the console
        with pytest.raises(HarnessError):
            await call
        assert running.console.text == log_text(running.kernel)
        assert len(running.console.text) - before > BEYOND_THE_SOCKET
    finally:
        await running.quit()
