"""Random bytes: ChaCha20 in its key-erasing form (RFC 8439; Bernstein, "Fast-key-erasure random-number
generators", 2017).

Small requests are served from a pool, whose bytes are erased when they are given out; a large one, and the filling of
the pool, makes a stream of blocks, of which the first 32 bytes become the next key. So what was given out cannot be
computed from the state afterwards. The key begins with whatever differs between machines and runs: time stamps and
the date.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    MutableSlice,
    array,
    copy,
    fill,
    inline,
    local_array,
    store,
    struct,
    truncate,
    u8,
    u32,
    u64,
    wrapping_add,
    wrapping_shl,
)
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.base.tree import QUEUE_PRIORITIES
from kernel.machine.clock import wall_time
from kernel.machine.instructions import read_time_stamp

BLOCK: u64 = 64
KEY_WORDS = 8
POOL: u64 = 512
"""Requests of at most so many bytes are served from the pool."""


@struct
class Generator:
    """The state of the generator. Under `lock`."""

    lock: SpinLock = inline(SpinLock(LockRank.RANDOM))
    key: Array[u32] = array(KEY_WORDS)
    counter: u32 = 0
    pool: Array[u8] = array(POOL)
    left: u64 = 0
    """How many bytes at the end of the pool were not given out yet."""

    def stir(self, value: u64) -> None:
        """Mix a value that an outsider may not know into the key."""
        with self.lock:
            self.key[0] ^= truncate(u32, value)
            self.key[1] ^= truncate(u32, value >> 32)
            self.replace_key()

    def replace_key(self) -> None:
        """Take the key of the next request from a block of its own. The lock is held."""
        block = local_array(u32, 16)
        self.make_block(block)
        copy(self.key[:], block[0:KEY_WORDS])
        self.counter = 0

    def make_block(self, block: MutableSlice[u32]) -> None:
        """The next 64 bytes of the stream, as words (RFC 8439, section 2.3.1)."""
        start = local_array(u32, 16)
        copy(start[4:12], self.key[:])
        # "expand 32-byte k" in ASCII (RFC 8439, section 2.3).
        start[0] = 0x61707865
        start[1] = 0x3320646E
        start[2] = 0x79622D32
        start[3] = 0x6B206574
        start[12] = self.counter
        self.counter += 1
        copy(block, start)
        for _ in range(10):
            double_round(block)
        for index in range(16):
            block[index] = wrapping_add(u32, block[index], start[index])

    def fill(self, destination: MutableSlice[u8]) -> None:
        """Fill `destination` with random bytes."""
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
        """Fill `destination` with blocks, and take a new key. The lock is held."""
        block = local_array(u32, 16)
        content = local_array(u8, BLOCK)
        done: u64 = 0
        self.counter = 1
        while done < len(destination):
            self.make_block(block)
            for index in range(16):
                store(u32, content, index * 4, block[index])
            step = min(BLOCK, len(destination) - done)
            copy(destination[done : done + step], content[0:step])
            done += step
        self.replace_key()


def rotate_left(value: u32, count: u32) -> u32:
    """The bits of `value` moved `count` places up and around."""
    return wrapping_shl(u32, value, count) | (value >> (32 - count))


def quarter_round(state: MutableSlice[u32], a: u64, b: u64, c: u64, d: u64) -> None:
    """RFC 8439, section 2.1."""
    state[a] = wrapping_add(u32, state[a], state[b])
    state[d] = rotate_left(state[d] ^ state[a], 16)
    state[c] = wrapping_add(u32, state[c], state[d])
    state[b] = rotate_left(state[b] ^ state[c], 12)
    state[a] = wrapping_add(u32, state[a], state[b])
    state[d] = rotate_left(state[d] ^ state[a], 8)
    state[c] = wrapping_add(u32, state[c], state[d])
    state[b] = rotate_left(state[b] ^ state[c], 7)


def double_round(state: MutableSlice[u32]) -> None:
    """The columns, then the diagonals (RFC 8439, section 2.3)."""
    quarter_round(state, 0, 4, 8, 12)
    quarter_round(state, 1, 5, 9, 13)
    quarter_round(state, 2, 6, 10, 14)
    quarter_round(state, 3, 7, 11, 15)
    quarter_round(state, 0, 5, 10, 15)
    quarter_round(state, 1, 6, 11, 12)
    quarter_round(state, 2, 7, 8, 13)
    quarter_round(state, 3, 4, 9, 14)


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
