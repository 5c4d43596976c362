"""The memory devices: /dev/null, /dev/zero, /dev/full and /dev/random (null(4), full(4), random(4))."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    comptime,
    fill,
    i64,
    inline,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import ENOSPC, ENOTTY
from kernel.devices.random import fill_random
from kernel.files.attributes import Attributes, Kind
from kernel.files.file import ALWAYS_READY, Events, FileOps
from kernel.memory import user

RANDOM_DEVICE: u64 = 0x108
"""/dev/random, for which one had to wait once."""


GET_ENTROPY_COUNT: u32 = 0x8004_5200
"""RNDGETENTCNT (random(4))."""
ENTROPY_BITS: u32 = 256
"""What Linux tells since the pool is a hash: all that it can hold."""


@struct
class MemoryDevice(FileOps):
    """A device without state: what reading gives and whether writing succeeds is all that differs."""

    described: Attributes = inline()
    is_empty: bool = False
    """Reading is at the end of the file at once."""
    is_random: bool = False
    """Reading gives random bytes, otherwise zeros."""
    is_full: bool = False
    """Writing fails with ENOSPC."""

    def read(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        if self.is_empty:
            return 0
        if self.is_random:
            fill_random(destination)
        else:
            fill(destination, 0)
        return u64(len(destination))

    def write(self, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
        if self.is_full:
            raise ENOSPC
        return u64(len(source))

    def attributes(self) -> Attributes:
        return self.described

    def is_seekable(self) -> bool:
        return True

    def readiness(self) -> Events:
        return ALWAYS_READY

    def is_pollable(self) -> bool:
        return self.described.device == RANDOM_DEVICE

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        if not self.is_random or request != GET_ENTROPY_COUNT:
            raise ENOTTY
        user.put(u32, argument, ENTROPY_BITS)
        return 0

    def closed(self) -> None:
        """There is no state."""

    def revoked(self) -> None:
        """Nobody waits in it for long."""


@comptime
def make_device(device: int) -> MemoryDevice:
    """A device with the number that Linux gives it (admin-guide/devices.txt)."""
    made = MemoryDevice()
    made.described.kind = Kind.CHARACTER
    made.described.permissions = 0o666
    made.described.links = 1
    made.described.device = device
    return made


@comptime
def make_null() -> MemoryDevice:
    """/dev/null: empty to read, takes everything."""
    made = make_device(0x103)
    made.is_empty = True
    return made


@comptime
def make_full() -> MemoryDevice:
    """/dev/full: zeros to read, never has room."""
    made = make_device(0x107)
    made.is_full = True
    return made


@comptime
def make_random(device: int) -> MemoryDevice:
    """/dev/random and /dev/urandom: random bytes to read, takes everything."""
    made = make_device(device)
    made.is_random = True
    return made


NULL = make_null()
ZERO = make_device(0x105)
FULL = make_full()
RANDOM = make_random(RANDOM_DEVICE)
URANDOM = make_random(0x109)
