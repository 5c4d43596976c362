"""How long a machine takes from the start of QEMU to the first word of the first program."""

from __future__ import annotations

import statistics
import time

from bench.figure import Figure
from harness.build import ensure_kernel, write_archive
from harness.machine import Machine, MachineType

BOOTS = 5
GOAL_MICROVM = 150


async def milliseconds_of_boot(machine: Machine) -> float:
    """One boot, until the agent, the first program, said that it is ready."""
    start = time.monotonic()
    running = await machine.start()
    try:
        await running.guest.wait_ready()
        return (time.monotonic() - start) * 1000
    finally:
        await running.quit()


async def measure() -> list[Figure]:
    """The median of some boots of each machine type."""
    kernel, archive = ensure_kernel(), write_archive({}, print)
    figures = []
    for kind in MachineType:
        machine = Machine(kernel=kernel, archive=archive, type=kind)
        times = [await milliseconds_of_boot(machine) for _ in range(BOOTS)]
        goal = GOAL_MICROVM if kind is MachineType.MICROVM else None
        name = f"QEMU start to the first program's word, {kind} (median of {BOOTS})"
        figures.append(Figure(name, statistics.median(times), "ms", goal))
    return figures
