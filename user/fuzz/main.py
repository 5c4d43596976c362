"""Random system calls: `fuzz`, with a table of calls (kinds.py) as standard input.

Each round is a child, with threads that make calls too, so that it may unmap itself, wait for ever or be killed. A
timer ends most waits. The parent prints how many calls each round made: a word each.
"""

from __future__ import annotations

from codegen.lang import Fd, address_of, export, i64, local, slice_at, static_array, u8, u64
from user.fuzz.arguments import SETTINGS, TABLE, Player, after_copy, make_call, prepare
from user.fuzz.kinds import CALL_WORDS
from user.fuzz.threads import make_thread
from user.lib.system import exit_group, read_all, system_call, write_all

MMAP: u64 = 9
NANOSLEEP: u64 = 35
FORK: u64 = 57
EXIT: u64 = 60
WAIT4: u64 = 61
KILL: u64 = 62
CLOSE: u64 = 3

READ_WRITE: u64 = 3
SHARED_ANONYMOUS: u64 = 0x21
NO_FILE: u64 = (1 << 64) - 1
NO_HANG: u64 = 1
SIGKILL: u64 = 9
EVERYBODY: u64 = (1 << 64) - 1
PAGE: u64 = 4096
PATIENCE: u64 = 60
"""Looks at a child, a millisecond apart, before it is killed."""

INPUT = Fd(0)
OUTPUT = Fd(1)
MOMENT = static_array(u64, 2)
MADE = static_array(u64, 1)
"""Where the calls are counted."""


def play(player: Player) -> None:
    """Random calls, until there were enough."""
    end = SETTINGS[2]
    for _ in range(end):
        counted = slice_at(u64, MADE[0], 1)
        counted[0] += 1
        number = player.dice.below(SETTINGS[5])
        make_call(player, (SETTINGS[4] + number) * CALL_WORDS)


@export
def play_as_thread() -> None:
    """What a thread does that this program or a random clone(2) made."""
    player = local(Player)
    after_copy(player)
    play(player)
    while True:
        system_call(EXIT, 0, 0, 0, 0, 0, 0)


def play_round(seed: u64) -> None:
    """One round: first the calls that open something, then random ones, in several threads."""
    system_call(CLOSE, 1, 0, 0, 0, 0, 0)
    player = local(Player)
    player.dice.state = seed
    prepare()
    for number in range(SETTINGS[4]):
        make_call(player, number * CALL_WORDS)
    for _ in range(SETTINGS[3]):
        make_thread()
    play(player)


def sleep_a_millisecond() -> None:
    """Let the others run."""
    MOMENT[0] = 0
    MOMENT[1] = 1_000_000
    system_call(NANOSLEEP, address_of(MOMENT), 0, 0, 0, 0, 0)


def wait_for(child: u64) -> None:
    """Wait for the end of a child, and see to it, and to all that it has left."""
    for _ in range(PATIENCE):
        if system_call(WAIT4, child, 0, NO_HANG, 0, 0, 0) != 0:
            break
        sleep_a_millisecond()
    system_call(KILL, child, SIGKILL, 0, 0, 0, 0)
    system_call(KILL, EVERYBODY, SIGKILL, 0, 0, 0, 0)
    while system_call(WAIT4, EVERYBODY, 0, 0, 0, 0, 0) > 0:
        pass


@export
def user_main(stack: u64) -> None:
    """Play the rounds."""
    if not read_all(INPUT, slice_at(u8, address_of(SETTINGS), 64)):
        exit_group(1)
    if not read_all(INPUT, slice_at(u8, address_of(TABLE), SETTINGS[6] * 8)):
        exit_group(1)
    MADE[0] = u64(system_call(MMAP, 0, PAGE, READ_WRITE, SHARED_ANONYMOUS, NO_FILE, 0))
    seed = local(Player)
    seed.dice.state = SETTINGS[0] | 1
    for _ in range(SETTINGS[1]):
        slice_at(u64, MADE[0], 1)[0] = 0
        thrown = seed.dice.throw() | 1
        child: i64 = system_call(FORK, 0, 0, 0, 0, 0, 0)
        if child == 0:
            play_round(thrown)
            exit_group(0)
        if child > 0:
            wait_for(u64(child))
        write_all(OUTPUT, slice_at(u8, MADE[0], 8))
