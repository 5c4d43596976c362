"""Process 1 of a container: starts the program that its arguments name, passes signals on to it, and reaps orphans.

It ends as the program does, with its status, or 128 + the signal that killed it. In a terminal the program is in the
foreground, in a process group of its own.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    Never,
    Slice,
    address_of,
    array,
    copy,
    export,
    i64,
    load,
    local_array,
    slice_at,
    struct,
    truncate,
    u8,
    u32,
    u64,
)
from kernel.base.text import index_of, starts_with
from user.lib.arguments import ARGUMENTS, text_from
from user.lib.system import STANDARD_ERROR, exit_group, system_call, write_all

RT_SIGPROCMASK: u64 = 14
IOCTL: u64 = 16
GETPID: u64 = 39
FORK: u64 = 57
EXECVE: u64 = 59
WAIT4: u64 = 61
KILL: u64 = 62
SETPGID: u64 = 109
RT_SIGTIMEDWAIT: u64 = 128
TIOCSPGRP: u64 = 0x5410
SIG_BLOCK: u64 = 0
SIG_SETMASK: u64 = 2
SIGCHLD: i64 = 17
SIGTTIN, SIGTTOU = 21, 22
WNOHANG: u64 = 1
ALL: u64 = 0xFFFF_FFFF_FFFF_FFFF
MASK_SIZE: u64 = 8
ENOENT: i64 = -2
EACCES: i64 = -13
ENOTDIR: i64 = -20
NOT_EXECUTABLE: u32 = 126
NOT_FOUND: u32 = 127
SIGNALLED: u32 = 128
SLASH: u8 = 0x2F
COLON: u8 = 0x3A
PATH_MAX: u64 = 4096


@struct
class Search:
    """Where a program is looked for, and the path that is tried."""

    path: Array[u8] = array(4096)


SEARCH = Search()


def variable(environment: u64, name: Slice[u8]) -> Slice[u8]:
    """The value of a variable, `name` with its '='; empty without one."""
    index: u64 = 0
    while True:
        address = slice_at(u64, environment + 8 * index, 1)[0]
        if address == 0:
            return b""
        entry = text_from(address)
        if starts_with(entry, name):
            return entry[len(name) :]
        index += 1


def execute(path: u64, arguments: u64, environment: u64) -> i64:
    """execve(2): comes back with -errno."""
    return system_call(EXECVE, path, arguments, environment, 0, 0, 0)


def find_and_execute(name: Slice[u8], arguments: u64, environment: u64) -> i64:
    """As execvp(3): the last refusal counts, but EACCES above all."""
    if index_of(name, SLASH) < len(name):
        return execute(address_of(name), arguments, environment)
    folders = variable(environment, b"PATH=")
    refusal = ENOENT
    start: u64 = 0
    while start < len(folders) and len(name) > 0:
        rest = folders[start:]
        folder = rest[: index_of(rest, COLON)]
        start += len(folder) + 1
        if len(folder) + len(name) + 2 > PATH_MAX:
            continue
        copy(SEARCH.path[0 : len(folder)], folder)
        SEARCH.path[len(folder)] = SLASH
        copy(SEARCH.path[len(folder) + 1 : len(folder) + 1 + len(name)], name)
        SEARCH.path[len(folder) + 1 + len(name)] = 0
        result = execute(address_of(SEARCH.path), arguments, environment)
        if result == EACCES:
            refusal = result
        elif result not in (ENOENT, ENOTDIR):
            return result
    return refusal


def set_mask(how: u64, mask: u64) -> None:
    """rt_sigprocmask(2)."""
    word = local_array(u64, 1)
    word[0] = mask
    system_call(RT_SIGPROCMASK, how, address_of(word), 0, MASK_SIZE, 0, 0)


def be_in_foreground(group: u64) -> None:
    """Let `group` be in the foreground of the terminal, if there is one (SIGTTOU is blocked)."""
    word = local_array(u32, 1)
    word[0] = truncate(u32, group)
    system_call(IOCTL, 0, TIOCSPGRP, address_of(word), 0, 0, 0)


def be_program(environment: u64) -> Never:
    """The child: become the program."""
    system_call(SETPGID, 0, 0, 0, 0, 0, 0)
    be_in_foreground(u64(system_call(GETPID, 0, 0, 0, 0, 0, 0)))
    set_mask(SIG_SETMASK, 0)
    name = ARGUMENTS.text(1)
    error = find_and_execute(name, ARGUMENTS.pointers + 8, environment)
    write_all(STANDARD_ERROR, b"pithos: ")
    write_all(STANDARD_ERROR, name)
    if error == ENOENT:
        write_all(STANDARD_ERROR, b": No such file or directory\n")
        exit_group(NOT_FOUND)
    write_all(STANDARD_ERROR, b": Permission denied\n" if error == EACCES else b": it cannot be started\n")
    exit_group(NOT_EXECUTABLE)


def reap(program: i64) -> None:
    """Wait for all children that have ended; end as the program did."""
    status = local_array(u8, 4)
    while True:
        ended = system_call(WAIT4, ALL, address_of(status), WNOHANG, 0, 0, 0)
        if ended <= 0:
            return
        if ended == program:
            word = load(u32, status, 0)
            signal = word & 0x7F
            exit_group(word >> 8 & 0xFF if signal == 0 else SIGNALLED + signal)


@export
def user_main(stack: u64) -> None:
    """Start the program, and see to its signals until it ends."""
    ARGUMENTS.begin(stack)
    environment = ARGUMENTS.pointers + 8 * (ARGUMENTS.count + 1)
    set_mask(SIG_BLOCK, ALL)
    program = system_call(FORK, 0, 0, 0, 0, 0, 0)
    if program == 0:
        be_program(environment)
    if program < 0:
        write_all(STANDARD_ERROR, b"pithos: the program cannot be started: out of memory, or of processes\n")
        exit_group(NOT_EXECUTABLE)
    every = local_array(u64, 1)
    every[0] = ALL
    while True:
        signal = system_call(RT_SIGTIMEDWAIT, address_of(every), 0, 0, MASK_SIZE, 0, 0)
        if signal == SIGCHLD:
            reap(program)
        elif signal > 0 and signal != SIGTTIN and signal != SIGTTOU:
            system_call(KILL, u64(program), u64(signal), 0, 0, 0, 0)
