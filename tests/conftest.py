"""All tests can boot machines: see harness/plugin.py."""

from __future__ import annotations

import pytest

pytest_plugins = ["harness.plugin"]

# Their assertions say what they saw.
pytest.register_assert_rewrite("tests.system.programs")
