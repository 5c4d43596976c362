"""The sessions in this folder, as a newcomer has them in a shell: what each command prints, and how it ends.

A session is a text file. `$ COMMAND` is run by sh, together with the lines `> …` after it; all lines up to the next `$`
are what it prints on both outputs, where `…` stands for anything within a line; `[N]` at the end is its status, unless
that is 0. One shell has the whole session, in an empty folder where `rootfs` is the root that the tests use. Each
session is run as the user that runs the tests, and if that is root, as an ordinary one, too.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from codegen.root import ROOT
from tests.needs import needs

SESSIONS = sorted(Path(__file__).parent.glob("*.session"))
SEARCHED = f"{ROOT}:{Path(click.__file__).parent.parent}"
"""Where the tree and its libraries are, for any interpreter of this version."""
NOBODY = 65534
PATIENCE = 280
"""Seconds for a whole session."""
BORDER = "==== "
"""Begins the line with the status, after what a command printed."""


@dataclass
class Step:
    """A command of a session."""

    command: str
    printed: str = ""
    status: int = 0

    def is_shown_by(self, real: Step) -> bool:
        """Whether another one printed this, `…` being anything within a line, and ended so."""
        printed = re.escape(self.printed).replace("…", "[^\n]*")
        return self.status == real.status and re.fullmatch(printed, real.printed) is not None


def steps_of(text: str) -> list[Step]:
    """The commands of a session, with what is expected of each."""
    steps: list[Step] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            steps.append(Step(line[2:]))
        elif line.startswith("#") and not steps:
            continue
        elif line.startswith("> "):
            steps[-1].command += line[2:]
        elif found := re.fullmatch(r"\[(\d+)\]\n", line):
            steps[-1].status = int(found[1])
        else:
            steps[-1].printed += line
    return steps


def script_of(steps: list[Step]) -> str:
    """What the shell is given: after each command, its status in a line that begins with the border."""
    return "".join(f"{step.command}printf '\\n{BORDER}%d\\n' $?\n" for step in steps)


def shown(steps: list[Step]) -> str:
    """A session as it is written."""
    return "".join(
        "$ " + step.command.rstrip("\n").replace("\n", "\n> ") + "\n" + step.printed
        + (f"[{step.status}]\n" if step.status else "")
        for step in steps
    )  # fmt: skip


def run_session(steps: list[Step], folder: Path, cache: Path, prefix: list[str]) -> list[Step]:
    """What each command really prints, and its status."""
    environment = {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(cache),
        "XDG_RUNTIME_DIR": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONPATH": SEARCHED,
    }
    done = subprocess.run(
        [*prefix, "sh", "-c", script_of(steps)],
        cwd=folder / "work",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    pieces = re.split(rf"\n{BORDER}(\d+)\n", done.stdout)
    assert len(pieces) == 2 * len(steps) + 1, done.stdout
    return [
        Step(step.command, printed, int(status))
        for step, printed, status in zip(steps, pieces[0::2], pieces[1::2], strict=False)
    ]


def prepare(folder: Path, rootfs: Path, interpreter: str) -> None:
    """The folder of the session, and the command that it calls."""
    (folder / "bin").mkdir()
    (folder / "work").mkdir()
    (folder / "work" / "rootfs").symlink_to(rootfs)
    command = folder / "bin" / "pithos"
    program = "import sys; sys.argv[0] = 'pithos'; from harness.cli import main; sys.exit(main())"
    command.write_text(f'#!/bin/sh\nexec {interpreter} -P -c "{program}" "$@"\n')
    command.chmod(0o755)
    folder.chmod(0o755)


def interpreter_of_everybody() -> str | None:
    """An interpreter of this version with which an ordinary user can run all this: ours, or the tree, may be root's."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for path in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        asked = [*as_nobody(), "sh", "-c", 'exec "$0" -c "import click, harness.cli"', path]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": SEARCHED}
        if subprocess.run(asked, env=environment, check=False, capture_output=True, cwd="/").returncode == 0:
            return path
    return None


def as_nobody() -> list[str]:
    """Runs what follows as an ordinary user."""
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def compare(session: Path, folder: Path, cache: Path, prefix: list[str]) -> None:
    """Run a session, and show all of it if anything in it differs."""
    expected = steps_of(session.read_text())
    found = run_session(expected, folder, cache, prefix)
    merged = [wanted if wanted.is_shown_by(real) else real for wanted, real in zip(expected, found, strict=True)]
    differences = difflib.unified_diff(shown(expected).splitlines(), shown(merged).splitlines(), "expected", "shown")
    if lines := list(differences):
        pytest.fail("\n".join(lines), pytrace=False)


@pytest.fixture(scope="module")
def everybody(rootfs: Path) -> Iterator[Path]:
    """A folder that an ordinary user may read, with `root` and `cache`: pytest's own are for root only."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        shutil.copytree(rootfs, folder / "root", symlinks=True)
        (folder / "root").chmod(0o755)
        (folder / "cache").mkdir()
        yield folder


@needs("qemu-system-x86_64")
@pytest.mark.parametrize("session", SESSIONS, ids=[session.stem for session in SESSIONS])
def test_session(session: Path, everybody: Path, tmp_path: Path) -> None:
    prepare(tmp_path, everybody / "root", sys.executable)
    compare(session, tmp_path, everybody / "cache", [])


@needs("qemu-system-x86_64")
@pytest.mark.skipif(os.geteuid() != 0, reason="this user is an ordinary one")
def test_sessions_of_an_ordinary_user(everybody: Path) -> None:
    """All in one test: the first of them builds a kernel for that user."""
    if (interpreter := interpreter_of_everybody()) is None:
        pytest.skip("ordinary users may not read this tree, or run no such interpreter")
    os.chown(everybody / "cache", NOBODY, NOBODY)
    for session in SESSIONS:
        folder = everybody / session.stem
        folder.mkdir()
        prepare(folder, everybody / "root", interpreter)
        os.chown(folder, NOBODY, NOBODY)
        os.chown(folder / "work", NOBODY, NOBODY)
        compare(session, folder, everybody / "cache", as_nobody())
