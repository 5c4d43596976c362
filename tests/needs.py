"""What tests need of the machine that they run on, and the line at the end that says what was not run for want of it.

`packages.txt` beside this file says which package has what. A test that is skipped for want of a package says so by
`apt-get install`, and one whose material could not be fetched by `apt-get download`: the line counts both.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

LIST = Path(__file__).with_name("packages.txt")
WANTED = re.compile(r"apt-get (install|download) ([a-z0-9.+-]+)")
COMPILER = ("gcc", "/usr/lib/x86_64-linux-gnu/libc.a")
"""For test programs in C, which are linked statically."""


def packages() -> dict[str, str]:
    """The package of each program or file that tests look for."""
    lines = (line.split() for line in LIST.read_text().splitlines() if not line.startswith("#"))
    return {thing: package for thing, package in lines}


def lack_of(*things: str) -> str:
    """Why a test that needs these programs and files cannot run here; empty if it can."""
    of = packages()
    lacks = (
        f"there is no {thing}: apt-get install {package}"
        for thing, package in [(thing, of[thing]) for thing in things]
        if shutil.which(thing) is None and not Path(thing).exists()
    )
    return next(lacks, "")


def require(*things: str) -> None:
    """Skip the test unless all these programs and files are there."""
    if lack := lack_of(*things):
        pytest.skip(lack)


def needs(*things: str) -> pytest.MarkDecorator:
    """Marks tests that are skipped unless all these programs and files are there."""
    lack = lack_of(*things)
    return pytest.mark.skipif(bool(lack), reason=lack)


def not_run(reasons: Iterable[str]) -> str:
    """One line for the reasons of all tests that were skipped; empty if there are none."""
    wanted: dict[str, Counter[str]] = {"install": Counter(), "download": Counter()}
    others: Counter[str] = Counter()
    for reason in reasons:
        if found := WANTED.search(reason):
            wanted[found[1]][found[2]] += 1
        else:
            others[reason] += 1
    total = sum(counted.total() for counted in (*wanted.values(), others))
    if total == 0:
        return ""
    parts = []
    for how, counted in wanted.items():
        if counted:
            advice = (
                f"sudo apt-get install {' '.join(sorted(counted))}" if how == "install" else "apt-get cannot fetch it"
            )
            parts.append(f"{listed(counted)}: {advice}")
    if others:
        parts.append(listed(others))
    return f"pithos: {total} {'test was' if total == 1 else 'tests were'} not run: {'; '.join(parts)}"


def listed(counted: Counter[str]) -> str:
    """Each reason with the number of tests."""
    return ", ".join(f"{reason} ({count})" for reason, count in sorted(counted.items()))
