"""Races of processes: children that end at once, and processes that end while their threads are busy."""

from __future__ import annotations

from codegen.lang import (
    Array,
    Atomic,
    address_of,
    export,
    i64,
    inline,
    inline_array,
    local,
    reference,
    static_array,
    struct,
    symbol_address,
    u8,
    u32,
    u64,
)
from user.lib.system import exit_group, system_call
from user.lib.threads import (
    CLONE,
    STACK_LENGTH,
    START,
    ThreadHandle,
    any_call,
    end_thread,
    join_thread,
    new_stack,
    start_thread,
)
from user.race.common import (
    GETPID,
    PAGE,
    PRIVATE_ANONYMOUS,
    SHARED_ANONYMOUS,
    SIGKILL,
    STATUS,
    WAIT4,
    checked,
    fork,
    kill,
    map_memory,
    unmap_memory,
    wait_for,
    wait_for_any,
    yield_now,
)

EXECVE: u64 = 59
SIGCONT: u64 = 18
SIGSTOP: u64 = 19
UNTRACED: u64 = 2
STOPPED_STATUS: u32 = 0x137F
BORROWING: u64 = 0x4100 | 17
"""CLONE_VM, CLONE_VFORK; SIGCHLD at the end."""
WAYS: u64 = 4
KILLED_FROM_OUTSIDE: u64 = 3
POPULATED: u64 = 0x8000
"""MAP_POPULATE."""
CHILDREN: u64 = 3
EXECUTED_STATUS: u32 = 5
PATH = b"/bin/race\0"
ARGUMENTS = (b"race\0", b"0\0", b"5\0")
TEXTS = static_array(u8, 64)
VECTOR = static_array(u64, 4)


@struct
class Team:
    """Some threads."""

    members: Array[ThreadHandle] = inline_array(3)


def end_children(turns: u64) -> None:
    """Children end with statuses of their own, several at once; each is waited for."""
    for turn in range(turns):
        for number in range(CHILDREN):
            if fork() == 0:
                exit_group(u32((turn + number) % 100))
        sum_of_statuses: u64 = 0
        expected: u64 = 0
        for number in range(CHILDREN):
            wait_for_any()
            sum_of_statuses += STATUS[0] >> 8
            expected += (turn + number) % 100
        assert sum_of_statuses == expected, "a child ended with another status"


@export
def be_busy(kind: u64) -> None:
    """A thread that never ends by itself: it computes, calls, faults, or makes threads."""
    while True:
        if kind == 0:
            system_call(GETPID, 0, 0, 0, 0, 0, 0)
        elif kind == 1:
            yield_now()
        else:
            unmap_memory(map_memory(4 * PAGE, PRIVATE_ANONYMOUS | POPULATED), 4 * PAGE)


@export
def end_process(way: u64) -> None:
    """A thread that ends its process, in one of several ways, while the others are busy."""
    yield_now()
    if way == 0:
        exit_group(7)
    if way == 1:
        kill(process_id(), SIGKILL)
    if way == 2:
        execute_again()
    end_thread()


def process_id() -> i64:
    """The number of this process."""
    return i64(checked(system_call(GETPID, 0, 0, 0, 0, 0, 0)))


def execute_again() -> None:
    """execve(2) of this program, which then ends with EXECUTED_STATUS."""
    place: u64 = 0
    for index in range(len(PATH)):
        TEXTS[index] = PATH[index]
    place = 16
    count: u64 = 0
    for text in ARGUMENTS:
        VECTOR[count] = address_of(TEXTS) + place
        for index in range(len(text)):
            TEXTS[place + index] = text[index]
        place += 8
        count += 1
    VECTOR[count] = 0
    system_call(EXECVE, address_of(TEXTS), address_of(VECTOR), 0, 0, 0, 0)


def expected_status(way: u64) -> u32:
    """What wait4(2) tells of a process that ended this way."""
    if way == 1 or way == KILLED_FROM_OUTSIDE:
        return u32(SIGKILL)
    return (7 << 8) if way == 0 else EXECUTED_STATUS << 8


def end_busy_processes(turns: u64) -> None:
    """Processes with busy threads end by exit_group, a signal from inside or outside, or execve, from any thread."""
    for turn in range(turns):
        way = turn % WAYS
        child = fork()
        if child == 0:
            be_busy_and_end(way, turn // WAYS % 2 == 0)
        if way == KILLED_FROM_OUTSIDE:
            kill(child, SIGKILL)
        assert wait_for(child) == expected_status(way), "a process ended with another status"


def be_busy_and_end(way: u64, by_first_thread: bool) -> None:
    """The child: busy threads, and one that ends them all."""
    team = local(Team)
    for number in range(3):
        start_thread(team.members[number], symbol_address("be_busy"), number)
    if by_first_thread:
        end_process(way)
    start_thread(local(ThreadHandle), symbol_address("end_process"), way)
    be_busy(1)


@export
def do_nothing(argument: u64) -> None:
    """A thread that ends at once."""
    end_thread()


def end_threads(turns: u64) -> None:
    """Threads begin and end, several at once."""
    team = local(Team)
    for _ in range(turns):
        for number in range(3):
            checked(start_thread(team.members[number], symbol_address("do_nothing"), number))
        for number in range(3):
            join_thread(team.members[number])


@struct
class Counter:
    """What a child counts, in memory that it shares with its parent."""

    value: Atomic[u64] = inline()


def stop_and_continue(turns: u64) -> None:
    """A stopped process does nothing; a continued one goes on (SIGSTOP, SIGCONT)."""
    address = map_memory(PAGE, SHARED_ANONYMOUS)
    counter = reference(Counter, address)
    child = fork()
    if child == 0:
        start_thread(local(ThreadHandle), symbol_address("be_busy"), 1)
        while True:
            counter.value.fetch_add(1)
    for _ in range(turns):
        kill(child, SIGSTOP)
        wait_for_stop(child)
        seen = counter.value.load()
        for _ in range(4):
            yield_now()
        assert counter.value.load() == seen, "a stopped process goes on"
        kill(child, SIGCONT)
        while counter.value.load() == seen:
            yield_now()
    kill(child, SIGKILL)
    assert wait_for(child) == u32(SIGKILL), "a process ended with another status"
    unmap_memory(address, PAGE)


def wait_for_stop(child: i64) -> None:
    """Wait until all of a child has stopped."""
    found = checked(system_call(WAIT4, u64(child), address_of(STATUS), UNTRACED, 0, 0, 0))
    assert found == u64(child) and STATUS[0] == STOPPED_STATUS, "wait4 told of something else"


@export
def spawned(argument: u64) -> None:
    """The child of a `spawn`, which has the memory of its parent: another program."""
    execute_again()
    exit_group(1)


def spawn(turns: u64) -> None:
    """Children that borrow the memory until they run a program (CLONE_VM, CLONE_VFORK, as posix_spawn(3) has it)."""
    team = local(Team)
    start_thread(team.members[0], symbol_address("be_busy"), 2)
    for _ in range(turns):
        stack = new_stack(symbol_address("spawned"), 0)
        child = i64(checked(any_call(CLONE, BORROWING, stack + START, 0, 0, 0, 0)))
        assert wait_for(child) == EXECUTED_STATUS << 8, "a spawned program ended with another status"
        unmap_memory(stack, STACK_LENGTH)
    exit_group(0)
