"""Functions on structs and references. Each has its twin in functions.c, and gets the arena and a count."""

from __future__ import annotations

from bench.codegen.bytes import OUTPUT
from codegen.lang import (
    Array,
    FrameNumber,
    address_of,
    array,
    bit,
    bits,
    construct,
    export,
    reference,
    slice_at,
    struct,
    u8,
    u32,
    u64,
)


@bits
class Entry:
    """A page-table entry, as far as a walk needs it (Intel SDM vol. 3A, table 4-20)."""

    present: bool = bit(0)
    large: bool = bit(7)
    frame: FrameNumber = bits(12, 52)


@struct(size=4096)
class Table:
    """A page table."""

    entries: Array[Entry] = array(512)


def translate(root: u64, address: u64) -> u64:
    """What `address` is mapped to; 0 when it is not."""
    table = reference(Table, root)
    level: u64 = 4
    while level > 1:
        entry = table.entries[address >> 3 + 9 * level & 511]
        if not entry.present or entry.large:
            return 0
        table = reference(Table, entry.frame * 4096)
        level -= 1
    entry = table.entries[address >> 12 & 511]
    return entry.frame * 4096 + address % 4096 if entry.present else 0


@export
def page_walk(arena: u64, count: u64) -> u64:
    """Translate addresses; how many are mapped."""
    mapped: u64 = 0
    for page in range(count):
        if translate(arena, page * 4096 + 5) != 0:
            mapped += 1
    return mapped


@struct
class Member:
    """What is on a list and in a tree."""

    key: u64 = 0
    next: Member | None = None
    previous: Member | None = None
    left: Member | None = None
    right: Member | None = None


@struct
class Head:
    """A list and a tree."""

    first: Member | None = None
    last: Member | None = None
    root: Member | None = None
    count: u64 = 0

    def push_last(self, member: Member) -> None:
        """Put `member` at the end of the list."""
        last = self.last
        member.next = None
        member.previous = last
        if last is None:
            self.first = member
        else:
            last.next = member
        self.last = member
        self.count += 1

    def remove(self, member: Member) -> None:
        """Take `member` off the list."""
        before = member.previous
        after = member.next
        if before is None:
            self.first = after
        else:
            before.next = after
        if after is None:
            self.last = before
        else:
            after.previous = before
        self.count -= 1

    def insert(self, member: Member) -> None:
        """Put `member` into the tree by its key."""
        root = self.root
        if root is None:
            self.root = member
            return
        node: Member = root
        while True:
            if member.key < node.key:
                below = node.left
                if below is None:
                    node.left = member
                    return
            else:
                below = node.right
                if below is None:
                    node.right = member
                    return
            node = below

    def at_or_below(self, key: u64) -> Member | None:
        """The member with the highest key that is not above `key`."""
        found: Member | None = None
        node = self.root
        while node is not None:
            if node.key <= key:
                found = node
                node = node.right
            else:
                node = node.left
        return found


def make_member(place: Member, key: u64) -> Member:
    """A fresh member at `place`."""
    member = construct(Member, address_of(place))
    member.key = key
    return member


@export
def list_operations(arena: u64, count: u64) -> u64:
    """Put members on a list, take every third off, and add up the keys of the rest."""
    keys = slice_at(u32, arena, count)
    head = construct(Head, arena + OUTPUT)
    members = slice_at(Member, arena + OUTPUT + 64, count)
    for index in range(count):
        head.push_last(make_member(members[index], u64(keys[index])))
    for index in range(0, count, 3):
        head.remove(members[index])
    total: u64 = 0
    member = head.first
    while member is not None:
        total += member.key
        member = member.next
    return total + head.count


@export
def tree_operations(arena: u64, count: u64) -> u64:
    """Put members into a tree, and look each key and its neighbour up."""
    keys = slice_at(u32, arena, count)
    head = construct(Head, arena + OUTPUT)
    members = slice_at(Member, arena + OUTPUT + 64, count)
    for index in range(count):
        head.insert(make_member(members[index], u64(keys[index])))
    total: u64 = 0
    for key in keys:
        found = head.at_or_below(u64(key) + 1)
        if found is not None:
            total += found.key
    return total


@struct
class Ring:
    """A first-in, first-out queue of bytes."""

    start: u64 = 0
    used: u64 = 0
    storage: Array[u8] = array(256)

    def put(self, byte: u8) -> bool:
        """Append a byte; False when the ring is full."""
        if self.used >= 256:
            return False
        self.storage[(self.start + self.used) % 256] = byte
        self.used += 1
        return True

    def take(self) -> u8:
        """Remove the oldest byte. The ring is not empty."""
        byte = self.storage[self.start]
        self.start = (self.start + 1) % 256
        self.used -= 1
        return byte


@export
def ring_buffer(arena: u64, count: u64) -> u64:
    """Send bytes through a ring, two in for one out until it is full."""
    ring = construct(Ring, arena + OUTPUT)
    total: u64 = 0
    for byte in slice_at(u8, arena, count):
        if not ring.put(byte) or not ring.put(byte):
            total += ring.take()
        total += ring.take()
    return total + ring.used
