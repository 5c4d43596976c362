"""The vDSO: a C library tells the time by it, without a system call (vdso(7))."""

from __future__ import annotations

import io
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest_asyncio
from elftools.elf.elffile import ELFFile

from boot.vdso import image
from harness.emulator import EmulatedMachine, start_emulator
from harness.machine import MEBIBYTE, Backend, Machine
from tests.needs import COMPILER, require
from tests.system.programs import run_in_new

INSTRUCTIONS = 90
"""What a call may take: no system call is that short."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def emulated(machine: Machine) -> AsyncIterator[EmulatedMachine]:
    """An emulated machine, in which an instruction takes a nanosecond, whatever the backend of the other tests."""
    running = await start_emulator(replace(machine, backend=Backend.EMULATOR, cpus=1, memory=64 * MEBIBYTE))
    await running.guest.wait_ready()
    yield running
    await running.quit()


async def test_the_time_is_told_without_a_system_call(emulated: EmulatedMachine, rootfs: Path) -> None:
    require(*COMPILER)
    result = await run_in_new(emulated.guest, "/bin/clocks", "count")
    assert (result.status, result.errors) == (0, b"")
    assert 0 < int(result.output) < INSTRUCTIONS


def made_image() -> bytes:
    """The image as it stands in memory."""
    text, offsets = image.compiled()
    before = image.headers(offsets, image.TEXT_OFFSET + len(text))
    return before + bytes(image.TEXT_OFFSET - len(before)) + text


def test_the_image_is_a_shared_object_with_the_functions_of_linux() -> None:
    content = made_image()
    dynamic = next(part for part in ELFFile(io.BytesIO(content)).iter_segments() if part["p_type"] == "PT_DYNAMIC")
    symbols = {symbol.name: symbol["st_value"] for symbol in dynamic.iter_symbols() if symbol.name}
    for name in image.FUNCTIONS:
        assert symbols[f"__vdso_{name}"] == symbols[name] >= image.TEXT_OFFSET
    tags = {tag.entry.d_tag: tag for tag in dynamic.iter_tags()}
    assert tags["DT_SONAME"].soname == "linux-vdso.so.1"


def test_binutils_find_the_version(tmp_path: Path) -> None:
    require("readelf")
    path = tmp_path / "vdso.so"
    path.write_bytes(made_image())
    told = subprocess.run(["readelf", "-D", "-V", "-s", "-W", path], capture_output=True, check=True, text=True)
    assert "Warning" not in told.stderr
    assert "LINUX_2.6" in told.stdout
    assert "__vdso_clock_gettime" in told.stdout
