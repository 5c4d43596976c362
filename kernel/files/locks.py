"""Locks on files: record locks (fcntl(2)), of processes and of open files, and those of whole files (flock(2)).

Interface: fill a `FileLock`, then `conflict_of` tells what is in its way, `acquire` gets it and `release` gives up a
range. Whoever closes a file calls `release_of_process` and `release_of_file`.

All locks of a file, and the requests that wait for one, are chained from its `Attributes`. A record lock belongs to a
process, which is to say to its file table, or (F_OFD_*) to an open file; one of flock(2) always belongs to an open
file, and has nothing to do with record locks.

Invariants
- The granted record locks of one owner on a file do not overlap, and stand together in the chain, by their start.
- Locks are charged to the container of who asked for them, and end with their table or open file at the latest.
- A waiting request is on the chain and, if it is of a process, on WAITING; only its own thread frees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from codegen.lang import Fallible, Pid, deferred, inline, on_error, struct, u64, uninitialised
from kernel.base.errno import EAGAIN, EDEADLK, EIO, ENOLCK, ENOMEM
from kernel.base.list import Link, List
from kernel.files.attributes import Attributes
from kernel.sched.wait import WaitQueue

if TYPE_CHECKING:
    from kernel.files.file import OpenFile
    from kernel.files.table import FileTable
    from kernel.memory.account import Account

LAST_BYTE: u64 = 0x7FFF_FFFF_FFFF_FFFF
"""OFFSET_MAX: where a lock ends that has length 0, which is to say no end."""

DEADLOCK_STEPS = 10
"""MAX_DEADLK_ITERATIONS of Linux: how long a circle of waiting processes may be to be found."""


@struct
class FileLock:
    """A lock on the bytes from `first` to `last`, or a request for one."""

    account: Account = uninitialised()
    about: Attributes = uninitialised()
    file: OpenFile = uninitialised()
    """Through which open file it was asked for."""
    table: FileTable | None = None
    """The process that owns it, if it is a record lock of a process; all others are owned by `file`."""
    pid: Pid = Pid(0)
    is_whole: bool = False
    """Of flock(2)."""
    is_write: bool = False
    """Nobody else may have any lock here; otherwise others may read, too."""
    first: u64 = 0
    last: u64 = LAST_BYTE
    next: FileLock | None = None
    is_waiting: bool = False
    is_cut_off: bool = False
    """The file was revoked while the request waited."""
    changed: WaitQueue = inline()
    waiting_link: Link[FileLock] = inline()

    def free(self) -> None:
        """Give back a lock that is not on a chain."""
        self.account.heap.free(self)


WAITING: List[FileLock] = List(FileLock.waiting_link)
"""The requests of processes that wait, of all files: where a circle is looked for."""


# What is there.


def locks_on(about: Attributes) -> Iterator[FileLock]:
    """The locks and requests of a file; the one at hand may be taken off meanwhile."""
    lock = about.locks
    while lock is not None:
        following = lock.next
        yield lock
        lock = following


def is_same_owner(one: FileLock, other: FileLock) -> bool:
    """Whether one process, or one open file, owns both."""
    if one.is_whole != other.is_whole:
        return False
    if one.table is not None or other.table is not None:
        return one.table is other.table
    return one.file is other.file


def overlaps(one: FileLock, other: FileLock) -> bool:
    """Whether they have a byte in common."""
    return one.first <= other.last and other.first <= one.last


def conflict_of(request: FileLock) -> FileLock | None:
    """The first granted lock of another owner that is in the way of `request`."""
    for lock in locks_on(request.about):
        if lock.is_waiting or lock.is_whole != request.is_whole or is_same_owner(lock, request):
            continue
        if (lock.is_write or request.is_write) and overlaps(lock, request):
            return lock
    return None


def own_lock_at(request: FileLock) -> FileLock | None:
    """The first granted lock of the owner of `request` in its range."""
    for lock in locks_on(request.about):
        if is_owned(lock, request) and overlaps(lock, request):
            return lock
    return None


def is_deadlock(request: FileLock, blocker: FileLock) -> bool:
    """Whether the process that owns `blocker` waits, perhaps through others, for the one that asks."""
    for _ in range(DEADLOCK_STEPS + 1):
        waiting = request_of_owner(blocker)
        if waiting is None:
            return False
        following = conflict_of(waiting)
        if following is None:
            return False
        if is_same_owner(following, request):
            return True
        blocker = following
    return False


def request_of_owner(lock: FileLock) -> FileLock | None:
    """What the owner of `lock` waits for."""
    for request in WAITING:
        if is_same_owner(request, lock):
            return request
    return None


# Getting one.


def acquire(request: FileLock, wait: bool) -> Fallible[None]:
    """Get the lock that `request`, on the heap, asks for; it is taken over, and freed if that fails.

    EAGAIN; with `wait` instead EDEADLK, EINTR, or EIO when the file is revoked. ENOLCK without memory.
    """
    with on_error(request.free):
        if request.is_whole and replaces_whole(request):
            request.free()
            return
        while True:
            blocker = conflict_of(request)
            if blocker is None:
                grant(request)
                return
            if not wait:
                raise EAGAIN
            if request.table is not None and is_deadlock(request, blocker):
                raise EDEADLK
            wait_for_change(request)


def replaces_whole(request: FileLock) -> Fallible[bool]:
    """Give up the lock of flock(2) that the open file has, as changing one does (flock(2), notes).

    True if it is already the one that is asked for, which then stays.
    """
    for lock in locks_on(request.about):
        if is_owned(lock, request) and lock.is_write == request.is_write:
            return True
    release(request)
    return False


def wait_for_change(request: FileLock) -> Fallible[None]:
    """Sleep until some lock of the file was given up."""
    seen = request.changed.observe()
    request.is_waiting = True
    append(request)
    if request.table is not None:
        WAITING.push_last(request)
    with deferred(stop_waiting, request):
        request.changed.sleep(seen)
    if request.is_cut_off:
        raise EIO


def stop_waiting(request: FileLock) -> None:
    """The thread of a request looks again, or gives up."""
    if WAITING.contains_link(request):
        WAITING.remove(request)
    if not request.is_cut_off:
        take_off(request)
    request.is_waiting = False


def grant(request: FileLock) -> Fallible[None]:
    """Put a lock that nothing is in the way of on the chain, in place of what its owner has in its range."""
    spare = spare_for(request, False)
    absorb(request)
    cut(request, spare)
    insert(request)
    wake_waiters(request.about)


def release(request: FileLock) -> Fallible[None]:
    """Give up what the owner of `request` has in its range. ENOLCK without memory for the second part of one."""
    spare = spare_for(request, True)
    cut(request, spare)
    wake_waiters(request.about)


def spare_for(request: FileLock, gives_up: bool) -> Fallible[FileLock | None]:
    """A lock for the part behind the range, if a lock of the owner is going to be divided."""
    for lock in locks_on(request.about):
        if not is_owned(lock, request) or not (lock.first < request.first and lock.last > request.last):
            continue
        if gives_up or lock.is_write != request.is_write:
            return new_lock(lock.account)
    return None


def new_lock(account: Account) -> Fallible[FileLock]:
    """A lock that says nothing yet; ENOLCK without memory."""
    try:
        lock = account.heap.new(FileLock)
    except ENOMEM:
        raise ENOLCK from None
    lock.account = account
    return lock


def is_owned(lock: FileLock, request: FileLock) -> bool:
    """Whether `lock` is granted, to the owner of `request`."""
    return not lock.is_waiting and lock is not request and is_same_owner(lock, request)


def absorb(request: FileLock) -> None:
    """Take the owner's locks of the same type that overlap the range or touch it into `request`."""
    for lock in locks_on(request.about):
        if not is_owned(lock, request) or lock.is_write != request.is_write:
            continue
        if lock.first <= request.last + 1 and request.first <= lock.last + 1:
            request.first = min(request.first, lock.first)
            request.last = max(request.last, lock.last)
            take_off(lock)
            lock.free()


def cut(request: FileLock, spare: FileLock | None) -> None:
    """Take the range of `request` out of the owner's locks; `spare` becomes the part behind it."""
    for lock in locks_on(request.about):
        if not is_owned(lock, request) or not overlaps(lock, request):
            continue
        if lock.first < request.first and lock.last > request.last:
            assert spare is not None, "dividing a lock was foreseen"
            copy_lock(spare, lock)
            spare.first = request.last + 1
            lock.last = request.first - 1
            insert(spare)
        elif lock.first < request.first:
            lock.last = request.first - 1
        elif lock.last > request.last:
            lock.first = request.last + 1
        else:
            take_off(lock)
            lock.free()


def copy_lock(made: FileLock, lock: FileLock) -> None:
    """Let `made` say what `lock` says."""
    made.about = lock.about
    made.file = lock.file
    made.table = lock.table
    made.pid = lock.pid
    made.is_whole = lock.is_whole
    made.is_write = lock.is_write
    made.first = lock.first
    made.last = lock.last


# The chain.


def insert(lock: FileLock) -> None:
    """Chain a granted lock: with those of its owner, by its start; that of a new owner goes last."""
    before: FileLock | None = None
    after_own = False
    previous: FileLock | None = None
    for other in locks_on(lock.about):
        if is_owned(other, lock):
            if other.first > lock.first:
                break
            after_own = True
        elif after_own:
            break
        previous = other
        before = previous
    if before is None:
        lock.next = lock.about.locks
        lock.about.locks = lock
    else:
        lock.next = before.next
        before.next = lock


def append(lock: FileLock) -> None:
    """Chain a request at the end."""
    lock.next = None
    last: FileLock | None = None
    for other in locks_on(lock.about):
        last = other
    if last is None:
        lock.about.locks = lock
    else:
        last.next = lock


def take_off(lock: FileLock) -> None:
    """Take a lock or request off its chain."""
    about = lock.about
    if about.locks is lock:
        about.locks = lock.next
    else:
        for other in locks_on(about):
            if other.next is lock:
                other.next = lock.next
                break
    lock.next = None


def wake_waiters(about: Attributes) -> None:
    """Let those who wait for a lock on the file look again."""
    for lock in locks_on(about):
        if lock.is_waiting:
            lock.changed.wake_all()


# The ends of owners.


def described_by(file: OpenFile) -> Attributes:
    """The attributes of what is open: of its inode, if it has one."""
    inode = file.inode
    return file.ops.attributes() if inode is None else inode.described


def release_of_process(file: OpenFile, table: FileTable) -> None:
    """A process closes a descriptor of `file`: its record locks on that file end, whatever opened it (fcntl(2))."""
    about = described_by(file)
    if about.locks is None:
        return
    for lock in locks_on(about):
        if not lock.is_waiting and lock.table is table:
            take_off(lock)
            lock.free()
    wake_waiters(about)


def release_of_file(file: OpenFile) -> None:
    """The open file ends, and with it the locks that it owns; what waits through it gets EIO."""
    about = described_by(file)
    if about.locks is None:
        return
    for lock in locks_on(about):
        if lock.file is not file:
            continue
        take_off(lock)
        if lock.is_waiting:
            lock.is_cut_off = True
            if WAITING.contains_link(lock):
                WAITING.remove(lock)
            lock.changed.wake_all()
        else:
            lock.free()
    wake_waiters(about)
