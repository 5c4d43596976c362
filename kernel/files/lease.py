"""Leases: the holder of one is told before others open or truncate the file, and they wait (F_SETLEASE of fcntl(2)).

Interface: `set_lease` `give_up` `kind_of` for the open file that has one; `break_leases` before a file is opened or
truncated; `end_leases` when an open file ends.

A lease to read is broken by who opens the file to write, one to write by everybody. It is given up, or turned into one
to read where that is enough, by its holder or when BREAK_TIME is over. The rules are those of fs/locks.c.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import TYPE_CHECKING

from codegen.lang import Fallible, Nanoseconds, inline, struct, u8, u32, u64, uninitialised, width
from kernel.base.errno import EAGAIN, ENOMEM
from kernel.files.route import Band
from kernel.memory.heap import free
from kernel.sched.timer import NEVER, after, now
from kernel.sched.wait import WaitQueue

if TYPE_CHECKING:
    from kernel.files.file import OpenFile
    from kernel.files.inode import Inode

SECOND: u64 = 1_000_000_000
BREAK_TIME: u64 = 45
"""How long the holder of a lease may take, in seconds (/proc/sys/fs/lease-break-time)."""
LEASES_MAX: u32 = 256
"""How many a file may have: all are looked at when one is broken."""


@width(u8)
class LeaseKind(IntEnum):
    """F_RDLCK, F_WRLCK, F_UNLCK."""

    READ = 0
    WRITE = 1
    NONE = 2


@struct
class Lease:
    """One lease, on the chain of its inode."""

    file: OpenFile = uninitialised()
    inode: Inode = uninitialised()
    fd: u32 = 0
    """The descriptor with which it was taken, which the signal tells."""
    kind: LeaseKind = LeaseKind.READ
    next: Lease | None = None
    downgrade_at: Nanoseconds = NEVER
    """When it becomes one to read, as somebody waits to read; `end_at`: when it ends, as somebody waits to write."""
    end_at: Nanoseconds = NEVER

    @property
    def target(self) -> LeaseKind:
        """What it is to become (F_GETLEASE)."""
        if self.end_at != NEVER:
            return LeaseKind.NONE
        return LeaseKind.READ if self.downgrade_at != NEVER else self.kind


@struct
class Leases:
    """What all leases share."""

    changed: WaitQueue = inline()
    """Woken when any is given up: few files have one."""


LEASES = Leases()


def leases_on(inode: Inode) -> Iterator[Lease]:
    """The leases on a file; the one at hand may end meanwhile."""
    lease = inode.leases
    while lease is not None:
        following = lease.next
        yield lease
        lease = following


def lease_of(file: OpenFile, inode: Inode) -> Lease | None:
    """The lease of an open file."""
    for lease in leases_on(inode):
        if lease.file is file:
            return lease
    return None


def kind_of(file: OpenFile, inode: Inode) -> LeaseKind:
    """F_GETLEASE."""
    end_overdue(inode)
    lease = lease_of(file, inode)
    return LeaseKind.NONE if lease is None else lease.target


# Taking and giving up.


def check_free(file: OpenFile, inode: Inode, kind: LeaseKind) -> Fallible[None]:
    """EAGAIN when the file is open for others so that `kind` could not be had, or leased (check_conflicting_open()).

    If one of the leases of others is to be given up, all are.
    """
    if kind == LeaseKind.READ and inode.writers > 0:
        raise EAGAIN
    if kind == LeaseKind.WRITE:
        own_writers: u32 = 1 if file.is_writer else 0
        own_readers: u32 = 1 if file.is_reader else 0
        if inode.writers != own_writers or inode.readers != own_readers or inode.executions > 0:
            raise EAGAIN
    for lease in leases_on(inode):
        if lease.file is not file:
            if kind == LeaseKind.WRITE or lease.end_at != NEVER:
                raise EAGAIN
            return


def set_lease(file: OpenFile, inode: Inode, fd: u32, kind: LeaseKind) -> Fallible[None]:
    """F_SETLEASE with F_RDLCK or F_WRLCK. EAGAIN, ENOMEM."""
    end_overdue(inode)
    check_free(file, inode, kind)
    lease = lease_of(file, inode)
    if lease is not None:
        change(lease, kind)
        return
    if inode.lease_count == LEASES_MAX:
        raise ENOMEM
    owner = file.owner
    if owner is None:
        raise EAGAIN
    lease = owner.account.heap.new(Lease)
    lease.file = file
    lease.inode = inode
    lease.fd = fd
    lease.kind = kind
    lease.next = inode.leases
    inode.leases = lease
    inode.lease_count += 1


def give_up(file: OpenFile, inode: Inode) -> Fallible[None]:
    """F_SETLEASE with F_UNLCK. EAGAIN if there is none."""
    lease = lease_of(file, inode)
    if lease is None:
        raise EAGAIN
    end(lease)


def change(lease: Lease, kind: LeaseKind) -> None:
    """It is of another kind now, and who waits looks again."""
    lease.kind = kind
    if kind == LeaseKind.READ:
        lease.downgrade_at = NEVER
    LEASES.changed.wake_all()


def end(lease: Lease) -> None:
    """It is gone, and nobody is told of the file any more."""
    inode = lease.inode
    if inode.leases is lease:
        inode.leases = lease.next
    else:
        for other in leases_on(inode):
            if other.next is lease:
                other.next = lease.next
    inode.lease_count -= 1
    route = lease.file.route
    if route is not None:
        route.forget()
    free(lease)
    LEASES.changed.wake_all()


def end_leases(file: OpenFile, inode: Inode) -> None:
    """The open file ends."""
    lease = lease_of(file, inode)
    if lease is not None:
        end(lease)


def end_overdue(inode: Inode) -> None:
    """What should have been given up by now is (time_out_leases())."""
    if inode.leases is None:
        return
    moment = now()
    for lease in leases_on(inode):
        if lease.end_at <= moment:
            end(lease)
        elif lease.downgrade_at <= moment:
            change(lease, LeaseKind.READ)


# Breaking.


def is_in_the_way(lease: Lease, writes: bool) -> bool:
    """Whether a lease is broken by who writes, or only reads."""
    return writes or lease.kind == LeaseKind.WRITE


def break_leases(inode: Inode, writes: bool, wait: bool) -> Fallible[None]:
    """Somebody is going to open a file, which is held, or to truncate it: sleep until no lease is in the way.

    EAGAIN unless it is to `wait`; EINTR.
    """
    if inode.leases is None:
        return
    end_overdue(inode)
    until = tell_holders(inode, writes)
    if until == NEVER:
        return
    if not wait:
        raise EAGAIN
    while until != NEVER:
        seen = LEASES.changed.observe()
        LEASES.changed.sleep_until(seen, until)
        end_overdue(inode)
        until = tell_holders(inode, writes)


def tell_holders(inode: Inode, writes: bool) -> Nanoseconds:
    """Tell those who have a lease that is in the way; returns when the first one ends, NEVER if there is none."""
    limit = after(BREAK_TIME * SECOND)
    for lease in leases_on(inode):
        if not is_in_the_way(lease, writes) or lease.end_at != NEVER:
            continue
        if writes:
            lease.end_at = limit
        elif lease.downgrade_at == NEVER:
            lease.downgrade_at = limit
        else:
            continue
        route = lease.file.route
        if route is not None:
            route.tell_of(lease.fd, Band.MESSAGE)
    return next_end(inode, writes)


def next_end(inode: Inode, writes: bool) -> Nanoseconds:
    """When the first lease that is in the way ends; NEVER if there is none."""
    first = NEVER
    for lease in leases_on(inode):
        if is_in_the_way(lease, writes):
            moment = lease.end_at if lease.end_at != NEVER else lease.downgrade_at
            first = min(first, moment)
    return first
