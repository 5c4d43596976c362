"""Arguments: the strings that a new program gets, kept in the kernel while its memory is built (execve(2)).

All strings stand one after the other, each with its NUL: first the arguments, then the environment. That is also how
they end up at the top of the program's stack.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    copy,
    struct,
    u8,
    u64,
    uninitialised,
)
from kernel.base.errno import E2BIG, EFAULT, ENAMETOOLONG
from kernel.memory import user
from kernel.memory.heap import Heap

FIRST_SIZE: u64 = 2048
LARGEST_SIZE: u64 = 256 << 10
"""All strings together: E2BIG above (Linux: a quarter of the stack limit)."""
POINTER: u64 = 8
COUNT_MAX: u64 = 0x7FFF


@struct
class Arguments:
    """argv and envp of a program to be."""

    heap: Heap = uninitialised()
    text: MutableSlice[u8] = uninitialised()
    used: u64 = 0
    argument_count: u64 = 0
    environment_count: u64 = 0

    def prepare(self, heap: Heap) -> Fallible[None]:
        """Begin with no string; the room comes from `heap`."""
        self.heap = heap
        self.text = heap.allocate_bytes(FIRST_SIZE)

    def release(self) -> None:
        """Give back the room."""
        self.heap.free_bytes(self.text)

    @property
    def strings(self) -> MutableSlice[u8]:
        """All strings, each with its NUL."""
        return self.text[0 : self.used]

    def grow(self) -> Fallible[None]:
        """Make twice as much room. E2BIG, ENOMEM."""
        size = 2 * u64(len(self.text))
        if size > LARGEST_SIZE:
            raise E2BIG
        larger = self.heap.allocate_bytes(size)
        copy(larger[0 : self.used], self.strings)
        self.heap.free_bytes(self.text)
        self.text = larger

    def add(self, string: Slice[u8]) -> Fallible[None]:
        """Append a string of the kernel, without its NUL."""
        length = u64(len(string))
        while self.used + length + 1 > u64(len(self.text)):
            self.grow()
        copy(self.text[self.used : self.used + length], string)
        self.text[self.used + length] = 0
        self.used += length + 1

    def add_from_user(self, string: UserAddr) -> Fallible[None]:
        """Append a NUL-terminated string of the caller. EFAULT, E2BIG."""
        while True:
            room = u64(len(self.text)) - self.used
            try:
                length = user.copy_in_string(self.text[self.used : self.used + room], string)
            except ENAMETOOLONG:
                self.grow()
                continue
            self.used += length + 1
            return

    def add_array(self, pointers: UserAddr, count: u64) -> Fallible[u64]:
        """Append the strings of an array of pointers that ends with null or after `count`; returns how many."""
        added: u64 = 0
        if u64(pointers) == 0:
            return 0
        while added < count:
            if u64(pointers) > 0xFFFF_FFFF_FFFF_FFFF - added * POINTER:
                raise EFAULT
            string = user.get(u64, UserAddr(u64(pointers) + added * POINTER))
            if string == 0:
                break
            if added == COUNT_MAX:
                raise E2BIG
            self.add_from_user(UserAddr(string))
            added += 1
        return added

    def take(self, argv: UserAddr, argv_count: u64, envp: UserAddr, envp_count: u64) -> Fallible[None]:
        """Append a program's arguments and environment. An empty argv becomes one empty string, as in Linux."""
        self.argument_count += self.add_array(argv, argv_count)
        if self.argument_count == 0:
            self.add(b"")
            self.argument_count = 1
        self.environment_count = self.add_array(envp, envp_count)

    def length_at(self, start: u64) -> u64:
        """The length of the string that begins at `start`."""
        end = start
        while self.text[end] != 0:
            end += 1
        return end - start

    def exchange(self, other: Arguments) -> None:
        """Exchange all strings with `other`."""
        text = self.text
        used = self.used
        argument_count = self.argument_count
        environment_count = self.environment_count
        self.text = other.text
        self.used = other.used
        self.argument_count = other.argument_count
        self.environment_count = other.environment_count
        other.text = text
        other.used = used
        other.argument_count = argument_count
        other.environment_count = environment_count

    def take_after_first(self, other: Arguments) -> Fallible[None]:
        """Append all strings of `other` but the first one, the name of the program."""
        start = other.length_at(0) + 1
        rest = other.used - start
        while self.used + rest > u64(len(self.text)):
            self.grow()
        copy(self.text[self.used : self.used + rest], other.text[start : other.used])
        self.used += rest
        self.argument_count += other.argument_count - 1
        self.environment_count = other.environment_count
