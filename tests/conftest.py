"""All tests can boot machines: see harness/plugin.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from _pytest.terminal import TerminalReporter

from tests.needs import not_run

pytest_plugins = ["harness.plugin"]

# Their assertions say what they saw.
pytest.register_assert_rewrite("tests.system.programs")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: TerminalReporter) -> Iterator[None]:
    """Say at the very end what was not run, and which packages it wants."""
    yield
    reports = terminalreporter.stats.get("skipped", [])
    if line := not_run(report.longrepr[2].removeprefix("Skipped: ") for report in reports):
        terminalreporter.line(line)
