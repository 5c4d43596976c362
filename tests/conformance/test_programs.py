"""Unmodified programs: what they print, how they end and which files they leave is what it is on Linux."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.guest import Guest
from harness.oracle import ARCHIVE, ENVIRONMENT, LinuxOracle, Outcome, files_in
from tests.conformance.conftest import Programs
from tests.system.programs import run_in_container_of

SCRIPTS = sorted((Path(__file__).parent / "scripts").iterdir())
INTERPRETERS = {
    "arrays.bash": ("bash", ["/bin/bash-static"]),
    "jobs.bash": ("bash", ["/bin/bash-static"]),
    "fib.lua": ("lua", ["/usr/bin/lua5.4"]),
    "mix.lua": ("lua", ["/usr/bin/lua5.4"]),
    "things.pl": ("perl", ["/usr/bin/perl"]),
    "database.sqlite.sh": ("sqlite", ["/bin/busybox", "sh"]),
    "coreutils.sh": ("coreutils", ["/bin/bash-static"]),
}
"""Which packages a script needs and what runs it; all others are for the shell of busybox."""


async def in_guest(guest: Guest, command: list[str], given: bytes = b"") -> Outcome:
    """The outcome of a program in a container of its own."""
    ended, archive = await run_in_container_of(guest, [command, list(ARCHIVE)], ENVIRONMENT, "/work", given)
    return Outcome(ended.status, ended.output, ended.errors, files_in(archive.output))


async def compare(guest: Guest, oracle: LinuxOracle, command: list[str], given: bytes = b"") -> Outcome:
    """Run a program here and there; everything must be equal."""
    expected = oracle.run(command, given)
    outcome = await in_guest(guest, command, given)
    assert outcome.output.decode(errors="replace") == expected.output.decode(errors="replace")
    assert outcome.errors.decode(errors="replace") == expected.errors.decode(errors="replace")
    assert outcome.status == expected.status
    assert outcome.files == expected.files
    return outcome


@pytest.mark.parametrize("script", [path.name for path in SCRIPTS if path.suffix != ".sql"])
async def test_script(guest: Guest, oracle: LinuxOracle, programs: Programs, script: str) -> None:
    group, interpreter = INTERPRETERS.get(script, ("busybox", ["/bin/busybox", "sh"]))
    programs.require(group)
    outcome = await compare(guest, oracle, [*interpreter, f"/scripts/{script}"])
    assert len(outcome.output) > 30


@pytest.mark.parametrize("database", [":memory:", "/work/data.db"])
async def test_sqlite(guest: Guest, oracle: LinuxOracle, programs: Programs, database: str) -> None:
    programs.require("sqlite")
    statements = (SCRIPTS[0].parent / "work.sql").read_bytes()
    outcome = await compare(guest, oracle, ["/usr/bin/sqlite3", database], statements)
    assert b"\nok\n" in outcome.output


@pytest.mark.parametrize("compiler", ["gcc", "musl-gcc"])
async def test_threads(guest: Guest, oracle: LinuxOracle, programs: Programs, compiler: str) -> None:
    programs.require(compiler)
    outcome = await compare(guest, oracle, [f"/bin/threads-{compiler}"])
    assert outcome.status == 7
    assert b"counter 1600 " in outcome.output
