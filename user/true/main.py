"""Does nothing, successfully."""

from __future__ import annotations

from codegen.lang import export, u64


@export
def user_main(stack: u64) -> None:
    """Return at once: the start stub exits with status 0."""
