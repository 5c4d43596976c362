"""The house rules find what they are for."""

from __future__ import annotations

import pytest

from tests.house.rules import breaches_of, import_breach


@pytest.mark.parametrize(
    ("importer", "imported", "part"),
    [
        ("codegen.check.calls", "kernel.main", "codegen may not import kernel"),
        ("kernel.memory.frames", "kernel.sched.thread", "may not import the higher layer sched"),
        ("kernel.base.log", "codegen.link", "only codegen.lang"),
        ("kernel.base.log", "harness.cli", "kernel may not import harness"),
        ("kernel.machine.idt", "boot.stubs.traps", "kernel may not import boot"),
    ],
)
def test_refused(importer: str, imported: str, part: str) -> None:
    reason = import_breach(importer, imported)
    assert reason is not None
    assert part in reason


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("kernel.sched.thread", "kernel.memory.space"),
        ("kernel.base.log", "codegen.lang"),
        ("harness.inspect", "kernel.sched.thread"),
        ("kernel.machine.idt", "boot.layout"),
        ("harness.cli.group", "click"),
    ],
)
def test_allowed(importer: str, imported: str) -> None:
    assert import_breach(importer, imported) is None


def test_long_file_is_named_with_its_length() -> None:
    found = list(breaches_of("kernel.base.text", "x = 1\n" * 401))
    assert found == [(401, "401 lines: a file over 400 lines is asking to be two")]


def test_import_for_type_checkers_counts() -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from kernel.sched import thread\n"
    assert [line for line, _ in breaches_of("kernel.memory.space", text)] == [3]


def test_upward_reference_is_for_checkers_only() -> None:
    line = "from kernel.process.process import Process\n"
    guarded = f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {line}"
    assert list(breaches_of("kernel.sched.thread", guarded)) == []
    assert list(breaches_of("kernel.sched.scheduler", guarded)) != []
    assert list(breaches_of("kernel.sched.thread", line)) != []
