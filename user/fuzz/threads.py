"""The ways into the fuzzer's code that random calls may take: stacks of threads, signal handlers."""

from __future__ import annotations

from codegen.lang import export, instruction, symbol_address, u64
from user.lib import threads
from user.lib.threads import CLONE, START, THREAD_FLAGS, any_call


@instruction("leaq 16(%rbp), %rsp; movl $$15, %eax; syscall", "~{memory}")
def return_from_handler() -> None:
    """rt_sigreturn(2) with the frame that the kernel put above the return address of the caller, a handler."""
    ...


@export
def handle_signal(signal: u64) -> None:
    """A signal handler that does nothing, and needs no code to return to."""
    return_from_handler()


def new_stack() -> u64:
    """The upper end of a new stack, on which a thread finds that it is to play; 0 when there is no memory."""
    stack = threads.new_stack(symbol_address("play_as_thread"), 0)
    return 0 if stack == 0 else stack + START


def make_thread() -> None:
    """One more thread, if there may be one."""
    stack = new_stack()
    if stack != 0:
        any_call(CLONE, THREAD_FLAGS, stack, 0, 0, 0, 0)


def handler() -> u64:
    """The address of the signal handler."""
    return symbol_address("handle_signal")
