"""Measures processes: their making and end, and a byte that goes to another one and back."""

from __future__ import annotations

from codegen.lang import Fd, MutableSlice, address_of, local_array, static_array, u8, u32, u64
from user.bench.measure import checked, now, report
from user.lib.system import exit_group, read_all, system_call, write_all

CLOSE: u64 = 3
PIPE: u64 = 22
FORK: u64 = 57
EXECVE: u64 = 59
WAIT4: u64 = 61

FORKS: u64 = 200
TRIPS: u64 = 2000

PROGRAM_TEXT = b"/bin/true\0"
ARGUMENTS = static_array(u64, 2)
NOT_STARTED: u32 = 127


def fork() -> u64:
    """fork(2): 0 in the child."""
    return checked(system_call(FORK, 0, 0, 0, 0, 0, 0), b"fork")


def wait_for(process: u64) -> None:
    """wait4(2), until `process` has ended."""
    checked(system_call(WAIT4, process, 0, 0, 0, 0, 0), b"wait4")


def forks() -> None:
    """fork, exit and wait."""
    start = now()
    for _ in range(FORKS):
        child = fork()
        if child == 0:
            exit_group(0)
        wait_for(child)
    report(b"fork_exit", start, FORKS)


def programs() -> None:
    """fork, execve of a static program, its exit, and wait."""
    ARGUMENTS[0] = address_of(PROGRAM_TEXT)
    start = now()
    for _ in range(FORKS):
        child = fork()
        if child == 0:
            system_call(EXECVE, address_of(PROGRAM_TEXT), address_of(ARGUMENTS), 0, 0, 0, 0)
            exit_group(NOT_STARTED)
        wait_for(child)
    report(b"fork_exec", start, FORKS)


def make_pipe(ends: MutableSlice[u32]) -> None:
    """pipe(2): the end to read from, and the one to write to."""
    checked(system_call(PIPE, address_of(ends), 0, 0, 0, 0, 0), b"pipe")


def close(descriptor: u32) -> None:
    """close(2)."""
    checked(system_call(CLOSE, u64(descriptor), 0, 0, 0, 0, 0), b"close")


def answer(source: Fd, destination: Fd) -> None:
    """The other process: give back each byte until the pipe is closed."""
    byte = local_array(u8, 1)
    while read_all(source, byte):
        write_all(destination, byte)
    exit_group(0)


def pipe_trips() -> None:
    """A byte to another process, and one back."""
    there, back = local_array(u32, 2), local_array(u32, 2)
    make_pipe(there)
    make_pipe(back)
    child = fork()
    if child == 0:
        close(there[1])
        answer(Fd(there[0]), Fd(back[1]))
    byte = local_array(u8, 1)
    start = now()
    for _ in range(TRIPS):
        write_all(Fd(there[1]), byte)
        read_all(Fd(back[0]), byte)
    report(b"pipe_trip", start, TRIPS)
    close(there[1])
    wait_for(child)


def measure() -> None:
    """All of it."""
    forks()
    programs()
    pipe_trips()
