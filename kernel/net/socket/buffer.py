"""Buffer: the bytes that a transfer goes to or comes from, a program's in one or several places, or the kernel's.

Interface: `over_user` `over_vectors` `over_kernel` prepare one; `take` and `give` move the next bytes of it.

Places of a program are read when they are reached (readv(2)), so nothing is allocated for them. A program that changes
them meanwhile harms itself only: never more than `left` bytes are moved, and each place is checked.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    UserSlice,
    address_of,
    copy,
    hot,
    slice_at,
    struct,
    u8,
    u64,
)
from kernel.base.errno import EFAULT
from kernel.memory import user

VECTOR_SIZE: u64 = 16
"""The size of a `struct iovec`: base and length."""


@struct
class Buffer:
    """Where the next bytes are, and how many there are in all."""

    left: u64 = 0
    place: u64 = 0
    """The address of the next byte, of a program or of the kernel."""
    length: u64 = 0
    """How many bytes there are at `place`."""
    vectors: u64 = 0
    """Where a program says what comes after that, `entries` times."""
    entries: u64 = 0
    is_kernel: bool = False

    @hot
    def over_user(self, address: UserAddr, length: u64) -> None:
        """The memory of the running program at `address`."""
        self.left = length
        self.place = u64(address)
        self.length = length

    def over_vectors(self, vectors: UserAddr, entries: u64, total: u64) -> None:
        """The places that the array at `vectors` names, which hold `total` bytes together."""
        self.left = total
        self.vectors = u64(vectors)
        self.entries = entries

    def over_kernel(self, memory: Slice[u8]) -> None:
        """Memory of the kernel: to be written to only if the caller may."""
        self.left = u64(len(memory))
        self.place = address_of(memory)
        self.length = self.left
        self.is_kernel = True

    @hot
    def take(self, destination: MutableSlice[u8]) -> Fallible[None]:
        """Copy the next len(destination) bytes, which are left, into memory of the kernel. EFAULT."""
        done: u64 = 0
        while done < len(destination):
            step = self.next_step(u64(len(destination)) - done)
            part = destination[done : done + step]
            if self.is_kernel:
                copy(part, slice_at(u8, self.place, step))
            else:
                user.copy_in(part, UserSlice(UserAddr(self.place), step))
            self.advance(step)
            done += step

    @hot
    def give(self, source: Slice[u8]) -> Fallible[None]:
        """Copy len(source) bytes of the kernel to where the next bytes belong. EFAULT."""
        done: u64 = 0
        while done < len(source):
            step = self.next_step(u64(len(source)) - done)
            part = source[done : done + step]
            if self.is_kernel:
                copy(slice_at(u8, self.place, step), part)
            else:
                user.copy_out(UserSlice(UserAddr(self.place), step), part)
            self.advance(step)
            done += step

    def next_step(self, wanted: u64) -> Fallible[u64]:
        """How many of `wanted` bytes are in one place, which `place` then is. EFAULT where the array has changed."""
        while self.length == 0:
            if self.entries == 0:
                raise EFAULT
            self.place = user.get(u64, UserAddr(self.vectors))
            self.length = min(user.get(u64, UserAddr(self.vectors + 8)), self.left)
            self.vectors += VECTOR_SIZE
            self.entries -= 1
        return min(wanted, self.length)

    @hot
    def advance(self, step: u64) -> None:
        """`step` bytes were moved."""
        self.left -= step
        self.length -= step
        self.place += step
