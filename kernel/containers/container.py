"""Container: the one kernel object that a container is.

Interface: `create_child` `destroy` (destroy.py) `run` (run.py); handles as descriptors in handle.py.

Invariants
- Everything inside is charged to `account` and on one of the lists here, so destroying is emptying the lists.
- `id` is never reused; outside references are a handle, which is revoked, never a bare pointer.
- DYING is entered once; from then on nothing new can be made inside (ESRCH / EAGAIN as fork sees it).
- The object itself is charged to the parent, so that the container's own count can be shown to be zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import (
    Array,
    Fallible,
    Pid,
    Slice,
    array,
    copy,
    field_offset,
    inline,
    on_error,
    struct,
    u8,
    u64,
    uninitialised,
)
from kernel.base.errno import EAGAIN
from kernel.base.list import Link, List
from kernel.containers.abi import ContainerStage
from kernel.files.file import FileOwner
from kernel.memory.account import Account
from kernel.process.process import Process
from kernel.sched.group import DEFAULT_WEIGHT, RunGroup
from kernel.sched.wait import WaitQueue

if TYPE_CHECKING:
    from kernel.containers.handle import ContainerHandle
    from kernel.files.inode import Inode
    from kernel.files.ramfs import RamFs

HIGHEST_PID: u64 = 0x3F_FFFF
"""pid_max of 64-bit Linux is 4194304."""
