"""Races of registers: what a thread has in them is there again after signals, switches and moves between processors."""

from __future__ import annotations

from codegen.lang import (
    Array,
    Atomic,
    address_of,
    export,
    inline,
    inline_array,
    instruction,
    static_array,
    struct,
    symbol_address,
    u32,
    u64,
)
from user.lib.system import system_call
from user.lib.threads import ThreadHandle, end_thread, join_thread, start_thread
from user.race.common import GETPID, checked, yield_now

SIGACTION: u64 = 13
TGKILL: u64 = 234
USER_SIGNAL: u64 = 10
RESTORER: u64 = 0x4000000
"""SA_RESTORER: without it Linux has no handlers on x86-64."""
THREADS: u64 = 3
SPINS: u64 = 20_000
ACTION = static_array(u64, 4)


@struct
class Crowd:
    """The threads, and how many still compute."""

    busy: Atomic[u64] = inline()
    turns: u64 = 0
    threads: Array[ThreadHandle] = inline_array(THREADS)


CROWD = Crowd()


@instruction(
    "movq $1, %xmm7; movq $1, %r13; movq $2, %rcx; 1: paddq %xmm7, %xmm8; decq %rcx; jnz 1b; "
    "movq %xmm7, %rax; xorq %r13, %rax",
    "={rax},{rdi},{rsi},~{rcx},~{r13},~{xmm7},~{xmm8},~{memory}",
)
def keep_in_registers(value: u64, spins: u64) -> u64:
    """Keep a value in a general and a vector register for a while; 0 if both still have it."""
    ...


@instruction("leaq 16(%rbp), %rsp; movl $$15, %eax; syscall", "~{memory}")
def return_from_handler() -> None:
    """rt_sigreturn(2) with the frame that the kernel put above the return address of the caller, a handler."""
    ...


@export
def clobber_registers(signal: u64) -> None:
    """A signal handler that uses the registers that the interrupted code has something in."""
    keep_in_registers(0x1234_5678_9ABC_DEF0, 10)
    return_from_handler()


@export
def compute(number: u64) -> None:
    """Have values in registers, again and again."""
    for turn in range(CROWD.turns):
        assert keep_in_registers(number << 56 | turn << 8 | 0x55, SPINS) == 0, "a register changed"
        if turn % 4 == number:
            yield_now()
    CROWD.busy.fetch_sub(1)
    end_thread()


def keep_registers(turns: u64) -> None:
    """Signals for threads that compute: each has a handler that uses the same registers."""
    ACTION[0] = symbol_address("clobber_registers")
    ACTION[1] = RESTORER
    ACTION[2] = ACTION[0]
    checked(system_call(SIGACTION, USER_SIGNAL, address_of(ACTION), 0, 8, 0, 0))
    CROWD.busy.store(THREADS)
    CROWD.turns = turns * 4
    for number in range(THREADS):
        checked(start_thread(CROWD.threads[number], symbol_address("compute"), number))
    process = checked(system_call(GETPID, 0, 0, 0, 0, 0, 0))
    while CROWD.busy.load() > 0:
        for number in range(THREADS):
            thread: u32 = CROWD.threads[number].alive.load()
            if thread != 0:
                system_call(TGKILL, process, u64(thread), USER_SIGNAL, 0, 0, 0)
        yield_now()
    for number in range(THREADS):
        join_thread(CROWD.threads[number])
