"""Robust futexes: locks of a thread that ends while it holds them are marked (get_robust_list(2)).

The list is the program's, so it is walked as far as it makes sense and no further: at most ENTRIES_MAX entries, and to
the first address that cannot be read.
"""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, local, truncate, u32, u64, wrapping_add
from kernel.base.errno import EFAULT, EINVAL
from kernel.machine.layout import USER_END
from kernel.memory import user
from kernel.process import futex
from kernel.process.futex import FutexKey
from kernel.sched.thread import Thread

ENTRIES_MAX = 2048
"""ROBUST_LIST_LIMIT."""
WAITERS: u32 = 0x8000_0000
OWNER_DIED: u32 = 0x4000_0000
OWNER_BITS: u32 = 0x3FFF_FFFF
"""FUTEX_WAITERS, FUTEX_OWNER_DIED, FUTEX_TID_MASK: what the word of a robust lock is made of."""
OFFSET: u64 = 8
PENDING: u64 = 16
"""Of `futex_offset` and `list_op_pending` in struct robust_list_head; the first entry's address is at 0."""
PRIORITY_BIT: u64 = 1
"""In an entry's address: the lock inherits priorities, so nobody is to be woken here."""


def release_locks(thread: Thread) -> None:
    """The running `thread` ends, or runs another program: mark the locks that it holds and wake who waits for them."""
    head = thread.robust_list
    thread.robust_list = UserAddr(0)
    if u64(head) == 0 or u64(head) >= USER_END:
        return
    try:
        walk(thread, u64(head))
    except EFAULT:
        return


def walk(thread: Thread, head: u64) -> Fallible[None]:
    """Mark every lock on the list at `head`, and the one that was being taken or released. EFAULT."""
    entry = user.get(u64, UserAddr(head))
    offset = user.get(u64, UserAddr(head + OFFSET))
    pending = user.get(u64, UserAddr(head + PENDING))
    for _ in range(ENTRIES_MAX):
        if entry - entry % 2 == head:
            break
        place = entry - entry % 2
        following = user.get(u64, UserAddr(place))
        if entry != pending:
            mark(thread, wrapping_add(u64, place, offset), entry & PRIORITY_BIT != 0, False)
        entry = following
    if pending != 0:
        mark(thread, wrapping_add(u64, pending - pending % 2, offset), pending & PRIORITY_BIT != 0, True)


def mark(thread: Thread, place: u64, inherits: bool, is_pending: bool) -> Fallible[None]:
    """If `thread` owns the lock at `place`, say that its owner died, and wake one who waits. EFAULT."""
    if place % 4 != 0:
        raise EFAULT  # no lock is there: the list makes no sense
    address = UserAddr(place)
    word = user.get(u32, address)
    if is_pending and not inherits and word == 0:
        # Released, but perhaps nobody was woken yet.
        wake_one(thread, address)
        return
    while word & OWNER_BITS == truncate(u32, u64(thread.id)):
        # Others may set WAITERS meanwhile.
        found = user.compare_exchange(address, word, word & WAITERS | OWNER_DIED)
        if found == word:
            if word & WAITERS != 0 and not inherits:
                wake_one(thread, address)
            return
        word = found


def wake_one(thread: Thread, address: UserAddr) -> Fallible[None]:
    """Wake one thread that waits at `address`, of whichever process. EFAULT."""
    key = local(FutexKey)
    key.find(thread.process.space, address, False)
    try:
        futex.wake(key, 1)
    except EINVAL:
        return  # those there wait for a lock that lends priority
