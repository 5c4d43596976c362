"""Vectors: an array of `struct iovec` of a program (readv(2)), and how far a transfer to or from its parts has come.

Interface: `begin`, then `put` or `take` until `left` is 0. Parts are looked up when their turn comes; a program that
changes the array meanwhile gets what it deserves, but never more than the bytes that were counted at first.
"""

from __future__ import annotations

from codegen.lang import Fallible, MutableSlice, Slice, UserAddr, UserSlice, struct, u8, u64
from kernel.base.errno import EFAULT, EINVAL
from kernel.memory import user

VECTORS_MAX: u64 = 1024
"""IOV_MAX (readv(2))."""
ENTRY: u64 = 16
"""The size of a `struct iovec`: an address and a length."""
COUNT_MAX: u64 = 0x7FFF_F000
"""MAX_RW_COUNT: what one read or write transfers at most (read(2), notes)."""
LENGTH_MAX: u64 = 0x7FFF_FFFF_FFFF_FFFF


@struct
class Vectors:
    """The parts, and a place in them."""

    address: UserAddr = UserAddr(0)
    count: u64 = 0
    index: u64 = 0
    part: UserAddr = UserAddr(0)
    part_left: u64 = 0
    left: u64 = 0
    """How many bytes are still to be transferred."""

    def begin(self, address: UserAddr, count: u64) -> Fallible[None]:
        """Stand at the first byte. EINVAL for too many parts or a length that is none; EFAULT."""
        if count > VECTORS_MAX:
            raise EINVAL
        self.address = address
        self.count = count
        outside = False
        for index in range(count):
            part = self.entry(index)
            if part.length > LENGTH_MAX:
                raise EINVAL
            try:
                user.check_range(part.address, part.length)
            except EFAULT:
                outside = True
            self.left += min(part.length, COUNT_MAX - self.left)
        if outside:
            raise EFAULT

    def begin_one(self, part: UserSlice) -> None:
        """Stand at the first byte of `part`, which is all that there is."""
        self.part = part.address
        self.part_left = part.length
        self.left = part.length

    def entry(self, index: u64) -> Fallible[UserSlice]:
        """Part `index`. EFAULT."""
        place = UserAddr(self.address + index * ENTRY) if u64(self.address) < ADDRESS_MAX else self.address
        base = user.get(u64, place)
        return UserSlice(UserAddr(base), user.get(u64, UserAddr(place + 8)))

    def settle(self) -> Fallible[None]:
        """Stand in a part that is not empty. EFAULT if there is none."""
        while self.part_left == 0:
            if self.index == self.count:
                raise EFAULT
            part = self.entry(self.index)
            self.part = part.address
            self.part_left = part.length
            self.index += 1

    def move(self, amount: u64) -> None:
        """So many bytes of a part are transferred."""
        self.part = UserAddr(self.part + amount)
        self.part_left -= amount
        self.left -= amount

    def put(self, source: Slice[u8]) -> Fallible[u64]:
        """Write `source`, which is not longer than what is left; returns how much went. EFAULT if nothing did."""
        done: u64 = 0
        while done < len(source):
            try:
                self.settle()
                amount = min(len(source) - done, self.part_left)
                user.copy_out(UserSlice(self.part, amount), source[done : done + amount])
            except EFAULT:
                if done == 0:
                    raise
                return done
            self.move(amount)
            done += amount
        return done

    def take(self, destination: MutableSlice[u8]) -> Fallible[None]:
        """Fill `destination`, which is not longer than what is left. EFAULT, and nothing counts as transferred."""
        index, part, part_left, left = self.index, self.part, self.part_left, self.left
        try:
            done: u64 = 0
            while done < len(destination):
                self.settle()
                amount = min(len(destination) - done, self.part_left)
                user.copy_in(destination[done : done + amount], UserSlice(self.part, amount))
                self.move(amount)
                done += amount
        except EFAULT:
            self.index, self.part, self.part_left, self.left = index, part, part_left, left
            raise


ADDRESS_MAX: u64 = 0x0000_8000_0000_0000
"""Beyond all addresses of programs: the entries of an array that begins there are not to be had."""
