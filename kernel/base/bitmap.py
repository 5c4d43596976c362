"""Bitmap: a fixed set of small numbers, one bit each, and the search for one that is free."""

from __future__ import annotations

from codegen.lang import MutableSlice, count_trailing_zeros, invert, u64

BITS_PER_WORD: u64 = 64
FULL: u64 = 0xFFFF_FFFF_FFFF_FFFF


def set_bit(words: MutableSlice[u64], number: u64) -> None:
    """Set bit `number`."""
    words[number // BITS_PER_WORD] |= u64(1) << number % BITS_PER_WORD


def clear_bit(words: MutableSlice[u64], number: u64) -> None:
    """Clear bit `number`."""
    words[number // BITS_PER_WORD] &= invert(u64, u64(1) << number % BITS_PER_WORD)


def find_clear(words: MutableSlice[u64], start: u64) -> u64:
    """The lowest clear bit not below `start`; the number of bits when all of those are set."""
    count = len(words)
    index = start // BITS_PER_WORD
    if index >= count:
        return count * BITS_PER_WORD
    below_start = (u64(1) << start % BITS_PER_WORD) - 1
    word = words[index] | below_start
    while word == FULL:
        index += 1
        if index == count:
            return count * BITS_PER_WORD
        word = words[index]
    return index * BITS_PER_WORD + u64(count_trailing_zeros(u64, invert(u64, word)))
