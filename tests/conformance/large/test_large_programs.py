"""Interpreters, shells, archivers, make and git: what they print, how they end and which files they leave."""

from __future__ import annotations

import pytest

from harness.inspect_state import validate
from harness.oracle import LinuxOracle
from harness.running import RunningMachine
from tests.conformance.conftest import Programs
from tests.conformance.test_programs import compare

BASH = "/bin/bash-static"
PYTHON = "/usr/bin/python3"
QUICK = [
    (["tools"], BASH, "text.sh"),
    (["tools", "archives"], BASH, "archives.sh"),
    (["tools", "make"], BASH, "build.sh"),
    (["tools", "dash"], "/bin/dash", "shell.sh"),
    (["python"], PYTHON, "database.py"),
    (["tools", "sockets"], BASH, "sockets.sh"),
    (["tools", "python"], PYTHON, "sockets.py"),
]
SLOW = [
    (["tools", "git"], BASH, "git.sh"),
    (["tools"], BASH, "nested.sh"),
    (["tools"], BASH, "shell.sh"),
    (["tools", "zsh"], "/bin/zsh", "shell.sh"),
    (["tools", "mksh"], "/bin/mksh", "shell.sh"),
    (["python"], PYTHON, "things.py"),
    (["python"], PYTHON, "parallel.py"),
]
TIMES = 3
"""How often the campaign repeats each: what depends on timing shows itself late."""


def name_of(case: object) -> str:
    """How a case is called in the test's name."""
    return str(case).rsplit("/", 1)[-1] if isinstance(case, str) else ""


async def run_script(
    running: RunningMachine, oracle: LinuxOracle, programs: Programs, groups: list[str], interpreter: str, script: str
) -> None:
    """Run a script here and there; the kernel's state is right afterwards."""
    for group in groups:
        programs.require(group)
    outcome = await compare(running.guest, oracle, [interpreter, f"/scripts/{script}"])
    assert len(outcome.output) > 30
    await running.pause()
    try:
        validate(running.kernel)
    finally:
        await running.resume()


@pytest.mark.parametrize(("groups", "interpreter", "script"), QUICK, ids=name_of)
async def test_script(
    running: RunningMachine, oracle: LinuxOracle, programs: Programs, groups: list[str], interpreter: str, script: str
) -> None:
    await run_script(running, oracle, programs, groups, interpreter, script)


@pytest.mark.slow
@pytest.mark.parametrize(("groups", "interpreter", "script"), [*QUICK, *SLOW], ids=name_of)
async def test_script_again_and_again(
    running: RunningMachine, oracle: LinuxOracle, programs: Programs, groups: list[str], interpreter: str, script: str
) -> None:
    for _ in range(TIMES):
        await run_script(running, oracle, programs, groups, interpreter, script)
