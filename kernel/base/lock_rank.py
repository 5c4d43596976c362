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
    SOCKET = 5
    SOCKET_TABLE = 6
    IN_FLIGHT = 7
    SCHEDULER = 8
    STACK_AREA = 9
    HEAP = 10
    FRAMES = 11
    TRANSLATIONS = 12
    LOG = 13
