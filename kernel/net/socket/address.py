"""SocketAddress: an address as programs give and get it (struct sockaddr_storage of socket(7))."""

from __future__ import annotations

from codegen.lang import (
    Array,
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    UserSlice,
    array,
    copy,
    i32,
    load,
    store,
    struct,
    u8,
    u16,
    u32,
    u64,
)
from kernel.base.errno import EFAULT, EINVAL
from kernel.memory import user

ADDRESS_MAX: u64 = 128
"""The size of a sockaddr_storage: no address is longer."""
FAMILY_SIZE: u64 = 2


@struct
class SocketAddress:
    """The first `length` bytes of an address: the family, and what it defines; 0: none was given."""

    length: u64 = 0
    content: Array[u8] = array(ADDRESS_MAX)

    @property
    def family(self) -> u32:
        """AF_* (socket(2)); AF_UNSPEC where there is none."""
        return u32(load(u16, self.content[:], 0))

    @property
    def data(self) -> MutableSlice[u8]:
        """What follows the family."""
        return self.content[FAMILY_SIZE : max(self.length, FAMILY_SIZE)]

    def set(self, family: u32, data: Slice[u8]) -> None:
        """Be the address of `family` with these data."""
        store(u16, self.content[:], 0, u16(family))
        self.length = FAMILY_SIZE + u64(len(data))
        copy(self.content[FAMILY_SIZE : self.length], data)

    def copy_in(self, address: UserAddr, length: i32) -> Fallible[None]:
        """Take an address from a program. EINVAL for a length that no address has, EFAULT."""
        if length < 0 or u64(length) > ADDRESS_MAX:
            raise EINVAL
        self.length = u64(length)
        if length > 0:
            user.copy_in(self.content[0 : self.length], UserSlice(address, self.length))

    def copy_out(self, address: UserAddr, length: UserAddr) -> Fallible[None]:
        """Give it to a program, as much as fits; at `length` is how much does, and afterwards how long it is.

        EINVAL for a negative length, EFAULT (accept(2), getsockname(2)).
        """
        room = user.get(i32, length)
        if room < 0:
            raise EINVAL
        part = min(u64(room), self.length)
        if part > 0:
            if u64(address) == 0:
                raise EFAULT
            user.copy_out(UserSlice(address, part), self.content[0:part])
        user.put(u32, length, u32(self.length))
