"""Identities: numbers for memory objects and address spaces, of which none is ever used twice.

A place in memory is named by such a number and an offset (futex(2)). An address or a frame would be used again for
something else while a thread still waits at it.
"""

from __future__ import annotations

from codegen.lang import Atomic, Order, inline, struct, u64


@struct
class Identities:
    """The numbers that were given out."""

    last: Atomic[u64] = inline()


IDENTITIES = Identities()


def new_identity() -> u64:
    """A number, from 1 on, that nothing has had before."""
    return IDENTITIES.last.fetch_add(1, Order.RELAXED) + 1
