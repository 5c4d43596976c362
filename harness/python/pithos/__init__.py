"""Pithos: run Linux programs in containers of a kernel written in Python (docs/python.md)."""

from harness.api import *  # noqa: F403 - this name is all that is added
from harness.api import __all__ as __all__
