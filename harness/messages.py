"""What the `pithos` command says, and the statuses that it ends with by itself."""

from __future__ import annotations

import sys

OWN_FAILURE, NOT_EXECUTABLE, NOT_FOUND = 125, 126, 127
"""Statuses of our own, as docker run has them."""
PANICKED = 123
"""The kernel panicked."""


def say(message: str) -> None:
    """A line to the user."""
    print(f"pithos: {message}", file=sys.stderr, flush=True)
