"""Buffer: the bytes that a transfer goes to or comes from, a program's in one or several places, or the kernel's.

Interface: `over_user` `over_vectors` `over_kernel` prepare one; `give` `take` `clear` move the next bytes of it, and
may sleep. Code that looks at a page which a sleep would let go uses `settle`, then `give_now` or `take_now`, and
`fault_in` when these moved nothing.

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
    fill,
    inline,
    load,
    local_array,
    noinline,
    slice_at,
    store,
    struct,
    u8,
    u64,
)
from kernel.base.errno import EFAULT, EINVAL
from kernel.machine.layout import USER_END
from kernel.memory import user

VECTORS_MAX: u64 = 1024
"""IOV_MAX (readv(2))."""
VECTOR_SIZE: u64 = 16
"""The size of a `struct iovec`: an address and a length."""
COUNT_MAX: u64 = 0x7FFF_F000
"""MAX_RW_COUNT: what one read or write transfers at most (read(2), notes)."""
LENGTH_MAX: u64 = 0x7FFF_FFFF_FFFF_FFFF


def vector_at(vectors: UserAddr, index: u64) -> Fallible[UserSlice]:
    """Entry `index`, below VECTORS_MAX, of an array of `struct iovec` (readv(2)). EFAULT."""
    if u64(vectors) >= USER_END:
        raise EFAULT
    entry = vectors + index * VECTOR_SIZE
    return UserSlice(UserAddr(user.get(u64, UserAddr(entry))), user.get(u64, UserAddr(entry + 8)))


@struct
class Buffer:
    """Where the next bytes are, and how many there are in all."""

    left: u64 = 0
    place: u64 = 0
    """The address of the next byte, of a program or of the kernel."""
    length: u64 = 0
    """How many bytes there are at `place`."""
    vectors: UserAddr = UserAddr(0)
    """Where a program says what comes after that, `entries` times."""
    entries: u64 = 0
    is_kernel: bool = False
    is_packet: bool = False
    """What is written to a pipe stays apart from all else (O_DIRECT of pipe(2))."""

    # What it is over.

    @inline
    def over_user(self, part: UserSlice) -> None:
        """The memory `part` of the running program."""
        self.left = part.length
        self.place = u64(part.address)
        self.length = part.length

    def over_vectors(self, vectors: UserAddr, count: u64) -> Fallible[None]:
        """The places that an array of `count` vectors names, as far as COUNT_MAX bytes.

        EINVAL for too many or a length that is none; EFAULT, also for a place that cannot be a program's.
        """
        if count > VECTORS_MAX:
            raise EINVAL
        outside = False
        for index in range(count):
            part = vector_at(vectors, index)
            if part.length > LENGTH_MAX:
                raise EINVAL
            try:
                user.check_range(part.address, part.length)
            except EFAULT:
                outside = True
            self.left += min(part.length, COUNT_MAX - self.left)
        if outside:
            raise EFAULT
        self.vectors = vectors
        self.entries = count

    def over_kernel(self, memory: Slice[u8]) -> None:
        """Memory of the kernel: to be written to only if the caller may."""
        self.left = u64(len(memory))
        self.place = address_of(memory)
        self.length = self.left
        self.is_kernel = True

    @inline
    def limit(self, count: u64) -> None:
        """Transfer `count` bytes at most."""
        self.left = min(self.left, count)

    # Moving on.

    @inline
    def settle(self) -> Fallible[None]:
        """Have something at `place`. EFAULT where the array has changed, so that nothing is left."""
        if self.length == 0:
            self.begin_part()

    @noinline
    def begin_part(self) -> Fallible[None]:
        """`settle`, when nothing is left at `place`."""
        while self.length == 0:
            if self.entries == 0:
                raise EFAULT
            part = vector_at(self.vectors, 0)
            self.place = u64(part.address)
            self.length = part.length
            self.vectors = UserAddr(self.vectors + VECTOR_SIZE)
            self.entries -= 1

    @inline
    def reach(self, wanted: u64) -> u64:
        """How many of `wanted` bytes are at `place`."""
        return min(wanted, self.length, self.left)

    @inline
    def advance(self, step: u64) -> None:
        """`step` bytes were moved."""
        self.left -= step
        self.length -= step
        self.place += step

    # Out of the kernel.

    @inline
    def give(self, source: Slice[u8]) -> Fallible[u64]:
        """Copy of `source` what there is room for, up to what may not be written; how much. EFAULT for nothing."""
        if self.is_kernel or len(source) > self.reach(u64(len(source))):
            return self.give_parts(source)
        moved = user.copy_out_some(UserSlice(UserAddr(self.place), len(source)), source)
        self.advance(moved)
        return moved

    @noinline
    def give_parts(self, source: Slice[u8]) -> Fallible[u64]:
        """`give` to several places."""
        total = min(u64(len(source)), self.left)
        done: u64 = 0
        while done < total:
            try:
                self.settle()
                step = self.reach(total - done)
                part = source[done : done + step]
                if self.is_kernel:
                    copy(slice_at(u8, self.place, step), part)
                    moved = step
                else:
                    moved = user.copy_out_some(UserSlice(UserAddr(self.place), step), part)
            except EFAULT:
                if done == 0:
                    raise
                return done
            self.advance(moved)
            done += moved
        return done

    @inline
    def give_all(self, source: Slice[u8]) -> Fallible[None]:
        """Copy all of `source`, which there is room for. EFAULT when not all could be."""
        if self.give(source) < len(source):
            raise EFAULT

    def clear(self, count: u64) -> Fallible[u64]:
        """`give` of `count` zeros."""
        total = min(count, self.left)
        done: u64 = 0
        while done < total:
            try:
                self.settle()
                step = self.reach(total - done)
                if self.is_kernel:
                    fill(slice_at(u8, self.place, step), 0)
                    moved = step
                else:
                    moved = user.clear_out_some(UserSlice(UserAddr(self.place), step))
            except EFAULT:
                if done == 0:
                    raise
                return done
            self.advance(moved)
            done += moved
        return done

    @inline
    def give_now(self, source: Slice[u8]) -> Fallible[u64]:
        """Copy what of `source` fits at `place`, without sleeping; how much was copied."""
        step = self.reach(u64(len(source)))
        moved = step
        if self.is_kernel:
            copy(slice_at(u8, self.place, step), source[0:step])
        else:
            moved = user.copy_out_now(UserAddr(self.place), source[0:step])
        self.advance(moved)
        return moved

    # Into the kernel.

    @inline
    def take(self, destination: MutableSlice[u8]) -> Fallible[None]:
        """Fill `destination`, which is not longer than what is left. EFAULT: then nothing counts as transferred."""
        if self.is_kernel or len(destination) > self.length:
            self.take_parts(destination)
            return
        user.copy_in(destination, UserSlice(UserAddr(self.place), len(destination)))
        self.advance(len(destination))

    @noinline
    def take_parts(self, destination: MutableSlice[u8]) -> Fallible[None]:
        """`take` from several places."""
        left, place, length = self.left, self.place, self.length
        vectors, entries = self.vectors, self.entries
        done: u64 = 0
        while done < len(destination):
            try:
                self.settle()
                step = self.reach(u64(len(destination)) - done)
                part = destination[done : done + step]
                if self.is_kernel:
                    copy(part, slice_at(u8, self.place, step))
                else:
                    user.copy_in(part, UserSlice(UserAddr(self.place), step))
            except EFAULT:
                self.left, self.place, self.length = left, place, length
                self.vectors, self.entries = vectors, entries
                raise
            self.advance(step)
            done += step

    @inline
    def take_now(self, destination: MutableSlice[u8]) -> Fallible[u64]:
        """Copy what is at `place` to `destination`, without sleeping; how much was copied."""
        step = self.reach(u64(len(destination)))
        moved = step
        if self.is_kernel:
            copy(destination[0:step], slice_at(u8, self.place, step))
        else:
            moved = user.copy_in_now(destination[0:step], UserAddr(self.place))
        self.advance(moved)
        return moved

    def fault_in(self, for_writing: bool) -> Fallible[None]:
        """Have the page at `place` filled in: `give_now`, with `for_writing`, or `take_now` moved nothing. EFAULT."""
        user.fault_in(UserAddr(self.place), for_writing)


def give_word(buffer: Buffer, value: u64) -> Fallible[None]:
    """Give one integer of 8 bytes, which there is room for. EFAULT."""
    word = local_array(u8, 8)
    store(u64, word, 0, value)
    buffer.give_all(word)


def take_word(buffer: Buffer) -> Fallible[u64]:
    """Take one integer of 8 bytes, which there is. EFAULT."""
    word = local_array(u8, 8)
    buffer.take(word)
    return load(u64, word, 0)
