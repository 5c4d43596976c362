"""Races of futexes: a lock that many threads take (U. Drepper, Futexes Are Tricky, 2011, mutex 2), and a baton."""

from __future__ import annotations

from codegen.lang import (
    Array,
    Atomic,
    address_of,
    export,
    inline,
    inline_array,
    reference,
    struct,
    symbol_address,
    u32,
    u64,
)
from user.lib.system import exit_group, system_call
from user.lib.threads import ThreadHandle, end_thread, join_thread, start_thread
from user.race.common import PAGE, SHARED_ANONYMOUS, checked, fork, map_memory, unmap_memory, wait_for

FUTEX: u64 = 202
WAIT: u64 = 0
WAKE: u64 = 1
PRIVATE: u64 = 128
FREE: u32 = 0
TAKEN: u32 = 1
AWAITED: u32 = 2
THREADS: u64 = 4


@struct
class Lock:
    """A mutex and what it guards."""

    word: Atomic[u32] = inline()
    count: u64 = 0

    def acquire(self) -> None:
        """Take it; sleep while another has it."""
        if self.word.compare_exchange(FREE, TAKEN):
            return
        while self.word.exchange(AWAITED) != FREE:
            system_call(FUTEX, address_of(self.word), WAIT | PRIVATE, u64(AWAITED), 0, 0, 0)

    def release(self) -> None:
        """Give it back; wake one who waits."""
        if self.word.exchange(FREE) == AWAITED:
            system_call(FUTEX, address_of(self.word), WAKE | PRIVATE, 1, 0, 0, 0)


@struct
class Contest:
    """The lock, who takes it, and how often."""

    lock: Lock = inline()
    turns: u64 = 0
    threads: Array[ThreadHandle] = inline_array(THREADS)


CONTEST = Contest()


@export
def take_and_count(number: u64) -> None:
    """Count under the lock."""
    for _ in range(CONTEST.turns):
        CONTEST.lock.acquire()
        CONTEST.lock.count += 1
        CONTEST.lock.release()
    end_thread()


def take_locks(turns: u64) -> None:
    """No count is lost under the lock, and nobody sleeps for ever."""
    CONTEST.turns = turns * 8
    CONTEST.lock.count = 0
    for number in range(THREADS):
        checked(start_thread(CONTEST.threads[number], symbol_address("take_and_count"), number))
    for number in range(THREADS):
        join_thread(CONTEST.threads[number])
    assert CONTEST.lock.count == THREADS * CONTEST.turns, "two threads had the lock at once"


@struct
class Baton:
    """A word in shared memory that two processes pass to and fro."""

    word: Atomic[u32] = inline()

    def wait_until(self, value: u32) -> None:
        """Sleep until the word has this value."""
        while True:
            seen = self.word.load()
            if seen == value:
                return
            system_call(FUTEX, address_of(self.word), WAIT, u64(seen), 0, 0, 0)

    def set(self, value: u32) -> None:
        """Change it and wake the other."""
        self.word.store(value)
        system_call(FUTEX, address_of(self.word), WAKE, 1, 0, 0, 0)


def pass_baton(turns: u64) -> None:
    """Two processes wake each other by turns: no wake-up is lost."""
    address = map_memory(PAGE, SHARED_ANONYMOUS)
    baton = reference(Baton, address)
    child = fork()
    if child == 0:
        for turn in range(turns):
            baton.wait_until(u32(turn * 2 + 1))
            baton.set(u32(turn * 2 + 2))
        exit_group(0)
    for turn in range(turns):
        baton.set(u32(turn * 2 + 1))
        baton.wait_until(u32(turn * 2 + 2))
    assert wait_for(child) == 0, "the other failed"
    unmap_memory(address, PAGE)
