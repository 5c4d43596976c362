"""All tests can boot machines: see harness/plugin.py."""

from __future__ import annotations

pytest_plugins = ["harness.plugin"]
