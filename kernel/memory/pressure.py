"""Pressure: why the last page or process was refused, and whether somebody has to be told of it.

A failed charge raises a number that says nothing of where the limit lies. Who can do something about it (the
out-of-memory handling, containers/out_of_memory.py) looks here directly afterwards; nothing sleeps in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import struct
from kernel.machine.cpu import request_attention

if TYPE_CHECKING:
    from kernel.memory.account import Account


@struct
class Pressure:
    """The last refusal, and whether there are limits hit of which nobody has heard yet."""

    refused_by: Account | None = None
    """The account whose limit forbade it; None: the machine itself has no frame left."""
    limit_hit: bool = False
    """Some account was refused at its own limit for the first time since it was last well below it."""

    def tell_soon(self) -> None:
        """A limit was hit: the next thread that returns to ring 3 on this processor has to tell of it."""
        self.limit_hit = True
        request_attention()


PRESSURE = Pressure()
