"""Heap: kernel objects of one account, in slabs of that account's own frames.

Interface: `Heap.new`; `free` and `owner_of` for an object of any heap; `allocate_bytes` `free_bytes` for plain memory.

A slab is one frame: a header, then objects of one size class; the free ones are chained through their first word.
What is larger than the largest class is a block of frames of its own. Two accounts never share a slab, so
what a container allocated is known, and is given back with its frames.

Invariants: a slab with free objects is on the partial list of its class, a full one on none; an empty one is
released, unless it is the only one on its list. No object begins on a page boundary; a block of frames does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from codegen.lang import (
    Array,
    Fallible,
    MutableSlice,
    address_of,
    align_down,
    array,
    construct,
    fill,
    inline,
    must_use,
    reference,
    size_of,
    slice_at,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import ENOMEM
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.machine.layout import PAGE_SIZE, frame_address, frame_at
from kernel.memory import frames
from kernel.memory.failures import FAILURES
from kernel.memory.frames import ORDERS, FrameUse

if TYPE_CHECKING:
    from kernel.memory.account import Account

T = TypeVar("T")

CLASS_SIZES: tuple[u64, ...] = (32, 48, 64, 96, 128, 192, 256, 384, 512, 672, 1008, 1344, 2016)
NUMBERED_SIZES = tuple(enumerate(CLASS_SIZES))
CLASSES: u64 = len(CLASS_SIZES)
LARGEST: u64 = 2016
GRAIN: u64 = 16
"""Each size class is a multiple of this."""
CLASS_OF: tuple[u64, ...] = tuple(
    sum(size < grains * GRAIN for size in CLASS_SIZES) for grains in range(LARGEST // GRAIN + 1)
)
"""The smallest class that holds so many grains."""
MAGIC: u64 = 0x5049_5448_4F53_4C42


@struct(size=64)
class Slab:
    """The header of a frame of objects."""

    magic: u64 = 0
    heap: Heap = uninitialised()
    next: Slab | None = None
    previous: Slab | None = None
    free: FreeObject | None = None
    size_class: u32 = 0
    used: u32 = 0
    capacity: u32 = 0
    listed: bool = False


@struct
class FreeObject:
    """What a free object holds."""

    next: FreeObject | None = None


def owner_of(thing: T) -> Account:
    """The account that pays for an object of a heap: that of its container, or since that is gone, of one around it.

    What outlives its container (reparent.py) changes owners; so an object that may does not keep its account.
    """
    return frames.owner_of(frame_at(align_down(address_of(thing), PAGE_SIZE)))


def free(thing: T) -> None:
    """Give back an object to the heap that it is of."""
    owner_of(thing).heap.release(address_of(thing))


@inline
def class_of(size: u64) -> u64:
    """The smallest size class that holds `size` bytes, at most LARGEST."""
    return CLASS_OF[(size + GRAIN - 1) // GRAIN]


def order_of(size: u64) -> u64:
    """The order of the smallest block of frames that holds `size` bytes."""
    order: u64 = 0
    while PAGE_SIZE << order < size:
        order += 1
    return order


@struct
class Heap:
    """The kernel objects of `account`."""

    account: Account = uninitialised()
    lock: SpinLock = inline(SpinLock(LockRank.HEAP))
    objects: u64 = 0
    partial: Array[Slab | None] = array(CLASSES)

    def prepare(self, account: Account) -> None:
        """Serve `account`, which pays for the slabs."""
        self.account = account

    @must_use
    def new(self, kind: type[T]) -> Fallible[T]:
        """A new `kind`, its fields at their defaults. ENOMEM."""
        if size_of(kind) > LARGEST:
            return construct(kind, self.allocate(size_of(kind)))
        return construct(kind, self.allocate_of(class_of(size_of(kind))))

    def free(self, thing: T) -> None:
        """Give back what `new` made, where it is known that it was this heap."""
        self.release(address_of(thing))

    @must_use
    def allocate_bytes(self, length: u64) -> Fallible[MutableSlice[u8]]:
        """`length` bytes, all zero. ENOMEM."""
        memory = slice_at(u8, self.allocate(length), length)
        fill(memory, 0)
        return memory

    def free_bytes(self, memory: MutableSlice[u8]) -> None:
        """Give back what `allocate_bytes` made."""
        self.release(address_of(memory))

    @must_use
    def allocate(self, size: u64) -> Fallible[u64]:
        """The address of `size` bytes, with no promise about what is in them. ENOMEM."""
        if size > LARGEST:
            order = order_of(size)
            if order >= ORDERS:
                raise ENOMEM
            block = frames.allocate_uncleared(self.account, order, FrameUse.HEAP_RUN)
            with self.lock:
                self.objects += 1
            return frame_address(block)
        return self.allocate_of(class_of(size))

    def allocate_of(self, size_class: u64) -> Fallible[u64]:
        """`allocate`, of an object of a size class."""
        with self.lock:
            if FAILURES.strikes(self.account):
                raise ENOMEM
            slab = self.partial[size_class]
            if slab is None:
                slab = self.new_slab(size_class)
            self.objects += 1
            return self.take(slab)

    def new_slab(self, size_class: u64) -> Fallible[Slab]:
        """A slab of free objects, on the partial list. ENOMEM. The lock is held."""
        start = frame_address(frames.allocate_uncleared(self.account, 0, FrameUse.HEAP))
        slab = construct(Slab, start)
        size = CLASS_SIZES[size_class]
        slab.magic = MAGIC
        slab.heap = self
        slab.size_class = u32(size_class)
        slab.capacity = u32((PAGE_SIZE - size_of(Slab)) // size)
        position = start + size_of(Slab) + (u64(slab.capacity) - 1) * size
        for _ in range(u64(slab.capacity)):
            free = construct(FreeObject, position)
            free.next = slab.free
            slab.free = free
            position -= size
        self.list_slab(slab)
        return slab

    def take(self, slab: Slab) -> u64:
        """Take one object of a slab that has a free one. The lock is held."""
        free = slab.free
        assert free is not None, "a partial slab has free objects"
        slab.free = free.next
        slab.used += 1
        if slab.used == slab.capacity:
            self.unlist_slab(slab)
        return address_of(free)

    def release(self, address: u64) -> None:
        """Give back what `allocate` gave."""
        if address % PAGE_SIZE == 0:
            with self.lock:
                self.objects -= 1
            frames.release(frame_at(address))
            return
        slab = reference(Slab, align_down(address, PAGE_SIZE))
        assert slab.magic == MAGIC and slab.heap is self, "not an object of this heap"
        with self.lock:
            self.objects -= 1
            freed = construct(FreeObject, address)
            freed.next = slab.free
            slab.free = freed
            slab.used -= 1
            if not slab.listed:
                self.list_slab(slab)
            alone = slab.next is None and slab.previous is None
            if slab.used > 0 or alone:
                return
            self.unlist_slab(slab)
        slab.magic = 0
        frames.release(frame_at(address_of(slab)))

    def trim(self) -> None:
        """Release the empty slabs that were kept for the next object."""
        for size_class in range(CLASSES):
            with self.lock:
                slab = self.partial[size_class]
                if slab is None or slab.used > 0:
                    continue
                self.unlist_slab(slab)
            slab.magic = 0
            frames.release(frame_at(address_of(slab)))

    def list_slab(self, slab: Slab) -> None:
        """Put a slab at the head of its partial list. The lock is held."""
        head = self.partial[slab.size_class]
        slab.next = head
        slab.previous = None
        slab.listed = True
        if head is not None:
            head.previous = slab
        self.partial[slab.size_class] = slab

    def unlist_slab(self, slab: Slab) -> None:
        """Take a slab off its partial list. The lock is held."""
        following = slab.next
        previous = slab.previous
        if following is not None:
            following.previous = previous
        if previous is None:
            self.partial[slab.size_class] = following
        else:
            previous.next = following
        slab.next = None
        slab.previous = None
        slab.listed = False
