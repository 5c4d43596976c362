"""Random system calls: `fuzz`, with a seed, a number of rounds and the most calls of one as standard input (words).

Each round is a child, so that it may unmap itself, wait for ever or be killed. Its arguments are random, or at the
edges of what has a meaning. The parent prints how many calls each round made: a word each.
"""

from __future__ import annotations

from codegen.lang import (
    Fd,
    address_of,
    export,
    i64,
    slice_at,
    static_array,
    struct,
    u8,
    u64,
    wrapping_mul,
    wrapping_shl,
)
from user.lib.system import exit_group, read_all, system_call, write_all

MMAP: u64 = 9
NANOSLEEP: u64 = 35
FORK: u64 = 57
WAIT4: u64 = 61
KILL: u64 = 62
CLOSE: u64 = 3

READ_WRITE: u64 = 3
SHARED_ANONYMOUS: u64 = 0x21
NO_FILE: u64 = (1 << 64) - 1
NO_HANG: u64 = 1
SIGKILL: u64 = 9
PAGE: u64 = 4096
PATIENCE: u64 = 40
"""Looks at a child, a millisecond apart, before it is killed."""

LINUX_CALLS: u64 = 335
FIRST_OWN: u64 = 1000
OWN_CALLS: u64 = 8
LATER_FIRST: u64 = 424
LATER_CALLS: u64 = 30
"""Where numbers have a meaning (arch/x86/entry/syscalls/syscall_64.tbl), and those of containers."""

EDGES: tuple[u64, ...] = (
    0, 1, 2, 3, 7, 8, 9, 16, 17, 64, 127, 128, 255, 256, 1023, 1024, 4095, 4096, 4097, 65535, 65536,
    0x1F_FFFF, 0x20_0000, 0x3FFF_FFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000,
    0x7FFF_FFFF_E000, 0x7FFF_FFFF_EFFF, 0x7FFF_FFFF_F000, 0x7FFF_FFFF_FFFF, 0x8000_0000_0000,
    0xFFFF_7FFF_FFFF_FFFF, 0xFFFF_8000_0000_0000, 0xFFFF_FFFF_8000_0000, 0xFFFF_FFFF_FFFF_F000,
    0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FF9C, 0xFFFF_FFFF_FFFF_FFFE, 0xFFFF_FFFF_FFFF_FFFF,
)  # fmt: skip
EDGE_COUNT: u64 = len(EDGES)
PATHS = (
    b"/\0", b".\0", b"..\0", b"/tmp/a\0", b"/tmp/b\0", b"/tmp/a/b\0", b"/dev/null\0", b"/dev/tty\0", b"/dev/zero\0",
    b"/proc/self/maps\0", b"/bin/fuzz\0", b"\0",
)  # fmt: skip

INPUT = Fd(0)
OUTPUT = Fd(1)
SETTINGS = static_array(u64, 3)
DATA = static_array(u8, 16384)
MOMENT = static_array(u64, 2)


@struct
class Dice:
    """A xorshift64* generator (Marsaglia, Xorshift RNGs, 2003; Vigna 2016)."""

    state: u64 = 1

    def throw(self) -> u64:
        """Any number."""
        value = self.state
        value ^= value >> 12
        value ^= wrapping_shl(u64, value, 25)
        value ^= value >> 27
        self.state = value
        return wrapping_mul(u64, value, 0x2545_F491_4F6C_DD1D)

    def below(self, end: u64) -> u64:
        """A number from 0 up to `end`."""
        return self.throw() % end


DICE = Dice()


def write_paths() -> None:
    """Put a path at the start of every 64 bytes of the data."""
    place: u64 = 0
    for path in PATHS:
        for index in range(len(path)):
            DATA[place + index] = path[index]
        place += 64


def pointer() -> u64:
    """An address of the data: of a path, of anything, or near the end of a page."""
    start = address_of(DATA)
    kind = DICE.below(3)
    if kind == 0:
        return start + DICE.below(12) * 64
    if kind == 1:
        return start + DICE.below(16384)
    return start + PAGE - DICE.below(16)


def argument() -> u64:
    """An argument of any kind."""
    kind = DICE.below(8)
    if kind < 2:
        return DICE.below(12)
    if kind == 2:
        return EDGES[DICE.below(EDGE_COUNT)]
    if kind < 6:
        return pointer()
    if kind == 6:
        return 1 << DICE.below(64)
    return DICE.throw()


def number() -> u64:
    """The number of a call."""
    kind = DICE.below(16)
    if kind == 0:
        return FIRST_OWN + DICE.below(OWN_CALLS)
    if kind == 1:
        return LATER_FIRST + DICE.below(LATER_CALLS)
    if kind == 2:
        return argument()
    return DICE.below(LINUX_CALLS)


def scribble() -> None:
    """Change a word of the data behind the paths, so that structs hold something."""
    slice_at(u64, address_of(DATA) + 1024 + DICE.below(1900) * 8, 1)[0] = argument()


def play(seed: u64, calls: u64, made: u64) -> None:
    """One round: random calls, counted at address `made`."""
    system_call(CLOSE, 1, 0, 0, 0, 0, 0)
    DICE.state = seed
    write_paths()
    for count in range(calls):
        for _ in range(4):
            scribble()
        slice_at(u64, made, 1)[0] = count + 1
        system_call(number(), argument(), argument(), argument(), argument(), argument(), argument())


def wait_for(child: u64) -> None:
    """Wait for the end of a child, and see to it."""
    for _ in range(PATIENCE):
        if system_call(WAIT4, child, 0, NO_HANG, 0, 0, 0) != 0:
            return
        MOMENT[0] = 0
        MOMENT[1] = 1_000_000
        system_call(NANOSLEEP, address_of(MOMENT), 0, 0, 0, 0, 0)
    system_call(KILL, child, SIGKILL, 0, 0, 0, 0)
    system_call(WAIT4, child, 0, 0, 0, 0, 0)


def next_seed(seed: u64) -> u64:
    """The seed of the next round; never 0."""
    DICE.state = seed
    return DICE.throw() | 1


@export
def user_main(stack: u64) -> None:
    """Play the rounds."""
    if not read_all(INPUT, slice_at(u8, address_of(SETTINGS), 24)):
        exit_group(1)
    made = u64(system_call(MMAP, 0, PAGE, READ_WRITE, SHARED_ANONYMOUS, NO_FILE, 0))
    seed = SETTINGS[0] | 1
    for _ in range(SETTINGS[1]):
        slice_at(u64, made, 1)[0] = 0
        child: i64 = system_call(FORK, 0, 0, 0, 0, 0, 0)
        if child == 0:
            play(seed, SETTINGS[2], made)
            exit_group(0)
        if child > 0:
            wait_for(u64(child))
        write_all(OUTPUT, slice_at(u8, made, 8))
        seed = next_seed(seed)
