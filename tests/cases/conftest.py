"""The machines that cases run on: one for each number of processors, rewound before each case."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from harness.build import ensure_kernel, write_archive
from harness.errors import HarnessError
from harness.failures import let_copies_yield
from harness.machine import MEBIBYTE, Backend, Machine
from harness.plugin import validate_paused
from harness.rootfs import NoBusybox, make_rootfs
from harness.running import RunningMachine
from tests.cases.programs import Case, compile_cases

MEMORY = 256 * MEBIBYTE


@pytest.fixture(scope="session")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root file system with busybox and the compiled cases."""
    folder = tmp_path_factory.mktemp("rootfs")
    try:
        make_rootfs(folder)
    except NoBusybox as reason:
        pytest.skip(str(reason))
    compile_cases(folder)
    folder.chmod(0o755)  # pytest's own folders are closed to everybody else, and this becomes the root of containers
    return folder


@pytest.fixture(scope="session")
def machine(backend: Backend, rootfs: Path) -> Machine:
    """What the cases boot."""
    archive = write_archive({"root": rootfs}, lambda message: None)
    return Machine(kernel=ensure_kernel(), archive=archive, backend=backend, memory=MEMORY, snapshots=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def machines() -> AsyncIterator[dict[int, RunningMachine]]:
    """Machines that were booted for cases so far, by number of processors."""
    started: dict[int, RunningMachine] = {}
    try:
        yield started
    finally:
        for running in started.values():
            await running.quit()


@pytest_asyncio.fixture(loop_scope="session")
async def ready(case: Case, machine: Machine, machines: dict[int, RunningMachine]) -> AsyncIterator[RunningMachine]:
    """A machine for `case`, in the state in which its agent became ready; validated afterwards."""
    if case.processors > 1 and machine.backend is Backend.EMULATOR:
        pytest.skip("the emulator has one processor")
    running = machines.get(case.processors)
    if running is None:
        running = await replace(machine, cpus=case.processors).start()
        machines[case.processors] = running
        await running.guest.wait_ready()
        await running.save()
    await running.rewind()
    await let_copies_yield(running, case.copies_yield)
    try:
        yield running
        await validate_paused(running)
    except HarnessError:
        del machines[case.processors]  # a case has ended it: the next one gets another
        await running.quit()
        raise
