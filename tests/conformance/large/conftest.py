"""The root file system of the large programs: their own commands in /bin, where the others have those of busybox."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from harness.machine import MEBIBYTE, Backend
from harness.oracle import LinuxOracle
from harness.running import RunningMachine
from tests.conformance.conftest import Programs, boot_with, lay_programs, linux_with

MEMORY = 512 * MEBIBYTE
LIBRARIES = ("libc6", "libselinux1", "libpcre2-8-0", "libacl1", "libattr1", "libgmp10", "zlib1g", "libtinfo6")
GROUPS = {
    "tools": (
        *LIBRARIES, "bash-static", "libreadline8", "libmpfr6", "libsigsegv2", "gawk", "sed", "grep", "diffutils",
        "findutils", "patch", "bc", "m4", "ed", "coreutils", "time",
    ),
    "archives": (*LIBRARIES, "tar", "gzip", "xz-utils", "liblzma5", "bzip2", "libbz2-1.0", "cpio"),
    "make": (*LIBRARIES, "make"),
    "git": (*LIBRARIES, "git", "perl-base", "libcrypt1", "libpcre2-8-0"),
    "dash": (*LIBRARIES, "dash"),
    "zsh": (*LIBRARIES, "zsh", "libcap2"),
    "mksh": (*LIBRARIES, "mksh"),
    "python": (
        *LIBRARIES, "python3-minimal", "python{python}-minimal", "libpython{python}-minimal",
        "libpython{python}-stdlib",
        "libexpat1", "libssl3", "libffi8", "libbz2-1.0", "liblzma5", "libuuid1", "libsqlite3-0",
    ),
    "sockets": (
        *LIBRARIES, "socat", "libssl3", "libwrap0", "libnsl2", "libtirpc3", "libgssapi-krb5-2", "libk5crypto3",
        "libcom-err2", "libkrb5-3", "libkrb5support0", "libkeyutils1", "rsync", "libpopt0", "liblz4-1", "libxxhash0",
        "libzstd1", "util-linux", "libsmartcols1",
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """All programs that this machine can get."""
    made = lay_programs(tmp_path_factory.mktemp("large"), GROUPS)
    shutil.copytree(Path(__file__).parent / "scripts", made.root / "scripts")
    return made


@pytest.fixture(scope="session")
def oracle(programs: Programs) -> LinuxOracle:
    """Linux, on this machine."""
    return linux_with(programs)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def booted(backend: Backend, programs: Programs, oracle: LinuxOracle) -> AsyncIterator[RunningMachine]:
    """A machine whose containers have these programs; it is booted once for all tests."""
    if backend is Backend.EMULATOR:
        pytest.skip("the emulator is too slow for these")
    async for running in boot_with(programs, backend, MEMORY):
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def running(booted: RunningMachine) -> RunningMachine:
    """The machine. It is not rewound: every test has its own container."""
    return booted
