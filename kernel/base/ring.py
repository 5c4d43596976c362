"""ByteRing: bytes that wait between one that produces them and one that consumes them, in order.

The storage is the caller's (a page of an account's heap, an array of a driver), so that one class serves a
pipe, a terminal and a serial line. No lock of its own. Invariant: `used <= len(storage)`.
"""

from __future__ import annotations

from codegen.lang import MutableSlice, Slice, copy, struct, u8, u64, uninitialised


@struct
class ByteRing:
    """A first-in, first-out queue of bytes in fixed storage."""

    storage: MutableSlice[u8] = uninitialised()
    start: u64 = 0
    used: u64 = 0

    @property
    def free(self) -> u64:
        """How many bytes can be put now."""
        return len(self.storage) - self.used

    def put(self, source: Slice[u8]) -> u64:
        """Append as much of `source` as there is room for; returns how many bytes that was."""
        amount = min(u64(len(source)), self.free)
        end = (self.start + self.used) % len(self.storage)
        until_wrap = min(amount, len(self.storage) - end)
        copy(self.storage[end : end + until_wrap], source[:until_wrap])
        copy(self.storage[: amount - until_wrap], source[until_wrap:amount])
        self.used += amount
        return amount

    def take(self, destination: MutableSlice[u8]) -> u64:
        """Move the oldest bytes to `destination`; returns how many there were, at most its length."""
        amount = min(u64(len(destination)), self.used)
        until_wrap = min(amount, len(self.storage) - self.start)
        copy(destination[:until_wrap], self.storage[self.start : self.start + until_wrap])
        copy(destination[until_wrap:amount], self.storage[: amount - until_wrap])
        self.start = (self.start + amount) % len(self.storage)
        self.used -= amount
        return amount

    def clear(self) -> None:
        """Forget every byte."""
        self.start = 0
        self.used = 0
