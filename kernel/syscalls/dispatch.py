"""From the entry stub to the function of a system call and back.

The switch below is made at build time from the declarations: it unrolls to one comparison a call, of which the
compiler makes a dense switch. A number without a declaration is ENOSYS, and counted, so that it shows what a
program lacks.
"""

from __future__ import annotations

from codegen.lang import comptime, export, i64, invoke_registers, u64, wrapping_sub
from kernel.base.errno import ENOSYS
from kernel.machine.trap import TrapFrame
from kernel.process.deliver import before_return
from kernel.sched.cpu import current
from kernel.sched.thread import Thread
from kernel.syscalls import (
    containers,
    files_attributes,
    files_copy,
    files_io,
    files_listing,
    files_open,
    files_poll,
    files_tree,
    identity,
    info,
    memory,
    process,
    signals,
    threads,
    time,
)
from kernel.syscalls.declare import SYSCALLS, Declaration

MODULES = (
    containers,
    files_attributes,
    files_copy,
    files_io,
    files_listing,
    files_open,
    files_poll,
    files_tree,
    identity,
    info,
    memory,
    process,
    signals,
    threads,
    time,
)
"""Where calls are declared; importing one declares its calls."""


@comptime
def by_number() -> tuple[Declaration, ...]:
    """Every declaration, in the order of the numbers."""
    return tuple(SYSCALLS[number] for number in sorted(SYSCALLS))


CALLS = by_number()


@export
def handle_syscall(frame: TrapFrame) -> None:
    """Make the system call that ring 3 asks for, and do what has to be done before it goes on."""
    thread = current()
    number = frame.error
    result = perform(thread, number, frame)
    frame.rax = u64(result) if result >= 0 else wrapping_sub(u64, 0, u64(-result))
    before_return(thread, True)


def perform(task: Thread, number: u64, frame: TrapFrame) -> i64:
    """The result of call `number` with the arguments in the registers of `frame`."""
    for call in CALLS:
        if number == call.number:
            return invoke_registers(call.function, task, frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9)
    container = task.process.container
    container.unknown_calls += 1
    container.last_unknown_call = number
    return -ENOSYS.code
