"""Threads of the fuzzer, and the ways into its code that random calls may take: stacks, signal handlers."""

from __future__ import annotations

from codegen.lang import export, i64, instruction, slice_at, static_array, symbol_address, u64
from user.lib.system import system_call

MMAP: u64 = 9
CLONE: u64 = 56
THREAD_FLAGS: u64 = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000
"""CLONE_VM FS FILES SIGHAND THREAD SYSVSEM (clone(2)), as pthread_create(3) asks for."""
READ_WRITE: u64 = 3
PRIVATE_ANONYMOUS: u64 = 0x22
NO_FILE: u64 = (1 << 64) - 1
STACK_LENGTH: u64 = 32768
ENTRY = static_array(u64, 1)


@instruction(
    "movq %rsp, %r12; syscall; cmpq %rsp, %r12; je 1f; xorl %ebp, %ebp; popq %rcx; callq *%rcx; 1:",
    "={rax},{rax},{rdi},{rsi},{rdx},{r10},{r8},{r9},~{rcx},~{r11},~{r12},~{memory}",
)
def any_call(number: u64, a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64) -> i64:
    """A call that may come back in a new thread: if that has a stack of its own, it takes its function from there."""
    ...


@instruction("leaq 16(%rbp), %rsp; movl $$15, %eax; syscall", "~{memory}")
def return_from_handler() -> None:
    """rt_sigreturn(2) with the frame that the kernel put above the return address of the caller, a handler."""
    ...


@export
def handle_signal(signal: u64) -> None:
    """A signal handler that does nothing, and needs no code to return to."""
    return_from_handler()


def set_entry() -> None:
    """Note where a thread begins."""
    ENTRY[0] = symbol_address("play_as_thread")


def new_stack() -> u64:
    """The upper end of a new stack, on which a thread finds its function; 0 when there is no memory."""
    stack = system_call(MMAP, 0, STACK_LENGTH, READ_WRITE, PRIVATE_ANONYMOUS, NO_FILE, 0)
    if stack < 0:
        return 0
    slot = u64(stack) + STACK_LENGTH - 24  # so that the stack is aligned as a call leaves it
    slice_at(u64, slot, 1)[0] = ENTRY[0]
    return slot


def make_thread() -> None:
    """One more thread, if there may be one."""
    slot = new_stack()
    if slot != 0:
        any_call(CLONE, THREAD_FLAGS, slot, 0, 0, 0, 0)


def handler() -> u64:
    """The address of the signal handler."""
    return symbol_address("handle_signal")
