"""Backtraces of every processor from outside, and where a test that times out shows them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
import pytest_timeout

from harness.backtrace import backtrace
from harness.machine import Backend, Machine
from harness.physical import kernel_physical
from harness.plugin import TIMED_OUT, own_backtraces
from harness.qemu import QemuMachine, start_qemu
from tests.needs import needs

pytestmark = [pytest.mark.qemu, needs("qemu-system-x86_64")]

PROCESSORS = 2
FOR_EVER = b"\x55\x48\x89\xe5\xf3\x90\xeb\xfc"  # push rbp; mov rbp, rsp; pause; jmp to the pause
HALTED = re.compile(r"cpu \d: ring 0, interrupts on, halted; runs idle")


@pytest_asyncio.fixture(loop_scope="session")
async def pair(machine: Machine) -> AsyncIterator[QemuMachine]:
    """A machine with two processors, whose agent waits for orders."""
    running = await start_qemu(replace(machine, backend=Backend.QEMU, cpus=PROCESSORS, snapshots=False))
    try:
        await running.guest.wait_ready()
        yield running
    finally:
        await running.quit()


async def test_idle_processors_halt_in_the_stub_that_run_idle_calls(pair: QemuMachine) -> None:
    lines = await backtrace(pair.execute, pair.kernel)
    assert [bool(HALTED.fullmatch(line)) for line in lines if line.startswith("cpu")] == [True] * PROCESSORS
    assert [line.split() for line in lines if "interrupt_window" in line] == [["interrupt_window", "(assembly)"]] * 2
    callers = [line.split() for line in lines if " run_idle " in line]
    assert [place.startswith("kernel/sched/idle.py:") for _, place in callers] == [True, True]
    assert (await pair.execute("query-status"))["running"]


async def test_one_processor_of_a_machine_that_is_paused_and_stays_so(pair: QemuMachine) -> None:
    await pair.pause()
    lines = await backtrace(pair.execute, pair.kernel, 1)
    assert [line[:5] for line in lines if line.startswith("cpu")] == ["cpu 1"]
    assert not (await pair.execute("query-status"))["running"]
    with pytest.raises(ValueError, match="no cpu 2, only 0, 1"):
        await backtrace(pair.execute, pair.kernel, 2)


async def test_a_call_that_hangs_is_shown_with_its_callers(pair: QemuMachine) -> None:
    entry = kernel_physical(pair.kernel.symbols["kernel.syscalls.scheduling.sched_rr_get_interval"])
    assert entry is not None
    await pair.write_physical(entry, FOR_EVER)
    call = await pair.guest.call_by_name("sched_rr_get_interval", 0, 0)
    await asyncio.sleep(0.2)
    (shown,) = (text for name, text in own_backtraces() if name == pair.folder.name)
    busy = next(part for part in re.split(r"^cpu ", shown, flags=re.MULTILINE) if "runs agent, process 1" in part)
    functions = [line.split()[0] for line in busy.splitlines()[1:]]
    assert "sched_rr_get_interval" in functions[:3]
    assert functions.index("handle_syscall") < functions.index("syscall_entry")
    assert "kernel/syscalls/dispatch.py:" in busy
    assert isinstance(call, asyncio.Future)
    call.cancel()


def test_a_timeout_is_known_by_what_the_plugin_for_timeouts_says() -> None:
    assert TIMED_OUT in pytest_timeout.PYTEST_FAILURE_MESSAGE
