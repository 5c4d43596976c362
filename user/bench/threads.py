"""Measures threads: their making and end, and a word that goes to another one and back by futex(2)."""

from __future__ import annotations

from codegen.lang import address_of, export, i64, instruction, slice_at, static_array, symbol_address, u32, u64
from user.bench.measure import checked, now, report
from user.bench.memory import map_memory, unmap_memory
from user.lib.system import system_call

CLONE: u64 = 56
EXIT: u64 = 60
FUTEX: u64 = 202
FUTEX_WAIT: u64 = 0
FUTEX_WAKE: u64 = 1
PRIVATE: u64 = 128

THREAD_FLAGS: u64 = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000
"""CLONE_VM FS FILES SIGHAND THREAD SYSVSEM (clone(2)), as pthread_create(3) asks for."""
PARENT_SET_ID: u64 = 0x100000
CHILD_CLEAR_ID: u64 = 0x200000

STACK: u64 = 64 * 1024
THREADS: u64 = 200
TRIPS: u64 = 2000

WORDS = static_array(u32, 3)
"""The id of the thread, which the kernel clears at its end; the word that goes there; the one that comes back."""
ALIVE: u64 = 0
THERE: u64 = 1
BACK: u64 = 2


@instruction(
    "syscall; testq %rax, %rax; jnz 1f; xorl %ebp, %ebp; popq %rax; callq *%rax; 1:",
    "={rax},{rax},{rdi},{rsi},{rdx},{r10},~{rcx},~{r11},~{memory}",
)
def clone(number: u64, flags: u64, stack: u64, parent_id: u64, child_id: u64) -> i64:
    """clone(2): the thread takes the function that it begins with from its stack, and never comes back."""
    ...


def word_address(index: u64) -> u64:
    """Where a word is."""
    return address_of(WORDS) + 4 * index


def wait_while(index: u64, value: u32) -> None:
    """Sleep until the word is not `value`."""
    operation = FUTEX_WAIT if index == ALIVE else FUTEX_WAIT | PRIVATE
    while WORDS[index] == value:
        system_call(FUTEX, word_address(index), operation, u64(value), 0, 0, 0)


def set_and_wake(index: u64, value: u32) -> None:
    """Change the word and wake who waits for it."""
    WORDS[index] = value
    system_call(FUTEX, word_address(index), FUTEX_WAKE | PRIVATE, 1, 0, 0, 0)


def start_thread(stack: u64, function: u64) -> None:
    """A thread that begins with the exported function at address `function`."""
    slot = stack + STACK - 16
    slice_at(u64, slot, 1)[0] = function
    word = word_address(ALIVE)
    checked(clone(CLONE, THREAD_FLAGS | PARENT_SET_ID | CHILD_CLEAR_ID, slot, word, word), b"clone")


def join_thread() -> None:
    """Wait until the thread has ended."""
    thread = WORDS[ALIVE]
    if thread != 0:
        wait_while(ALIVE, thread)


@export
def end_at_once() -> None:
    """A thread that does nothing."""
    system_call(EXIT, 0, 0, 0, 0, 0, 0)


@export
def answer_words() -> None:
    """The other thread: take each word and give one back."""
    for _ in range(TRIPS):
        wait_while(THERE, 0)
        WORDS[THERE] = 0
        set_and_wake(BACK, 1)
    system_call(EXIT, 0, 0, 0, 0, 0, 0)


def threads() -> None:
    """A stack, a thread on it, its end, and the stack given back."""
    start = now()
    for _ in range(THREADS):
        stack = map_memory(STACK)
        start_thread(stack, symbol_address("end_at_once"))
        join_thread()
        unmap_memory(stack, STACK)
    report(b"thread", start, THREADS)


def futex_trips() -> None:
    """A word to another thread, and one back."""
    stack = map_memory(STACK)
    start_thread(stack, symbol_address("answer_words"))
    start = now()
    for _ in range(TRIPS):
        set_and_wake(THERE, 1)
        wait_while(BACK, 0)
        WORDS[BACK] = 0
    report(b"futex_trip", start, TRIPS)
    join_thread()
    unmap_memory(stack, STACK)


def measure() -> None:
    """All of it."""
    threads()
    futex_trips()
