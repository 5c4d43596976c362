"""How much of a machine's memory a root file system takes: told at once, not when the kernel has no more.

The boot archive lies in memory as a whole, and the kernel's objects for each file beside it.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from harness.errors import HarnessError
from harness.images import limits
from harness.machine import LARGEST_MEMORY, MEBIBYTE

ENTRY_IN_ARCHIVE = 88
"""The size of an Entry (kernel/files/archive_format.py)."""
KERNEL = 12 * MEBIBYTE
"""What kernel and agent take beside the archive and the table of frames, and a little for a program."""
PER_PAGE = 48
"""The size of a Frame (kernel/memory/frame_table.py)."""
PAGE = 4096
MOST = LARGEST_MEMORY // MEBIBYTE
TOO_LARGE = f"and no machine can have more than {MOST}, as files live in memory: take something out of it"


def cost_of_node(kind: int, target_length: int) -> int:
    """What a file of this kind takes beside its names and contents."""
    cost = limits.INODE
    if kind == stat.S_IFDIR:
        cost += limits.DIRECTORY
    elif kind == stat.S_IFREG:
        cost += limits.CONTENT
    elif kind == stat.S_IFLNK:
        cost += target_length + (limits.TARGET if target_length <= limits.TARGET_SHORT else limits.LONG_TARGET)
    return cost


def cost_of_name(length: int) -> int:
    """What a name takes."""
    return ENTRY_IN_ARCHIVE + length + limits.ENTRY + (limits.LONG_NAME if length > limits.NAME_SHORT else 0)


def cost_of_attributes(attributes: Mapping[bytes, bytes]) -> int:
    """What the extended attributes of a file take."""
    if not attributes:
        return 0
    return limits.ATTRIBUTES + sum(
        limits.ATTRIBUTE + len(name) + 2 * len(value) + 64 for name, value in attributes.items()
    )


def machine_for(cost: int) -> int:
    """The memory of the smallest machine in which files of this cost have room, in whole MiB."""
    needed = (cost + KERNEL) * PAGE // (PAGE - PER_PAGE)
    return -(-needed // MEBIBYTE) * MEBIBYTE


def check_total(source: Path, cost: int) -> None:
    """Raise HarnessError if no machine has room for files of this cost; asked while they are being read."""
    if machine_for(cost) > LARGEST_MEMORY:
        raise HarnessError(f"{source}: needs more than {MOST} MiB of memory, {TOO_LARGE}")


def check_machine(source: Path, cost: int, memory: int) -> None:
    """Raise HarnessError if a machine with this much memory has no room for files of this cost."""
    needed = machine_for(cost)
    if needed > LARGEST_MEMORY:
        raise HarnessError(f"{source}: needs {needed // MEBIBYTE} MiB of memory, {TOO_LARGE}")
    if needed > memory:
        raise HarnessError(
            f"{source}: needs {needed // MEBIBYTE} MiB of memory, and the machine has {memory // MEBIBYTE}: "
            f"give it more by --ram {needed // MEBIBYTE}m"
        )
