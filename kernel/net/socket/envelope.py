"""Envelope: how a transfer is to be made, and what comes with its bytes: address, sender, descriptors (send(2))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Nanoseconds, hot, i32, inline, struct, u32, u64
from kernel.files.path import Lookup
from kernel.net.socket.address import SocketAddress
from kernel.net.socket.kind import MSG_DONTWAIT
from kernel.net.socket.options import deadline_of

if TYPE_CHECKING:
    from kernel.net.unix.rights import Passed

NOBODY: u32 = 65534
"""The overflow user and group: those of a message whose sender is not known (credentials(7))."""


@struct
class Identity:
    """Who sends: a process of a container, and its real user and group (SCM_CREDENTIALS)."""

    container: u64 = 0
    """The id of the container that numbers the process; 0: nobody is known."""
    pid: i32 = 0
    user: u32 = NOBODY
    group: u32 = NOBODY

    @hot
    def set(self, container: u64, pid: i32, user: u32, group: u32) -> None:
        """Be this process."""
        self.container = container
        self.pid = pid
        self.user = user
        self.group = group

    def clear(self) -> None:
        """Be nobody known."""
        self.set(0, 0, NOBODY, NOBODY)

    def copy_from(self, other: Identity) -> None:
        """Be the same."""
        self.set(other.container, other.pid, other.user, other.group)

    def is_same(self, other: Identity) -> bool:
        """Whether both are the same sender."""
        return (
            self.container == other.container
            and self.pid == other.pid
            and self.user == other.user
            and self.group == other.group
        )


@struct
class Envelope:
    """What is asked of one transfer, and what it told."""

    flags: u32 = 0
    """MSG_*, MSG_DONTWAIT also for an open file with O_NONBLOCK."""
    told: u32 = 0
    """MSG_* that the transfer tells of: MSG_TRUNC."""
    address: SocketAddress | None = None
    """Where to; or where the address of the sender is to be put, if that is wanted."""
    identity: Identity = inline()
    """The caller; or who sent what was received."""
    is_explicit: bool = False
    """The caller wants to be known, as whom it says (SCM_CREDENTIALS)."""
    lookup: Lookup | None = None
    """From where and as whom the caller finds the file that `address` names."""
    passed: Passed | None = None
    """The first of the descriptors: the sender gives them away, unless there is an error; the receiver gets them."""
    sent: Nanoseconds = Nanoseconds(0)
    """When, if the receiver wants to know."""
    deadline: Nanoseconds = Nanoseconds(0)

    def has(self, flag: u32) -> bool:
        """Whether a flag is set."""
        return self.flags & flag != 0

    @property
    def may_wait(self) -> bool:
        """Whether to sleep until the transfer can be made."""
        return self.flags & MSG_DONTWAIT == 0

    def end_of_wait(self, timeout: Nanoseconds) -> Nanoseconds:
        """Until when to sleep, if `timeout` counts from the first sleep on."""
        if self.deadline == Nanoseconds(0):
            self.deadline = deadline_of(timeout)
        return self.deadline
