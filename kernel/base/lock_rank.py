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
    SEGMENTS = 2
    PATH_BUFFERS = 3
    SERIAL_PORT = 4
    RANDOM = 5
    SOCKET = 6
    SOCKET_TABLE = 7
    IN_FLIGHT = 8
    SCHEDULER = 9
    STACK_AREA = 10
    HEAP = 11
    FRAMES = 12
    TRANSLATIONS = 13
    LOG = 14
