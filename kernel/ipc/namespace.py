"""IpcNamespace: the numbers by which the processes of a container share memory (ipc_namespaces(7)).

Interface: `find` `add` `remove` under SEGMENTS.lock; `describe_from`, `end`.

A segment has an index; its id also has, above that, a sequence number. Indices are given one after the other, and begin
anew where there would be many more of them than segments; the sequence number grows then, so that an old id does not
soon mean another segment (ipc_idr_alloc() of Linux).
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    MutableSlice,
    address_of,
    i32,
    inline,
    must_use,
    slice_at,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
    view,
)
from kernel.base.bitmap import clear_bit, find_clear, set_bit
from kernel.base.errno import EINVAL, ENOSPC
from kernel.base.tree import Tree
from kernel.ipc.segment import SEGMENTS, Segment, SegmentStatus
from kernel.machine.layout import PAGE_SIZE
from kernel.memory.account import Account
from kernel.sched.preemption import give_way

INDEX_BITS: u64 = 15
INDICES: u64 = 1 << INDEX_BITS
FEWEST_INDICES: u64 = 64
"""So many are given before they begin anew."""
SEQUENCES: u64 = 0x7FFF_FFFF >> INDEX_BITS

SHMMAX: u64 = 18_446_744_073_692_774_399
"""What Linux has as the largest segment and as the pages in all: no limit but those of memory."""
SHMMNI: u64 = 4096
PRIVATE: u32 = 0
"""IPC_PRIVATE: no key, so that nobody finds the segment by one."""


def index_of(id: i32) -> u64:
    """The index of the segment with this id, which is not negative; what shmctl(2) SHM_STAT takes may be either."""
    return u64(id) % INDICES


def pages_of(size: u64) -> u64:
    """How many pages hold `size` bytes."""
    return size // PAGE_SIZE + u64(size % PAGE_SIZE != 0)


@struct
class IpcNamespace:
    """The segments of one container, and their limits."""

    account: Account = uninitialised()
    largest: u64 = SHMMAX
    """shmmax: bytes in one segment; shmall: pages in all of them; shmmni: how many there may be (proc(5))."""
    pages_max: u64 = SHMMAX
    count_max: u64 = SHMMNI
    pages: u64 = 0
    by_index: Tree[Segment] = inline(Tree(Segment.index_node))
    by_key: Tree[Segment] = inline(Tree(Segment.key_node))
    """Those that were not removed and have a key."""
    used: u64 = 0
    """The address of a bit for each index; 0: there never was a segment."""
    next_index: u64 = 0
    """Where the search for a free index begins."""
    last_index: u64 = INDICES
    """The one that was given last; INDICES: none."""
    sequence: u64 = 0

    def prepare(self, account: Account) -> None:
        """Be without segments, for the container with this account."""
        self.account = account

    # Finding. The lock is held.

    def with_key(self, key: u32) -> Segment | None:
        """The segment that has a key."""
        found = self.by_key.at_or_below(u64(key))
        return found if found is not None and found.status.permissions.key == key else None

    def at_index(self, index: u64) -> Segment | None:
        """The segment with an index."""
        found = self.by_index.at_or_below(index)
        return found if found is not None and index_of(found.status.id) == index else None

    def find(self, id: i32) -> Fallible[Segment]:
        """The segment with an id. EINVAL."""
        if id < 0:
            raise EINVAL
        found = self.at_index(index_of(id))
        if found is None or found.status.id != id:
            raise EINVAL
        return found

    def highest_index(self) -> u64:
        """The highest index in use; 0 also when there is none."""
        last = self.by_index.at_or_below(INDICES)
        return 0 if last is None else index_of(last.status.id)

    def describe_from(self, index: u64, status: SegmentStatus) -> bool:
        """Tell everything about the first segment from `index` on; whether there is one. The lock is not held."""
        with SEGMENTS.lock:
            found = self.by_index.at_or_above(index)
            if found is None:
                return False
            found.describe(status)
            return True

    # Changing. The lock is held.

    def check_new(self, size: u64) -> Fallible[None]:
        """Whether there may be one more segment of `size` bytes. EINVAL, ENOSPC."""
        if size == 0 or size > self.largest:
            raise EINVAL
        pages = pages_of(size)
        if self.pages > self.pages_max or pages > self.pages_max - self.pages:
            raise ENOSPC

    def add(self, segment: Segment) -> Fallible[None]:
        """Give a new segment an id, by which it is found from now on. ENOSPC, ENOMEM."""
        if self.by_index.count >= self.count_max:
            raise ENOSPC
        index = self.take_index()
        if self.last_index != INDICES and index <= self.last_index:
            self.sequence += 1
            if self.sequence >= SEQUENCES:
                self.sequence = 0
        self.last_index = index
        status = segment.status
        status.permissions.sequence = self.sequence
        status.id = i32(self.sequence << INDEX_BITS | index)
        segment.namespace = self
        self.pages += pages_of(segment.status.size)
        self.by_index.insert(segment, index)
        if status.permissions.key != PRIVATE:
            self.by_key.insert(segment, u64(status.permissions.key))

    def forget_key(self, segment: Segment) -> None:
        """Let nobody find a segment by its key any more."""
        key = segment.status.permissions.key
        if key != PRIVATE:
            self.by_key.remove(segment)
            segment.status.permissions.key = PRIVATE

    def remove(self, segment: Segment) -> None:
        """Let nobody find a segment any more."""
        self.forget_key(segment)
        self.by_index.remove(segment)
        self.pages -= pages_of(segment.status.size)
        index = index_of(segment.status.id)
        clear_bit(self.bits, index)
        segment.namespace = None

    # Indices.

    @property
    def bits(self) -> MutableSlice[u64]:
        """One for each index that is in use."""
        return view(u64, slice_at(u8, self.used, INDICES // 8))

    @must_use
    def take_index(self) -> Fallible[u64]:
        """A free index, not free any more. ENOMEM."""
        if self.used == 0:
            self.used = address_of(self.account.heap.allocate_bytes(INDICES // 8))
        end = min(max(self.by_index.count * 3 // 2, FEWEST_INDICES), INDICES)
        index = find_clear(self.bits, self.next_index)
        if index >= end:
            index = find_clear(self.bits, 0)
        assert index < INDICES, "there are fewer segments than indices"
        set_bit(self.bits, index)
        self.next_index = index + 1
        return index

    # The end.

    def end(self) -> u64:
        """The container ends: all segments go. How many others still refer to, which find nothing there."""
        survivors: u64 = 0
        while True:
            with SEGMENTS.lock:
                segment = self.by_index.root
                if segment is None:
                    break
                self.remove(segment)
                segment.status.is_condemned = True
                is_unused = segment.status.attached == 0
            if is_unused:
                segment.give_back()
            else:
                survivors += 1
            give_way()
        if self.used != 0:
            self.account.heap.free_bytes(slice_at(u8, self.used, INDICES // 8))
            self.used = 0
        return survivors
