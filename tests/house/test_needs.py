"""What tests need of the machine: the list of packages, and the line of what was not run."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests import needs
from tests.house.rules import ROOT


def test_each_thing_of_the_list_has_one_package() -> None:
    for line in needs.LIST.read_text().splitlines():
        assert line.startswith("#") or len(line.split()) == 2, line
    assert "" not in needs.packages()


def test_what_is_lacking_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "packages", lambda: {"sh": "dash", "nosuch": "some-package"})
    assert needs.lack_of("sh", "nosuch") == "there is no nosuch: apt-get install some-package"


def test_what_is_in_no_package_is_refused_on_every_machine() -> None:
    with pytest.raises(KeyError):
        needs.lack_of("python3")


def test_the_line_counts_by_package() -> None:
    assert needs.not_run([]) == ""
    reasons = ["there is no gdb: apt-get install gdb"] * 2 + ["cases begin as root"]
    reasons += ["apt-get download lua5.4 failed", "no busybox here: install with: sudo apt-get install busybox-static"]
    assert needs.not_run(reasons) == (
        "pithos: 5 tests were not run: busybox-static (1), gdb (2): sudo apt-get install busybox-static gdb; "
        "lua5.4 (1): apt-get cannot fetch it; cases begin as root (1)"
    )


def test_pytest_ends_with_the_line() -> None:
    """By the real thing: a run of its own, without QEMU in its path."""
    command = [sys.executable, "-m", "pytest", "-q", "-n1", "-p", "no:cacheprovider", "tests/harness/test_backtrace.py"]
    done = subprocess.run(
        command, cwd=ROOT, env={"PATH": "/nowhere", "HOME": "/"}, capture_output=True, text=True, check=False
    )
    line, end = done.stdout.splitlines()[-2:]
    said = r"pithos: (\d+) tests were not run: qemu-system-x86 \(\1\): sudo apt-get install qemu-system-x86"
    assert re.fullmatch(said, line) and "skipped" in end
