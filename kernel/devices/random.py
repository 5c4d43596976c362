"""Random bytes: ChaCha20 in its key-erasing form (RFC 8439; Bernstein, "Fast-key-erasure random-number
generators", 2017).

Small requests are served from a pool, whose bytes are erased when they are given out; a large one, and the filling of
the pool, makes a stream of blocks, before which one more is made that becomes the next key. So what was given out
cannot be computed from the state afterwards. The key begins with whatever differs between machines and runs: time
stamps and the date.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    MutableSlice,
    address_of,
    array,
    copy,
    fill,
    inline,
    local_array,
    struct,
    truncate,
    u8,
    u32,
    u64,
    view,
)
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.base.tree import QUEUE_PRIORITIES
from kernel.machine.clock import wall_time
from kernel.machine.instructions import read_time_stamp
from kernel.machine.stubs import chacha_blocks

BLOCK: u64 = 64
STATE_WORDS: u64 = 16
CONSTANTS = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
"""The first words of the state: "expand 32-byte k" in ASCII (RFC 8439, section 2.3)."""
KEY: u64 = 4
KEY_END: u64 = 12
COUNTER: u64 = 12
POOL: u64 = 512
"""Requests of at most so many bytes are served from the pool."""


@struct
class Generator:
    """The state of the generator. Under `lock`."""

    lock: SpinLock = inline(SpinLock(LockRank.RANDOM))
    state: Array[u32] = array(STATE_WORDS)
    pool: Array[u8] = array(POOL)
    left: u64 = 0
    """How many bytes at the end of the pool were not given out yet."""

    def __init__(self) -> None:
        for place, word in enumerate(CONSTANTS):
            self.state[place] = word

    def stir(self, value: u64) -> None:
        """Mix a value that an outsider may not know into the key."""
        with self.lock:
            self.state[KEY] ^= truncate(u32, value)
            self.state[KEY + 1] ^= truncate(u32, value >> 32)
            self.make_stream(self.pool[0:0])

    def fill(self, destination: MutableSlice[u8]) -> None:
        """Fill `destination` with random bytes. A large one is made in one go: who wants much asks in steps."""
        length = u64(len(destination))
        with self.lock:
            if length > POOL:
                self.make_stream(destination)
                return
            if length > self.left:
                self.make_stream(self.pool[:])
                self.left = POOL
            start = POOL - self.left
            copy(destination, self.pool[start : start + length])
            fill(self.pool[start : start + length], 0)
            self.left -= length

    def lacks(self, length: u64) -> bool:
        """Whether a request of `length` bytes uses the key."""
        with self.lock:
            return length > self.left

    def make_stream(self, destination: MutableSlice[u8]) -> None:
        """Fill `destination` with blocks, and replace the key by the one before them. The lock is held."""
        following = local_array(u8, BLOCK)
        last = local_array(u8, BLOCK)
        self.state[COUNTER] = 0
        make_blocks(self.state[:], following)
        whole = u64(len(destination)) // BLOCK * BLOCK
        if whole > 0:
            make_blocks(self.state[:], destination[0:whole])
        rest = u64(len(destination)) - whole
        if rest > 0:
            make_blocks(self.state[:], last)
            copy(destination[whole : whole + rest], last[0:rest])
            fill(last, 0)
        copy(self.state[KEY:KEY_END], view(u32, following)[0 : KEY_END - KEY])
        fill(following, 0)


def make_blocks(state: MutableSlice[u32], destination: MutableSlice[u8]) -> None:
    """Fill `destination`, whose length is that of some blocks, and count them in `state`."""
    chacha_blocks(address_of(state), address_of(destination), u64(len(destination)) // BLOCK)


GENERATOR = Generator()


def initialise() -> None:
    """Seed the generator from the time stamps and the date, and the priorities of queues."""
    for _ in range(8):
        GENERATOR.stir(read_time_stamp())
    GENERATOR.stir(u64(wall_time()))
    QUEUE_PRIORITIES.stir(read_time_stamp())


def fill_random(destination: MutableSlice[u8]) -> None:
    """Fill `destination` with random bytes. Where the key is used, it takes in the time of the request first."""
    if GENERATOR.lacks(u64(len(destination))):
        GENERATOR.stir(read_time_stamp())
    GENERATOR.fill(destination)
