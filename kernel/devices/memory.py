"""The memory devices: /dev/null, /dev/zero, /dev/full and /dev/random (null(4), full(4), random(4))."""

from __future__ import annotations

from codegen.lang import (
    Errno,
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    comptime,
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
from kernel.files.operations import ALWAYS_READY, Events, FileOps
from kernel.files.pieces import may_read_on, read_in_pieces, write_in_pieces
from kernel.memory import user
from kernel.memory.buffer import Buffer

STEP: u64 = 65_536
"""How many zeros are given at once."""
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

    def read(self, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
        if self.is_empty:
            return 0
        if self.is_random:
            return read_in_pieces(self, offset, buffer, wait)
        return self.read_zeros(buffer)

    def read_piece(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        fill_random(destination)
        return u64(len(destination))

    def read_zeros(self, buffer: Buffer) -> Fallible[u64]:
        """Give zeros, in steps between which others run; a signal ends it after the first."""
        done = buffer.clear(STEP)
        while buffer.left > 0:
            try:
                if not may_read_on(self):
                    break
                done += buffer.clear(STEP)
            except Errno:
                break
        return done

    def write(self, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
        """What is written is not looked at, as on Linux; but that of the random devices is, which would mix it in."""
        if self.is_full:
            raise ENOSPC
        if self.is_random:
            return write_in_pieces(self, offset, buffer, wait)
        return buffer.left

    def write_piece(self, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
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
