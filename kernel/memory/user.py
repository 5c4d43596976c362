"""User access: the only way from a program's addresses to its memory.

Interface: `copy_in` `copy_out` `clear_out` `copy_in_string` `get` `put` `compare_exchange`. All work on the active
address space, may fault pages in, and raise EFAULT for what the program may not touch: nothing that a program passes
can hurt. A fault takes the lock of the address space and may wait for a page, so they are marked as sleeping.

`copy_in_now` and `copy_out_now` copy what is there, for callers that look at what a sleep would let go; between them
`fault_in` has the next page filled in.
"""

from __future__ import annotations

from typing import TypeVar

from codegen.lang import (
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    UserSlice,
    address_of,
    align_down,
    hot,
    inline,
    load,
    local_array,
    size_of,
    sleeps,
    store,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EFAULT, ENAMETOOLONG
from kernel.machine.layout import USER_END
from kernel.machine.stubs import (
    STRING_FAULT,
    clear_user,
    compare_exchange_user,
    copy_user,
    copy_user_now,
    copy_user_string,
)

N = TypeVar("N", bound=int)
WORD: u64 = 4


@inline
def check_range(address: UserAddr, length: u64) -> Fallible[None]:
    """EFAULT unless all of a range is below the end of the user half."""
    if length > USER_END or u64(address) > USER_END - length:
        raise EFAULT


@sleeps
@hot
def copy_in(destination: MutableSlice[u8], source: UserSlice) -> Fallible[None]:
    """Fill `destination` from a program's memory; the lengths are equal. EFAULT."""
    assert len(destination) == source.length, "lengths differ"
    check_range(source.address, source.length)
    if copy_user(address_of(destination), u64(source.address), source.length) != 0:
        raise EFAULT


@sleeps
@hot
def copy_out(destination: UserSlice, source: Slice[u8]) -> Fallible[None]:
    """Copy all of `source` to a program's memory; the lengths are equal. EFAULT."""
    assert len(source) == destination.length, "lengths differ"
    check_range(destination.address, destination.length)
    if copy_user(u64(destination.address), address_of(source), destination.length) != 0:
        raise EFAULT


@sleeps
def clear_out(destination: UserSlice) -> Fallible[None]:
    """Zero a range of a program's memory. EFAULT."""
    check_range(destination.address, destination.length)
    if clear_user(u64(destination.address), destination.length) != 0:
        raise EFAULT


# As much as can be had: how many bytes that is. EFAULT for none.


@sleeps
@inline
def copy_out_some(destination: UserSlice, source: Slice[u8]) -> Fallible[u64]:
    """`copy_out` up to what may not be written."""
    check_range(destination.address, destination.length)
    left = copy_user(u64(destination.address), address_of(source), destination.length)
    if left == destination.length and left > 0:
        raise EFAULT
    return destination.length - left


@sleeps
@hot
def clear_out_some(destination: UserSlice) -> Fallible[u64]:
    """`clear_out` up to what may not be written."""
    check_range(destination.address, destination.length)
    left = clear_user(u64(destination.address), destination.length)
    if left == destination.length and left > 0:
        raise EFAULT
    return destination.length - left


# Without sleeping: how many bytes could be copied at once, 0 where the page has to be filled in first. EFAULT.


@inline
def copy_in_now(destination: MutableSlice[u8], source: UserAddr) -> Fallible[u64]:
    """Fill `destination` from a program's memory."""
    length = u64(len(destination))
    check_range(source, length)
    return length - copy_user_now(address_of(destination), u64(source), length)


@inline
def copy_out_now(destination: UserAddr, source: Slice[u8]) -> Fallible[u64]:
    """Copy `source` to a program's memory."""
    length = u64(len(source))
    check_range(destination, length)
    return length - copy_user_now(u64(destination), address_of(source), length)


@sleeps
def fault_in(address: UserAddr, for_writing: bool) -> Fallible[None]:
    """Have the page at `address` filled in, so that it can be read, or written, now. EFAULT.

    A word of the page is written as it was, which no other thread can tell from its not being written.
    """
    word = UserAddr(align_down(u64(address), WORD))
    if for_writing:
        compare_exchange(word, 0, 0)
    else:
        get(u8, address)


@sleeps
def copy_in_string(destination: MutableSlice[u8], source: UserAddr) -> Fallible[u64]:
    """Copy a NUL-terminated string; returns its length without the NUL.

    EFAULT; ENAMETOOLONG when there is no NUL within the length of `destination`.
    """
    if u64(source) >= USER_END:
        raise EFAULT
    longest = min(u64(len(destination)), USER_END - source)
    length = copy_user_string(address_of(destination), u64(source), longest)
    if length == STRING_FAULT:
        raise EFAULT
    if length < 0:
        raise ENAMETOOLONG
    return u64(length)


@hot
def get(kind: type[N], source: UserAddr) -> Fallible[N]:
    """One integer out of a program's memory. EFAULT."""
    buffer = local_array(u8, 8)
    copy_in(buffer[0 : size_of(kind)], UserSlice(source, size_of(kind)))
    return load(kind, buffer, 0)


def put(kind: type[N], destination: UserAddr, value: N) -> Fallible[None]:
    """One integer into a program's memory. EFAULT."""
    buffer = local_array(u8, 8)
    store(kind, buffer, 0, value)
    copy_out(UserSlice(destination, size_of(kind)), buffer[0 : size_of(kind)])


@sleeps
def compare_exchange(address: UserAddr, expected: u32, new: u32) -> Fallible[u32]:
    """Write `new` to the word at `address` if it is `expected`; returns what it was. EFAULT unless it may be written.

    Atomic, also towards what programs do on other processors meanwhile.
    """
    check_range(address, 4)
    found = compare_exchange_user(u64(address), expected, new)
    if found < 0:
        raise EFAULT
    return u32(found)
