"""FileTable: the descriptors of a process (open(2), dup(2)).

Interface: `install` `get` `close` `replace` `duplicate` `close_on_exec` `hold` `drop`. Descriptors are handed
out lowest first. `get` lends the open file: who sleeps while using it holds it (`with deferred(file.drop)`).

Descriptors live in chunks that are made when first needed, so a table that uses three descriptors is small. Those that
most programs use are in an array, the others in a tree.

Invariants
- A bit of `DescriptorChunk.taken` is set exactly while its slot has a file.
- No descriptor below `FileTable.free_from` is free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import (
    Array,
    Fallible,
    Fd,
    array,
    count_trailing_zeros,
    hot,
    inline,
    inline_array,
    invert,
    must_use,
    noinline,
    on_error,
    struct,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EBADF, EMFILE
from kernel.base.tree import Tree, TreeNode
from kernel.files.file import Descriptor, OpenFile
from kernel.files.locks import release_of_process
from kernel.files.notice import take_back
from kernel.sched.preemption import give_way

if TYPE_CHECKING:
    from kernel.memory.account import Account

CHUNK_SLOTS: u64 = 32
NEAR_CHUNKS: u64 = 32
NEAR_SLOTS: u64 = 1024
DESCRIPTORS_MAX: u64 = 1 << 20
"""How far RLIMIT_NOFILE may be raised: one more than the highest descriptor (proc(5), fs.nr_open)."""
DESCRIPTORS_DEFAULT: u64 = 1024
"""What programs begin with: select(2) knows no more."""
SMALLEST: u64 = 64
STEP: u64 = 256
"""How many descriptors are copied or closed before others may run."""


@struct
class DescriptorChunk:
    """A run of descriptors."""

    number: u64 = 0
    """That of its first descriptor, divided by the size of a chunk."""
    taken: u32 = 0
    """A bit for each slot that has a file."""
    slots: Array[Descriptor] = inline_array(CHUNK_SLOTS)
    node: TreeNode[DescriptorChunk] = inline()


@struct
class FileTable:
    """The descriptors of one process, or of several that share them (CLONE_FILES)."""

    account: Account = uninitialised()
    references: u64 = 1
    limit: u64 = DESCRIPTORS_DEFAULT
    """RLIMIT_NOFILE: one more than the highest descriptor that may be made."""
    near: Array[DescriptorChunk | None] = array(NEAR_CHUNKS)
    far: Tree[DescriptorChunk] = inline(Tree(DescriptorChunk.node))
    end: u64 = 0
    """One more than the highest descriptor that was ever in use."""
    free_from: u64 = 0

    @property
    def capacity(self) -> u64:
        """For how many descriptors a table of Linux would have room, that grows like this one (fs/file.c)."""
        size = SMALLEST
        while size < self.end:
            size *= 2
        return size

    def hold(self) -> None:
        """One more process uses the table."""
        self.references += 1

    def drop(self) -> None:
        """One process less; with the last one all descriptors are closed and the table is freed."""
        self.references -= 1
        if self.references > 0:
            return
        if self.next_used(0, DESCRIPTORS_MAX) != DESCRIPTORS_MAX:
            self.close_range(0, DESCRIPTORS_MAX - 1, False)
        for index in range(min((self.end + CHUNK_SLOTS - 1) // CHUNK_SLOTS, NEAR_CHUNKS)):
            near = self.near[index]
            if near is not None:
                self.near[index] = None
                self.account.heap.free(near)
        while True:
            far = self.far.pop_first()
            if far is None:
                break
            self.account.heap.free(far)
        self.account.heap.free(self)

    @hot
    def chunk_of(self, number: u64) -> DescriptorChunk | None:
        """The chunk of a descriptor, if it was made."""
        index = number // CHUNK_SLOTS
        if index < NEAR_CHUNKS:
            return self.near[index]
        found = self.far.at_or_above(index)
        return None if found is None or found.number != index else found

    @hot
    def find(self, fd: Fd) -> Descriptor | None:
        """The descriptor `fd`, if it is in use."""
        if fd < Fd(0) or u64(fd) >= DESCRIPTORS_MAX:
            return None
        number = u64(fd)
        chunk = self.chunk_of(number)
        if chunk is None:
            return None
        descriptor = chunk.slots[number % CHUNK_SLOTS]
        return None if descriptor.file is None else descriptor

    @inline
    def next_used(self, start: u64, end: u64) -> u64:
        """The first descriptor from `start` on that is in use; `end` when none before it is."""
        limit = min(end, self.end)
        if start >= limit:
            return end
        chunk = self.near[start // CHUNK_SLOTS] if start < NEAR_SLOTS else None
        if chunk is not None:
            rest = chunk.taken >> u32(start % CHUNK_SLOTS)
            if rest != 0:
                found = start + u64(count_trailing_zeros(u32, rest))
                return found if found < limit else end
        return self.next_used_far(start, limit, end)

    @noinline
    def next_used_far(self, start: u64, limit: u64, end: u64) -> u64:
        """`next_used`, chunk for chunk; there is none from `limit` on."""
        number = start
        while number < limit:
            index = number // CHUNK_SLOTS
            chunk = self.near[index] if index < NEAR_CHUNKS else self.far.at_or_above(index)
            if chunk is None:
                if index >= NEAR_CHUNKS:
                    return end
            elif chunk.number > index:
                number = chunk.number * CHUNK_SLOTS
                continue
            else:
                rest = chunk.taken >> u32(number % CHUNK_SLOTS)
                if rest != 0:
                    found = number + u64(count_trailing_zeros(u32, rest))
                    return found if found < limit else end
            number = (index + 1) * CHUNK_SLOTS
        return end

    def next_free(self, start: u64) -> u64:
        """The first descriptor from `start` on that is not in use; it may be beyond the limit."""
        number = start
        while number < self.limit:
            chunk = self.chunk_of(number)
            if chunk is None:
                return number
            rest = invert(u32, chunk.taken) >> u32(number % CHUNK_SLOTS)
            if rest != 0:
                return number + u64(count_trailing_zeros(u32, rest))
            number = (number // CHUNK_SLOTS + 1) * CHUNK_SLOTS
        return number

    def used(self, number: u64) -> Descriptor:
        """The place of a descriptor that is in use."""
        chunk = self.chunk_of(number)
        assert chunk is not None, "a descriptor in use has a place"
        return chunk.slots[number % CHUNK_SLOTS]

    def descriptor(self, fd: Fd) -> Fallible[Descriptor]:
        """The descriptor `fd`, or EBADF."""
        found = self.find(fd)
        if found is None:
            raise EBADF
        return found

    @hot
    def get(self, fd: Fd) -> Fallible[OpenFile]:
        """The open file of `fd`, or EBADF. The reference is lent: it lasts until the descriptor is closed."""
        file = self.descriptor(fd).file
        if file is None:
            raise EBADF
        return file

    @must_use
    def pin(self, fd: Fd) -> Fallible[OpenFile]:
        """The open file of `fd` with a reference of the caller's, or EBADF."""
        file = self.get(fd)
        file.hold()
        return file

    def make_chunk(self, number: u64) -> Fallible[DescriptorChunk]:
        """The chunk of a descriptor that is to be used. ENOMEM."""
        self.end = max(self.end, number + 1)
        chunk = self.chunk_of(number)
        if chunk is not None:
            return chunk
        made = self.account.heap.new(DescriptorChunk)
        made.number = number // CHUNK_SLOTS
        if made.number < NEAR_CHUNKS:
            self.near[made.number] = made
        else:
            self.far.insert(made, made.number)
        return made

    def install(self, file: OpenFile, close_on_exec: bool, lowest: u64 = 0) -> Fallible[Fd]:
        """Refer to `file` by the lowest free descriptor from `lowest` on; EMFILE when there is none.

        The descriptor holds a reference of its own; the caller keeps its own.
        """
        number = self.next_free(max(lowest, self.free_from))
        if number >= self.limit:
            raise EMFILE
        occupy(self.make_chunk(number), number, file, close_on_exec)
        if lowest <= self.free_from:
            self.free_from = number + 1
        return Fd(number)

    def check_free(self) -> Fallible[None]:
        """EMFILE when `install` would find no free descriptor."""
        if self.next_free(self.free_from) >= self.limit:
            raise EMFILE

    def replace(self, file: OpenFile, close_on_exec: bool, fd: Fd) -> Fallible[None]:
        """Make `fd` refer to `file`, closing what it referred to (dup2(2)); EBADF when out of range."""
        if fd < Fd(0) or u64(fd) >= self.limit:
            raise EBADF
        chunk = self.make_chunk(u64(fd))
        file.hold()
        self.clear(u64(fd))
        occupy(chunk, u64(fd), file, close_on_exec)
        file.drop()

    def close(self, fd: Fd) -> Fallible[None]:
        """Give up descriptor `fd`; EBADF if it is not in use."""
        self.descriptor(fd)
        self.clear(u64(fd))

    def close_if_open(self, fd: Fd) -> None:
        """`close` that cannot fail, to undo `install`."""
        if self.find(fd) is not None:
            self.clear(u64(fd))

    def close_range(self, first: u64, last: u64, only_mark: bool) -> None:
        """Close every descriptor from `first` to `last`, or mark it close-on-exec (close_range(2)).

        Others run meanwhile, where there are many.
        """
        end = min(last, DESCRIPTORS_MAX - 1) + 1
        number = self.next_used(first, end)
        count: u64 = 0
        while number < end:
            if only_mark:
                self.used(number).close_on_exec = True
            else:
                self.clear(number)
            count += 1
            if count % STEP == 0:
                give_way()
            number = self.next_used(number + 1, end)

    def close_for_exec(self) -> None:
        """Close the descriptors that are marked close-on-exec (execve(2)). Others run meanwhile."""
        number = self.next_used(0, DESCRIPTORS_MAX)
        count: u64 = 0
        while number < DESCRIPTORS_MAX:
            if self.used(number).close_on_exec:
                self.clear(number)
            count += 1
            if count % STEP == 0:
                give_way()
            number = self.next_used(number + 1, DESCRIPTORS_MAX)

    def close_all_unless_shared(self) -> None:
        """A process that uses the table ends: close what nobody else needs. Others run meanwhile."""
        if self.references == 1:
            self.close_range(0, DESCRIPTORS_MAX - 1, False)

    def clear(self, number: u64) -> None:
        """Make a descriptor free; drops its reference, and the record locks that the process has on the file."""
        chunk = self.chunk_of(number)
        if chunk is None:
            return
        slot = chunk.slots[number % CHUNK_SLOTS]
        file = slot.file
        if file is not None:
            slot.file = None
            slot.close_on_exec = False
            chunk.taken = chunk.taken & invert(u32, bit_of(number))
            self.free_from = min(self.free_from, number)
            file.holders.remove(slot)
            release_of_process(file, self)
            inode = file.inode
            if inode is not None:
                take_back(inode, file, self)
            file.drop()

    @must_use
    def duplicate(self, account: Account) -> Fallible[FileTable]:
        """A table charged to `account` that refers to the same open files (fork(2)). Others run meanwhile."""
        made = create_table(account)
        made.limit = self.limit
        with on_error(made.drop):
            number = self.next_used(0, DESCRIPTORS_MAX)
            count: u64 = 0
            while number < DESCRIPTORS_MAX:
                descriptor = self.used(number)
                file = descriptor.file
                assert file is not None, "a descriptor in use has a file"
                occupy(made.make_chunk(number), number, file, descriptor.close_on_exec)
                count += 1
                if count % STEP == 0:
                    give_way()
                number = self.next_used(number + 1, DESCRIPTORS_MAX)
        return made


@must_use
def create_table(account: Account) -> Fallible[FileTable]:
    """An empty table with one reference, charged to `account`."""
    table = account.heap.new(FileTable)
    table.account = account
    return table


def bit_of(number: u64) -> u32:
    """The bit of a descriptor in the set of its chunk."""
    return u32(1) << u32(number % CHUNK_SLOTS)


def occupy(chunk: DescriptorChunk, number: u64, file: OpenFile, close_on_exec: bool) -> None:
    """Let a free slot refer to `file`."""
    slot = chunk.slots[number % CHUNK_SLOTS]
    file.hold()
    slot.file = file
    slot.close_on_exec = close_on_exec
    chunk.taken = chunk.taken | bit_of(number)
    file.holders.push_last(slot)
