"""Tests of what forks do run in a pytest of their own where this one has threads, as the workers of xdist have."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

IN_WORKER = "PYTEST_XDIST_WORKER"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test marked `one_thread` in another process; its failure is this one's."""
    if IN_WORKER not in os.environ or pyfuncitem.get_closest_marker("one_thread") is None:
        return None
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", pyfuncitem.nodeid]
    done = subprocess.run(
        command, cwd=pyfuncitem.config.rootpath, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return True
