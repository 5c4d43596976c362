"""What every race needs: calls that must succeed, memory, processes and their ends."""

from __future__ import annotations

from codegen.lang import Atomic, address_of, i64, inline, static_array, struct, u32, u64
from user.lib.system import system_call

MMAP: u64 = 9
MUNMAP: u64 = 11
SCHED_YIELD: u64 = 24
GETPID: u64 = 39
FORK: u64 = 57
WAIT4: u64 = 61
KILL: u64 = 62

READ_WRITE: u64 = 3
PRIVATE_ANONYMOUS: u64 = 0x22
SHARED_ANONYMOUS: u64 = 0x21
NO_FILE: u64 = (1 << 64) - 1
PAGE: u64 = 4096
ANYBODY: u64 = (1 << 64) - 1
SIGKILL: u64 = 9


@struct
class Word:
    """A word that others change at the same time."""

    value: Atomic[u64] = inline()


STATUS = static_array(u32, 2)


def checked(result: i64) -> u64:
    """The result of a call that has to succeed."""
    assert result >= 0, "a call failed"
    return u64(result)


def map_memory(size: u64, flags: u64) -> u64:
    """New memory that may be read and written."""
    return checked(system_call(MMAP, 0, size, READ_WRITE, flags, NO_FILE, 0))


def unmap_memory(address: u64, size: u64) -> None:
    """Give it back."""
    checked(system_call(MUNMAP, address, size, 0, 0, 0, 0))


def fork() -> i64:
    """fork(2): 0 in the child."""
    return i64(checked(system_call(FORK, 0, 0, 0, 0, 0, 0)))


def wait_for(child: i64) -> u32:
    """Wait for the end of a child; its status as wait4(2) tells it."""
    found = checked(system_call(WAIT4, u64(child), address_of(STATUS), 0, 0, 0, 0))
    assert found == u64(child), "wait4 told of another child"
    return STATUS[0]


def wait_for_any() -> u64:
    """Wait for the end of any child; which it was, with its status in STATUS."""
    return checked(system_call(WAIT4, ANYBODY, address_of(STATUS), 0, 0, 0, 0))


def kill(process: i64, signal: u64) -> None:
    """kill(2)."""
    checked(system_call(KILL, u64(process), signal, 0, 0, 0, 0))


def yield_now() -> None:
    """sched_yield(2)."""
    system_call(SCHED_YIELD, 0, 0, 0, 0, 0, 0)
