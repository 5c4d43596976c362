"""The pytest plugin: `guest`, whose system calls are made in a booted machine that is rewound before each test.

`--backend emulator` runs the same tests in the emulator, `--smp 4` with four CPUs. After each test the kernel's state
is validated (harness/inspect_state.py), and a failed test shows the end of the console. A test that times out in
QEMU shows the calls that every processor is in, too.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from harness import qemu_command
from harness.build import IMAGE_ROOT, ensure_kernel, write_archive
from harness.guest import Guest
from harness.inspect_state import problems, validate
from harness.machine import MEBIBYTE, Backend, Machine
from harness.machine_folder import running_folders
from harness.qemu_command import TRANSLATION
from harness.rootfs import NoBusybox, make_rootfs
from harness.running import RunningMachine

ROOT = f"/{IMAGE_ROOT}/root"
"""Where the agent sees the root file system of the tests."""
TREE = Path(__file__).parent.parent
TIMED_OUT = "from pytest-timeout"
MEMORY = 64 * MEBIBYTE
PAUSES = 5
_running: list[RunningMachine] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --backend, --smp and --kernel-coverage."""
    parser.addoption(
        "--backend",
        choices=[backend.value for backend in Backend],
        default=None,
        help="what runs the machines of tests: qemu (if installed), or emulator",
    )
    parser.addoption("--kernel-coverage", type=Path, default=None, help="a folder for logs of what ran (coverage.py)")
    parser.addoption("--smp", type=int, default=1, help="CPUs of the machines of tests (QEMU only)")


def has_qemu() -> bool:
    """Whether QEMU is installed."""
    return shutil.which(qemu_command.PROGRAM) is not None


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> Backend:
    """The backend of this run."""
    chosen = request.config.getoption("--backend")
    if chosen is not None:
        return Backend(chosen)
    return Backend.QEMU if has_qemu() else Backend.EMULATOR


@pytest.fixture(scope="session")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root file system with this machine's static busybox."""
    folder = tmp_path_factory.mktemp("rootfs")
    try:
        make_rootfs(folder)
    except NoBusybox as reason:
        pytest.skip(str(reason))
    return folder


@pytest.fixture(scope="session")
def machine(request: pytest.FixtureRequest, backend: Backend, rootfs: Path) -> Machine:
    """What the tests boot."""
    archive = write_archive({"root": rootfs}, lambda message: None)
    cpus = int(request.config.getoption("--smp") or 1) if backend is Backend.QEMU else 1
    plain = Machine(kernel=ensure_kernel(), archive=archive, backend=backend, memory=MEMORY, cpus=cpus, snapshots=True)
    folder = request.config.getoption("--kernel-coverage")
    if folder is None:
        return plain
    folder.mkdir(parents=True, exist_ok=True)
    return replace(plain, log_events=frozenset({TRANSLATION}), event_log=folder.resolve() / f"{os.getpid()}.log")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def booted(machine: Machine) -> AsyncIterator[RunningMachine]:
    """A machine whose agent is ready, saved in this state."""
    running = await machine.start()
    _running.append(running)
    try:
        await running.guest.wait_ready()
        await running.save()
        yield running
    finally:
        _running.remove(running)
        await running.quit()


@pytest_asyncio.fixture(loop_scope="session")
async def running(booted: RunningMachine) -> AsyncIterator[RunningMachine]:
    """The machine, rewound to when it was ready; validated after the test."""
    await booted.rewind()
    yield booted
    await validate_paused(booted)


async def validate_paused(machine: RunningMachine) -> None:
    """Pause `machine` and validate the state of its kernel; it runs again afterwards. Raises Invalid.

    A busy machine may be paused within a change, where a lock is held; what is broken is so the next time, too.
    """
    for _ in range(PAUSES - 1):
        await machine.pause()
        found = problems(machine.kernel)
        await machine.resume()
        if not found:
            return
        await asyncio.sleep(0.01)
    await machine.pause()
    try:
        validate(machine.kernel)
    finally:
        await machine.resume()


@pytest.fixture
def guest(running: RunningMachine) -> Guest:
    """The agent of the rewound machine."""
    return running.guest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show the end of the console with a failure."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.failed and _running and "booted" in getattr(item, "fixturenames", ()):
        report.sections.append(("console", _running[-1].console.tail(30)))
    if report.failed and TIMED_OUT in report.longreprtext:
        report.sections += [(f"processors of {name}", text) for name, text in own_backtraces()]


def own_backtraces() -> Iterator[tuple[str, str]]:
    """The calls that every processor is in, of each QEMU that this process started.

    By a console of its own: the event loop of a test that timed out is not to be relied on.
    """
    for folder in running_folders():
        if folder.is_owned_by(os.getpid()):
            command = [sys.executable, "-m", "harness.cli", "console", folder.name, "-c", "bt"]
            try:
                shown = subprocess.run(command, cwd=TREE, capture_output=True, text=True, timeout=30, check=False)
                yield folder.name, shown.stdout + shown.stderr
            except subprocess.TimeoutExpired:
                yield folder.name, "QEMU itself does not answer"
