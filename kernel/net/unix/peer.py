"""PeerIdentity: who was at the other end when a connection was made (socket(7), SO_PEERCRED, SO_PEERGROUPS)."""

from __future__ import annotations

from codegen.lang import Fallible, MutableSlice, address_of, copy, i32, reference, slice_at, store, struct, u8, u32, u64
from kernel.files.credentials import Credentials
from kernel.memory.heap import Heap, free

UNKNOWN: u32 = 0xFFFF_FFFF
"""The user and group of nobody."""
GROUP_SIZE: u64 = 4


@struct
class Caller:
    """The process that makes a call: what a socket may keep of it."""

    container: u64 = 0
    """The id of its container."""
    pid: i32 = 0
    credentials: Credentials | None = None


@struct
class GroupList:
    """What the groups are as an object of a heap."""

    first: u32 = 0


@struct
class PeerIdentity:
    """A process, its effective user and group, and its supplementary groups."""

    container: u64 = 0
    """The id of the container that numbers the process; 0: nobody."""
    pid: i32 = 0
    user: u32 = UNKNOWN
    group: u32 = UNKNOWN
    group_count: u64 = 0
    groups: u64 = 0
    """The address of the groups, 4 bytes each, if there are any: they are of the heap of the socket's container."""

    def set(self, caller: Caller, heap: Heap) -> Fallible[None]:
        """Be the calling process. Nothing is set yet. ENOMEM."""
        credentials = caller.credentials
        assert credentials is not None, "a caller has credentials"
        self.make_groups(credentials.group_count, heap)
        for index in range(self.group_count):
            store(u32, self.group_bytes, index * GROUP_SIZE, credentials.groups[index])
        self.container = caller.container
        self.pid = caller.pid
        self.user = credentials.user
        self.group = credentials.group

    def copy_from(self, other: PeerIdentity, heap: Heap) -> Fallible[None]:
        """Be the same. Nothing is set yet. ENOMEM."""
        self.make_groups(other.group_count, heap)
        copy(self.group_bytes, other.group_bytes)
        self.container = other.container
        self.pid = other.pid
        self.user = other.user
        self.group = other.group

    def exchange(self, other: PeerIdentity) -> None:
        """Be what `other` was, and let that be what this one was."""
        self.container, other.container = other.container, self.container
        self.pid, other.pid = other.pid, self.pid
        self.user, other.user = other.user, self.user
        self.group, other.group = other.group, self.group
        self.group_count, other.group_count = other.group_count, self.group_count
        self.groups, other.groups = other.groups, self.groups

    def make_groups(self, count: u64, heap: Heap) -> Fallible[None]:
        """Have room for `count` groups. ENOMEM."""
        if count > 0:
            self.groups = address_of(heap.allocate_bytes(count * GROUP_SIZE))
            self.group_count = count

    @property
    def group_bytes(self) -> MutableSlice[u8]:
        """The groups, as getsockopt(2) tells them."""
        return slice_at(u8, self.groups, self.group_count * GROUP_SIZE)

    def release(self) -> None:
        """Give back the groups."""
        if self.group_count > 0:
            free(reference(GroupList, self.groups))
            self.group_count = 0
            self.groups = 0
