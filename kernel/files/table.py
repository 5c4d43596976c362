"""FileTable: the descriptors of a process (open(2), dup(2)).

Interface: `install` `get` `close` `replace` `duplicate` `close_on_exec` `hold` `drop`. Descriptors are handed
out lowest first. `get` lends the open file: who sleeps while using it holds it (`with deferred(file.drop)`).

Descriptors live in chunks that are made when first needed, so a table that uses three descriptors is small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Array, Fallible, Fd, array, hot, inline_array, must_use, on_error, struct, u64, uninitialised
from kernel.base.errno import EBADF, EMFILE
from kernel.files.file import Descriptor, OpenFile
from kernel.files.locks import release_of_process

if TYPE_CHECKING:
    from kernel.memory.account import Account

CHUNK_SLOTS = 32
CHUNKS = 32
DESCRIPTORS_MAX = CHUNK_SLOTS * CHUNKS
"""How far RLIMIT_NOFILE may be raised: one more than the highest descriptor."""


@struct
class DescriptorChunk:
    """A run of descriptors."""

    slots: Array[Descriptor] = inline_array(CHUNK_SLOTS)


@struct
class FileTable:
    """The descriptors of one process, or of several that share them (CLONE_FILES)."""

    account: Account = uninitialised()
    references: u64 = 1
    limit: u64 = DESCRIPTORS_MAX
    """RLIMIT_NOFILE: one more than the highest descriptor that may be made."""
    chunks: Array[DescriptorChunk | None] = array(CHUNKS)
    end: u64 = 0
    """One more than the highest descriptor that was ever in use."""

    def hold(self) -> None:
        """One more process uses the table."""
        self.references += 1

    def drop(self) -> None:
        """One process less; with the last one all descriptors are closed and the table is freed."""
        self.references -= 1
        if self.references > 0:
            return
        number = self.next_used(0, DESCRIPTORS_MAX)
        while number < DESCRIPTORS_MAX:
            self.clear(self.used(number))
            number = self.next_used(number + 1, DESCRIPTORS_MAX)
        for index in range((self.end + CHUNK_SLOTS - 1) // CHUNK_SLOTS):
            chunk = self.chunks[index]
            if chunk is not None:
                self.chunks[index] = None
                self.account.heap.free(chunk)
        self.account.heap.free(self)

    def find(self, fd: Fd) -> Descriptor | None:
        """The descriptor `fd`, if it is in use."""
        if fd < Fd(0) or u64(fd) >= DESCRIPTORS_MAX:
            return None
        number = u64(fd)
        chunk = self.chunks[number // CHUNK_SLOTS]
        if chunk is None:
            return None
        descriptor = chunk.slots[number % CHUNK_SLOTS]
        return None if descriptor.file is None else descriptor

    def next_used(self, start: u64, end: u64) -> u64:
        """The first descriptor from `start` on that is in use; `end` when none before it is."""
        number = start
        while number < min(end, self.end):
            chunk = self.chunks[number // CHUNK_SLOTS]
            if chunk is None:
                number = (number // CHUNK_SLOTS + 1) * CHUNK_SLOTS
            elif chunk.slots[number % CHUNK_SLOTS].file is None:
                number += 1
            else:
                return number
        return end

    def used(self, number: u64) -> Descriptor:
        """The place of a descriptor that is in use."""
        chunk = self.chunks[number // CHUNK_SLOTS]
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

    def slot_at(self, number: u64) -> Fallible[Descriptor]:
        """The place of descriptor `number`, which is in use or will be."""
        self.end = max(self.end, number + 1)
        chunk = self.chunks[number // CHUNK_SLOTS]
        if chunk is None:
            made = self.account.heap.new(DescriptorChunk)
            self.chunks[number // CHUNK_SLOTS] = made
            return made.slots[number % CHUNK_SLOTS]
        return chunk.slots[number % CHUNK_SLOTS]

    def install(self, file: OpenFile, close_on_exec: bool, lowest: u64 = 0) -> Fallible[Fd]:
        """Refer to `file` by the lowest free descriptor from `lowest` on; EMFILE when there is none.

        The descriptor holds a reference of its own; the caller keeps its own.
        """
        for number in range(lowest, self.limit):
            slot = self.slot_at(number)
            if slot.file is None:
                occupy(slot, file, close_on_exec)
                return Fd(number)
        raise EMFILE

    def check_free(self) -> Fallible[None]:
        """EMFILE when `install` would find no free descriptor."""
        for number in range(self.limit):
            if self.find(Fd(number)) is None:
                return
        raise EMFILE

    def replace(self, file: OpenFile, close_on_exec: bool, fd: Fd) -> Fallible[None]:
        """Make `fd` refer to `file`, closing what it referred to (dup2(2)); EBADF when out of range."""
        if fd < Fd(0) or u64(fd) >= self.limit:
            raise EBADF
        slot = self.slot_at(u64(fd))
        file.hold()
        self.clear(slot)
        occupy(slot, file, close_on_exec)
        file.drop()

    def close(self, fd: Fd) -> Fallible[None]:
        """Give up descriptor `fd`; EBADF if it is not in use."""
        self.clear(self.descriptor(fd))

    def close_if_open(self, fd: Fd) -> None:
        """`close` that cannot fail, to undo `install`."""
        descriptor = self.find(fd)
        if descriptor is not None:
            self.clear(descriptor)

    def close_range(self, first: u64, last: u64, only_mark: bool) -> None:
        """Close every descriptor from `first` to `last`, or mark it close-on-exec (close_range(2))."""
        end = min(last + 1, DESCRIPTORS_MAX)
        number = self.next_used(first, end)
        while number < end:
            descriptor = self.used(number)
            if only_mark:
                descriptor.close_on_exec = True
            else:
                self.clear(descriptor)
            number = self.next_used(number + 1, end)

    def close_for_exec(self) -> None:
        """Close the descriptors that are marked close-on-exec (execve(2))."""
        number = self.next_used(0, DESCRIPTORS_MAX)
        while number < DESCRIPTORS_MAX:
            descriptor = self.used(number)
            if descriptor.close_on_exec:
                self.clear(descriptor)
            number = self.next_used(number + 1, DESCRIPTORS_MAX)

    def clear(self, slot: Descriptor) -> None:
        """Make a slot free; drops its reference, and the record locks that the process has on the file."""
        file = slot.file
        if file is not None:
            slot.file = None
            slot.close_on_exec = False
            file.holders.remove(slot)
            release_of_process(file, self)
            file.drop()

    @must_use
    def duplicate(self, account: Account) -> Fallible[FileTable]:
        """A table charged to `account` that refers to the same open files (fork(2))."""
        made = create_table(account)
        made.limit = self.limit
        with on_error(made.drop):
            number = self.next_used(0, DESCRIPTORS_MAX)
            while number < DESCRIPTORS_MAX:
                descriptor = self.used(number)
                file = descriptor.file
                assert file is not None, "a descriptor in use has a file"
                occupy(made.slot_at(number), file, descriptor.close_on_exec)
                number = self.next_used(number + 1, DESCRIPTORS_MAX)
        return made


@must_use
def create_table(account: Account) -> Fallible[FileTable]:
    """An empty table with one reference, charged to `account`."""
    table = account.heap.new(FileTable)
    table.account = account
    return table


def occupy(slot: Descriptor, file: OpenFile, close_on_exec: bool) -> None:
    """Let a free slot refer to `file`."""
    file.hold()
    slot.file = file
    slot.close_on_exec = close_on_exec
    file.holders.push_last(slot)
