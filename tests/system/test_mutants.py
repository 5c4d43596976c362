"""Programs, loaders and scripts with headers changed at random (mutants.c): the kernel goes on, whatever they are."""

from __future__ import annotations

import os
import random
import re
import time
from pathlib import Path

import pytest

from harness.guest import Guest
from harness.inspect_state import FRAMES
from harness.running import RunningMachine
from tests.needs import COMPILER, require
from tests.system.programs import run_in_new

COUNT = 400
SECONDS = int(os.environ.get("PITHOS_MUTANT_SECONDS", "300"))
SLACK = 8
"""Frames that slabs of the kernel may grow by later."""
PARTS = re.compile(r"(\d+) ran, (\d+) refused, (\d+) ended by a signal\n")


async def run_mutants(guest: Guest, rootfs: Path, seed: int) -> None:
    """As many programs as COUNT says: some run, some are refused, some are killed."""
    require(*COMPILER)
    result = await run_in_new(guest, "/bin/mutants", str(seed), str(COUNT))
    told = PARTS.fullmatch(result.output.decode())
    assert told is not None, result
    ran, refused, ended = map(int, told.groups())
    assert ran + refused + ended == COUNT and min(ran, refused) > COUNT // 20


@pytest.mark.parametrize("seed", [1, 2])
async def test_mutants(guest: Guest, rootfs: Path, seed: int) -> None:
    await run_mutants(guest, rootfs, seed)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 2 + 60)
async def test_mutants_for_long(running: RunningMachine, guest: Guest, rootfs: Path) -> None:
    seed = int(os.environ.get("PITHOS_SEED", random.randrange(1 << 32)))
    print(f"PITHOS_SEED={seed}")
    await run_mutants(guest, rootfs, seed)
    free = running.kernel.static(FRAMES).free_count
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        seed += 1
        print(f"seed {seed}", flush=True)
        await run_mutants(guest, rootfs, seed)
    assert running.kernel.static(FRAMES).free_count >= free - SLACK
