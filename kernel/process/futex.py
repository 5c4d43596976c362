"""Futexes: sleeping until a word of memory is said to have changed (futex(2)).

A futex is known by a key: the number of the address space and the address, or, in memory that processes share, the
number of the memory object and the place in it. No number is used twice (memory/identity.py), so a thread may wait for
a key whose memory is long gone, and is woken by nobody. Key and mask stand in the waiting thread, which is in the
bucket of its key, in the order in which threads came. Who wakes takes threads out of their bucket, and wakes no others.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    Errno,
    Fallible,
    FrameNumber,
    Nanoseconds,
    UserAddr,
    align_down,
    field_offset,
    hot,
    inline,
    inline_array,
    noinline,
    struct,
    u32,
    u64,
)
from kernel.base.errno import EAGAIN, EFAULT, EINTR, ETIMEDOUT
from kernel.base.list import List
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.machine.paging import index_at
from kernel.memory import frames, page_tables, user
from kernel.memory.fault import handle_fault
from kernel.memory.frames import FrameUse
from kernel.memory.region import Access
from kernel.memory.space import AddressSpace
from kernel.sched import scheduler
from kernel.sched.cpu import current
from kernel.sched.scheduler import SCHEDULER, block
from kernel.sched.thread import Thread, ThreadState
from kernel.sched.timer import NEVER, SLEEPERS, now

MATCH_ANY: u32 = 0xFFFF_FFFF
"""FUTEX_BITSET_MATCH_ANY."""
BUCKETS: u64 = 256


@struct
class FutexKey:
    """Which futex is meant."""

    object: u64 = 0
    """The identity of the address space, or of the memory object that shows in shared memory."""
    place: u64 = 0
    """The address in that space, or the offset in the object."""

    @inline
    def find(self, space: AddressSpace, address: UserAddr, is_private: bool) -> Fallible[None]:
        """Become the key of the word at `address`. EFAULT beyond the addresses of a program, and where nothing that may
        be read is mapped, unless the word is said to be private.
        """
        if u64(address) >= USER_END:
            raise EFAULT
        self.object = space.identity
        self.place = u64(address)
        if not is_private:
            self.look_whether_shared(space, address)

    @noinline
    def look_whether_shared(self, space: AddressSpace, address: UserAddr) -> Fallible[None]:
        """Become the key of a place in a memory object, if that is what shows at `address`. EFAULT."""
        page = align_down(u64(address), PAGE_SIZE)
        with space.lock:
            region = space.region_at(page)
            if region is not None and region.pager is None and region.allows(Access.READ):
                return
        try:
            handle_fault(space, page, Access.READ)
        except Errno:
            raise EFAULT from None
        with space.lock:
            region = space.region_at(page)
            if region is None:
                raise EFAULT
            pager = region.pager
            if pager is None:
                return
            # What a private mapping shows is the file's own until it is written to, which a read-only one never is.
            if region.shared or (not region.allows(Access.WRITE) and is_page_of_file(space.root, page)):
                self.object = pager.identity()
                self.place = region.page_index(page) * PAGE_SIZE + u64(address) % PAGE_SIZE

    def give(self, thread: Thread) -> None:
        """Let `thread` wait for this futex."""
        thread.futex_object = self.object
        thread.futex_place = self.place
        bucket_of(self.object, self.place).push_last(thread)

    def is_awaited(self, thread: Thread, bits: u32) -> bool:
        """Whether `thread` waits for this futex and one of `bits`."""
        return thread.futex_place == self.place and thread.futex_object == self.object and thread.futex_bits & bits != 0


def is_page_of_file(root: FrameNumber, page: u64) -> bool:
    """Whether the frame that is mapped at `page` is not a private one."""
    table = page_tables.find_table(root, page)
    return table is not None and frames.use_of(table.entries[index_at(page, 1)].frame) != FrameUse.USER


@struct
class Futexes:
    """The threads that wait on a futex, by hash of its key. Only system calls come here, which exclude each other."""

    buckets: Array[List[Thread]] = inline_array(BUCKETS)

    def __init__(self) -> None:
        for bucket in self.buckets:
            bucket.offset = field_offset(Thread.futex_link)


FUTEXES = Futexes()


def bucket_of(owner: u64, place: u64) -> List[Thread]:
    """Where those wait whose key is this. Words lie 4 bytes apart at least."""
    return FUTEXES.buckets[(place // 4 ^ place >> 12 ^ owner) % BUCKETS]


def is_waiting(thread: Thread) -> bool:
    """Whether nobody has woken `thread` yet."""
    return thread.futex_link.linked


def leave(thread: Thread) -> None:
    """`thread` waits no longer."""
    bucket_of(thread.futex_object, thread.futex_place).remove(thread)


@hot
def wait(key: FutexKey, address: UserAddr, expected: u32, bits: u32, deadline: Nanoseconds) -> Fallible[None]:
    """Sleep while the word at `address` is `expected`, until it is woken: EAGAIN, ETIMEDOUT, EINTR, EFAULT."""
    thread = current()
    if user.get(u32, address) != expected:
        raise EAGAIN
    key.give(thread)
    thread.futex_bits = bits
    while is_waiting(thread):
        if deadline != NEVER and now() >= deadline:
            leave(thread)
            raise ETIMEDOUT
        if thread.interrupted:
            leave(thread)
            raise EINTR
        sleep(thread, deadline)


@hot
def sleep(thread: Thread, deadline: Nanoseconds) -> None:
    """Sleep until `thread` is woken, interrupted, or `deadline` has come."""
    with SCHEDULER.lock:
        if thread.interrupted:
            return
        thread.state = ThreadState.BLOCKED
        thread.interruptible = True
        if deadline != NEVER:
            SLEEPERS.insert(thread, deadline)
    block()
    if deadline != NEVER:
        with SCHEDULER.lock:
            SLEEPERS.discard(thread)


@hot
def wake(key: FutexKey, count: u64, bits: u32 = MATCH_ANY) -> u64:
    """Wake up to `count` threads that wait for `key` and one of `bits`; returns how many."""
    woken: u64 = 0
    for thread in bucket_of(key.object, key.place):
        if woken == count:
            break
        if key.is_awaited(thread, bits):
            leave(thread)
            scheduler.wake(thread)
            woken += 1
    return woken


def requeue(source: FutexKey, target: FutexKey, count: u64) -> u64:
    """Let up to `count` threads that wait for `source` wait for `target` instead; returns how many."""
    moved: u64 = 0
    bucket = bucket_of(source.object, source.place)
    last = bucket.last
    thread = bucket.first
    while thread is not None and moved < count:
        # Those that move may come into this very bucket: behind the last one that has to be looked at.
        following = None if thread is last else thread.futex_link.next
        if source.is_awaited(thread, MATCH_ANY):
            bucket.remove(thread)
            target.give(thread)
            moved += 1
        thread = following
    return moved
