"""The order of the spinlocks: one that is taken while others are held has a higher rank than each of them.

The compiler holds all paths of calls to it. What is not below another here is never held together with it.
"""

from __future__ import annotations

from codegen.lang import IntEnum, u8, width


@width(u8)
class LockRank(IntEnum):
    """Every spinlock, the outermost first."""

    NONE = 0
    ADDRESS_SPACE = 1
    PATH_BUFFERS = 2
    SERIAL_PORT = 3
    RANDOM = 4
    SCHEDULER = 5
    STACK_AREA = 6
    HEAP = 7
    FRAMES = 8
    TRANSLATIONS = 9
    LOG = 10
