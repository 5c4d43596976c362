"""The root file system of the conformance tests: busybox, and programs of Debian as they are shipped."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from harness.build import ensure_kernel, write_archive
from harness.guest import Guest
from harness.inspect_state import validate
from harness.machine import MEBIBYTE, Backend, Machine
from harness.oracle import WORK, LinuxOracle, NoOracle
from harness.packages import NoPackage, lay, python_version
from harness.rootfs import NoBusybox, make_rootfs
from harness.running import RunningMachine
from tests.needs import COMPILER, lack_of

HERE = Path(__file__).parent
PACKAGES = HERE.parents[1] / "build" / "packages"
MEMORY = 256 * MEBIBYTE
GROUPS = {
    "bash": ("bash-static",),
    "library": ("libc6",),
    "lua": ("libc6", "libreadline8", "libtinfo6", "lua5.4"),
    "sqlite": ("libc6", "libreadline8", "libtinfo6", "zlib1g", "libsqlite3-0", "sqlite3"),
    "coreutils": ("bash-static", "libc6", "libselinux1", "libpcre2-8-0", "libacl1", "libattr1", "libgmp10"),
    "perl": ("libc6", "libcrypt1", "perl-base"),
}
"""Packages by what tests ask for; together they are one root file system."""


class Programs:
    """The root file system, and what is not in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.missing: dict[str, str] = {}

    def require(self, group: str) -> None:
        """Skip the test when these programs could not be had."""
        if group in self.missing:
            pytest.skip(self.missing[group])


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """All programs that this machine can get."""
    made = lay_programs(tmp_path_factory.mktemp("conformance"), GROUPS)
    (made.root / "coreutils").mkdir()
    try:  # in a folder of their own: /bin stays that of busybox
        lay(["coreutils"], PACKAGES, made.root / "coreutils")
    except NoPackage as reason:
        made.missing["coreutils"] = str(reason)
    shutil.copytree(HERE / "scripts", made.root / "scripts")
    compile_threads(made)
    return made


def lay_programs(root: Path, groups: Mapping[str, Sequence[str]]) -> Programs:
    """A root file system with busybox and the packages of these groups, as far as they can be had."""
    made = Programs(root)
    try:
        make_rootfs(root)
    except NoBusybox as reason:
        pytest.skip(str(reason))
    (root / WORK).mkdir()
    for group, packages in groups.items():
        try:
            lay([name.format(python=python_version()) if "{" in name else name for name in packages], PACKAGES, root)
        except NoPackage as reason:
            made.missing[group] = str(reason)
    return made


def compile_threads(programs: Programs) -> None:
    """The programs in C, static, with each C library that there is a compiler for."""
    for compiler in ("gcc", "musl-gcc"):
        if lack := lack_of(compiler, *COMPILER):
            programs.missing[compiler] = lack
            continue
        target = programs.root / "bin" / f"threads-{compiler}"
        source = HERE / "threads.c"
        subprocess.run([compiler, "-O1", "-static", "-pthread", "-o", target, source], check=True)


@pytest.fixture(scope="session")
def oracle(programs: Programs) -> LinuxOracle:
    """Linux, on this machine."""
    return linux_with(programs)


def linux_with(programs: Programs) -> LinuxOracle:
    """The oracle for a root file system; skips the test where there can be none."""
    try:
        return LinuxOracle(programs.root)
    except NoOracle as reason:
        pytest.skip(str(reason))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def booted(backend: Backend, programs: Programs, oracle: LinuxOracle) -> AsyncIterator[RunningMachine]:
    """A machine whose containers have these programs; it is booted once for all tests."""
    async for running in boot_with(programs, backend, MEMORY):
        yield running


async def boot_with(programs: Programs, backend: Backend, memory: int) -> AsyncIterator[RunningMachine]:
    """A machine with a root file system, until the test is done."""
    archive = write_archive({"root": programs.root}, lambda message: None)
    machine = Machine(kernel=ensure_kernel(), archive=archive, backend=backend, memory=memory)
    running = await machine.start()
    try:
        await running.guest.wait_ready()
        yield running
    finally:
        await running.quit()


@pytest_asyncio.fixture(loop_scope="session")
async def running(booted: RunningMachine) -> AsyncIterator[RunningMachine]:
    """The machine; its state is validated after each test. It is not rewound: every test has its own container."""
    yield booted
    await booted.pause()
    try:
        validate(booted.kernel)
    finally:
        await booted.resume()


@pytest.fixture
def guest(running: RunningMachine) -> Guest:
    """The agent."""
    return running.guest
