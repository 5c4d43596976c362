"""Segment: a piece of memory that processes of a container share by its number (shmget(2)).

Its bytes are those of a file that never has a name. A segment is the `Pager` of the regions that show it, and counts
them. The last region of a segment that was removed frees it. When its container ends, what still shows it finds nothing
there, and the last region frees it likewise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Fallible, FrameNumber, Nanoseconds, i32, inline, struct, u32, u64, uninitialised
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.base.tree import TreeNode
from kernel.files.content import Content
from kernel.files.inode import Inode
from kernel.ipc.permissions import Permissions
from kernel.machine.clock import wall_time
from kernel.memory.heap import free
from kernel.memory.pager import Pager
from kernel.memory.region import Region
from kernel.sched.cpu import current

if TYPE_CHECKING:
    from kernel.ipc.namespace import IpcNamespace


SHM_DEST: u32 = 0o1000
SHM_LOCKED: u32 = 0o2000
"""Bits of the mode that shmctl(2) tells."""


@struct
class SegmentTable:
    """What guards the segments of all containers: how many regions show each, and where it is found."""

    lock: SpinLock = inline(SpinLock(LockRank.SEGMENTS))


SEGMENTS = SegmentTable()


@struct
class SegmentStatus:
    """What shmctl(2) and /proc/sysvipc/shm tell of a segment."""

    id: i32 = 0
    permissions: Permissions = inline()
    size: u64 = 0
    attached: u64 = 0
    creator: i32 = 0
    """The process that made it; `last`: the one that last attached or detached it."""
    last: i32 = 0
    attach_time: Nanoseconds = Nanoseconds(0)
    """When it was last attached, since 1970; 0: never."""
    detach_time: Nanoseconds = Nanoseconds(0)
    change_time: Nanoseconds = Nanoseconds(0)
    """When it was made, or its permissions were changed."""
    is_condemned: bool = False
    """It was removed, and goes with its last region (SHM_DEST)."""
    is_locked: bool = False
    """SHM_LOCK."""
    resident: u64 = 0
    """How many pages are in memory."""

    def copy_from(self, other: SegmentStatus) -> None:
        """Be the same."""
        self.id = other.id
        self.permissions.copy_from(other.permissions)
        self.size = other.size
        self.attached = other.attached
        self.creator = other.creator
        self.last = other.last
        self.attach_time = other.attach_time
        self.detach_time = other.detach_time
        self.change_time = other.change_time
        self.is_condemned = other.is_condemned
        self.is_locked = other.is_locked
        self.resident = other.resident


@struct
class Segment(Pager):
    """One segment. Its fields are under SEGMENTS.lock, but for those that never change."""

    inode: Inode = uninitialised()
    """The file without a name, held."""
    first_key: u32 = 0
    """The key that it was made with."""
    namespace: IpcNamespace | None = None
    """Where it is found; None once that has ended."""
    status: SegmentStatus = inline()
    index_node: TreeNode[Segment] = inline()
    key_node: TreeNode[Segment] = inline()

    @property
    def content(self) -> Content:
        """Its bytes."""
        content = self.inode.content
        assert content is not None, "the file of a segment is a regular one"
        return content

    # Pager.

    def page(self, index: u64) -> Fallible[FrameNumber]:
        return self.content.page(index)

    def own_page(self, index: u64) -> Fallible[FrameNumber]:
        return self.content.own_page(index)

    def has_page(self, index: u64) -> bool:
        return self.content.has_page(index)

    def note_write(self) -> None:
        """Nothing tells when a segment was written to."""

    def identity(self) -> u64:
        return self.content.identity()

    def enter(self, region: Region) -> None:
        self.content.enter(region)

    def leave(self, region: Region) -> None:
        self.content.leave(region)

    def hold(self) -> None:
        with SEGMENTS.lock:
            status = self.status
            status.attached += 1
            status.attach_time = wall_time()
            status.last = i32(current().process.pid)

    def drop(self) -> None:
        with SEGMENTS.lock:
            self.status.detach_time = wall_time()
            self.status.last = i32(current().process.pid)
            is_last = self.count_down()
        if is_last:
            self.give_back()

    # Life.

    def let_go(self) -> None:
        """A call that has counted itself in `attached` is done."""
        with SEGMENTS.lock:
            is_last = self.count_down()
        if is_last:
            self.give_back()

    def count_down(self) -> bool:
        """One region less. Whether the segment was removed, and this was the last. The lock is held."""
        self.status.attached -= 1
        if self.status.attached > 0 or not self.status.is_condemned:
            return False
        namespace = self.namespace
        if namespace is not None:
            namespace.remove(self)
        return True

    def give_back(self) -> None:
        """Free it with its bytes: it is found nowhere any more."""
        inode = self.inode
        free(self)
        inode.drop()

    def describe(self, status: SegmentStatus) -> None:
        """Tell everything about it. The lock is held."""
        status.copy_from(self.status)
        status.resident = self.content.own_pages


def mode_of(status: SegmentStatus) -> u32:
    """The permissions, and what else the mode tells."""
    mode = status.permissions.mode
    if status.is_condemned:
        mode = mode | SHM_DEST
    if status.is_locked:
        mode = mode | SHM_LOCKED
    return mode
