"""The puppet: reads orders (orders.py) from standard input, and answers each on standard output."""

from __future__ import annotations

from codegen.lang import (
    Fd,
    address_of,
    export,
    i64,
    instruction,
    slice_at,
    static_array,
    symbol_address,
    u8,
    u32,
    u64,
)
from user.lib.system import exit_group, read_all, system_call, write_all
from user.puppet import orders

MMAP: u64 = 9
PAUSE: u64 = 34
CLONE: u64 = 56
FORK: u64 = 57
EXIT: u64 = 60
WAIT4: u64 = 61
FUTEX: u64 = 202

THREAD_FLAGS: u64 = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000
"""CLONE_VM FS FILES SIGHAND THREAD SYSVSEM (clone(2)), as pthread_create(3) asks for."""
TELL_IDS: u64 = 0x100000 | 0x200000
"""CLONE_PARENT_SETTID, CLONE_CHILD_CLEARTID."""
READ_WRITE: u64 = 3
PRIVATE_ANONYMOUS: u64 = 0x22
NO_FILE: u64 = (1 << 64) - 1
PAGE: u64 = 4096
STACK_LENGTH: u64 = 8192
MILLION: u64 = 1_000_000

INPUT = Fd(0)
OUTPUT = Fd(1)
DATA = static_array(u8, 16384)
ORDER = static_array(u64, 8)
ANSWER = static_array(i64, 1)
THREAD_ID = static_array(u32, 2)
STACK = static_array(u8, 8192)


@instruction(
    "syscall; testq %rax, %rax; jnz 1f; xorl %ebp, %ebp; popq %rax; callq *%rax; 1:",
    "={rax},{rax},{rdi},{rsi},{rdx},{r10},~{rcx},~{r11},~{memory}",
)
def clone(number: u64, flags: u64, stack: u64, parent_id: u64, child_id: u64) -> i64:
    """clone(2): the thread takes the function that it begins with from its stack, and never comes back."""
    ...


@export
def end_at_once() -> None:
    """A thread that does nothing."""
    system_call(EXIT, 0, 0, 0, 0, 0, 0)


@export
def sleep_for_ever() -> None:
    """A thread that is only there."""
    while True:
        system_call(PAUSE, 0, 0, 0, 0, 0, 0)


def make_thread(stack: u64, function: u64) -> i64:
    """clone(2) on the `STACK_LENGTH` bytes at `stack`."""
    slot = stack + STACK_LENGTH - 16
    slice_at(u64, slot, 1)[0] = function
    word = address_of(THREAD_ID)
    return clone(CLONE, THREAD_FLAGS | TELL_IDS, slot, word, word)


def thread_that_ends() -> i64:
    """A thread and its end."""
    result = make_thread(address_of(STACK), symbol_address("end_at_once"))
    if result > 0:
        while THREAD_ID[0] != 0:
            system_call(FUTEX, address_of(THREAD_ID), 0, u64(THREAD_ID[0]), 0, 0, 0)
    return result


def child_that_ends() -> i64:
    """A child, its end, and its status taken."""
    result = system_call(FORK, 0, 0, 0, 0, 0, 0)
    if result == 0:
        exit_group(0)
    if result > 0:
        system_call(WAIT4, u64(result), 0, 0, 0, 0, 0)
    return result


def threads_that_stay() -> i64:
    """As many threads as there can be."""
    for count in range(MILLION):
        stack = system_call(MMAP, 0, STACK_LENGTH, READ_WRITE, PRIVATE_ANONYMOUS, NO_FILE, 0)
        if stack < 0 or make_thread(u64(stack), symbol_address("sleep_for_ever")) < 0:
            return i64(count)
    return i64(MILLION)


def children_that_stay() -> i64:
    """As many children as there can be."""
    for count in range(MILLION):
        result = system_call(FORK, 0, 0, 0, 0, 0, 0)
        if result == 0:
            sleep_for_ever()
        if result < 0:
            return i64(count)
    return i64(MILLION)


def fork_bomb() -> i64:
    """Children that have children."""
    while True:
        system_call(FORK, 0, 0, 0, 0, 0, 0)


def repeat(number: u64, a0: u64, a1: u64, a2: u64, a3: u64, a4: u64) -> i64:
    """A system call until it fails."""
    for count in range(MILLION):
        if system_call(number, a0, a1, a2, a3, a4, 0) < 0:
            return i64(count)
    return i64(MILLION)


def touch(address: u64, length: u64) -> i64:
    """A write to every page."""
    pages = length // PAGE
    for page in range(pages):
        slice_at(u8, address + page * PAGE, 1)[0] = 1
    return i64(pages)


def load(offset: u64, count: u64) -> i64:
    """Input into the data."""
    if not read_all(INPUT, DATA[offset : offset + count]):
        exit_group(1)
    return i64(address_of(DATA) + offset)


def obey(number: u64, a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64) -> i64:
    """Carry out one order."""
    if number == orders.LOAD:
        return load(a0, a1)
    if number == orders.FORK:
        return child_that_ends()
    if number == orders.THREAD:
        return thread_that_ends()
    if number == orders.REPEAT:
        return repeat(a0, a1, a2, a3, a4, a5)
    if number == orders.TOUCH:
        return touch(a0, a1)
    if number == orders.FORK_BOMB:
        return fork_bomb()
    if number == orders.THREADS:
        return threads_that_stay()
    if number == orders.CHILDREN:
        return children_that_stay()
    return system_call(number, a0, a1, a2, a3, a4, a5)


def answer(value: i64) -> None:
    """Say how the order went."""
    ANSWER[0] = value
    if not write_all(OUTPUT, slice_at(u8, address_of(ANSWER), 8)):
        exit_group(1)


@export
def user_main(stack: u64) -> None:
    """Obey until the input ends."""
    answer(i64(orders.READY))
    while read_all(INPUT, slice_at(u8, address_of(ORDER), orders.ORDER_WORDS * 8)):
        answer(obey(ORDER[0], ORDER[1], ORDER[2], ORDER[3], ORDER[4], ORDER[5], ORDER[6]))
