"""Threads of a program: made by clone(2), waited for by futex(2), as pthread_create(3) and pthread_join(3) do."""

from __future__ import annotations

from codegen.lang import Atomic, Never, address_of, i64, inline, instruction, slice_at, struct, u32, u64, unreachable
from user.lib.system import system_call

MMAP: u64 = 9
MUNMAP: u64 = 11
CLONE: u64 = 56
EXIT: u64 = 60
FUTEX: u64 = 202
FUTEX_WAIT: u64 = 0

THREAD_FLAGS: u64 = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000
"""CLONE_VM FS FILES SIGHAND THREAD SYSVSEM (clone(2)), as pthread_create(3) asks for."""
TELL_IDS: u64 = 0x100000 | 0x200000
"""CLONE_PARENT_SETTID, CLONE_CHILD_CLEARTID."""
READ_WRITE: u64 = 3
PRIVATE_ANONYMOUS: u64 = 0x22
NO_FILE: u64 = (1 << 64) - 1
STACK_LENGTH: u64 = 32768
START: u64 = STACK_LENGTH - 32
"""Where on its stack a thread finds its function and the argument; then the stack is aligned as a call leaves it."""


@instruction(
    "movq %rsp, %r12; syscall; cmpq %rsp, %r12; je 1f; xorl %ebp, %ebp; popq %rcx; popq %rdi; callq *%rcx; 1:",
    "={rax},{rax},{rdi},{rsi},{rdx},{r10},{r8},{r9},~{rcx},~{r11},~{r12},~{memory}",
)
def any_call(number: u64, a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64) -> i64:
    """A call that may come back in a new thread: if that has a stack of its own, it takes its function from there."""
    ...


@struct
class ThreadHandle:
    """A thread that was started, and its stack."""

    alive: Atomic[u32] = inline()
    """Its number; the kernel sets it to 0 when the thread has ended."""
    stack: u64 = 0


def new_stack(function: u64, argument: u64) -> u64:
    """The lower end of a new stack, on which a thread finds what it does; 0 when there is no memory."""
    stack = system_call(MMAP, 0, STACK_LENGTH, READ_WRITE, PRIVATE_ANONYMOUS, NO_FILE, 0)
    if stack < 0:
        return 0
    slots = slice_at(u64, u64(stack) + START, 2)
    slots[0] = function
    slots[1] = argument
    return u64(stack)


def start_thread(handle: ThreadHandle, function: u64, argument: u64) -> i64:
    """Let a thread begin with the exported function at this address; clone(2)'s answer."""
    stack = new_stack(function, argument)
    handle.stack = stack
    word = address_of(handle.alive)
    return any_call(CLONE, THREAD_FLAGS | TELL_IDS, stack + START, word, word, 0, 0)


def join_thread(handle: ThreadHandle) -> None:
    """Wait until the thread has ended, and give back its stack."""
    while True:
        number = handle.alive.load()
        if number == 0:
            break
        system_call(FUTEX, address_of(handle.alive), FUTEX_WAIT, u64(number), 0, 0, 0)
    system_call(MUNMAP, handle.stack, STACK_LENGTH, 0, 0, 0, 0)


def end_thread() -> Never:
    """_exit(2) of the calling thread."""
    system_call(EXIT, 0, 0, 0, 0, 0, 0)
    unreachable()
