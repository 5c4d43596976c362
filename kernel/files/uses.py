"""What a file is used for at the moment, and what its users have asked to be told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import struct, u32

if TYPE_CHECKING:
    from kernel.files.lease import Lease
    from kernel.files.notice import Notice


@struct
class FileUses:
    """Of one inode."""

    writers: u32 = 0
    """How many open files may write to it; `readers`: only read it; `executions`: how many programs it is
    (execution.py)."""
    readers: u32 = 0
    executions: u32 = 0
    leases: Lease | None = None
    notices: Notice | None = None
    """Which open files tell by a signal what happens in it (notice.py)."""
