"""From the entry stub to the function of a system call and back.

The switches below are made at build time from the declarations: they unroll to one comparison a call, of which the
compiler makes tables. A number without a declaration is ENOSYS, and counted, so that it shows what a
program lacks.
"""

from __future__ import annotations

from codegen.lang import Order, comptime, export, hot, i64, inline, invoke_registers, noinline, truncate, u64
from kernel.base.errno import ENOSYS
from kernel.machine.instructions import disable_interrupts
from kernel.machine.trap import TrapFrame
from kernel.process.deliver import before_return, is_delayed
from kernel.process.tracer import tracer_of
from kernel.sched.cpu import current
from kernel.sched.kernel_lock import KERNEL_LOCK
from kernel.sched.thread import Thread
from kernel.syscalls import (  # noqa: F401  (importing a module declares its calls)
    attributes,
    barrier,
    capabilities,
    clock_adjust,
    containers,
    files_attributes,
    files_copy,
    files_descriptors,
    files_epoll,
    files_extended,
    files_io,
    files_listing,
    files_locks,
    files_memory,
    files_open,
    files_open2,
    files_poll,
    files_space,
    files_times,
    files_tree,
    files_vectors,
    files_watch,
    futex,
    futex_vector,
    identity,
    info,
    io_priority,
    limits,
    memory,
    memory_advice,
    memory_locks,
    memory_remap,
    nice,
    pidfd,
    prctl,
    process,
    process_memory,
    refused,
    restart,
    scheduling,
    shared_memory,
    signals,
    signals_queued,
    sockets,
    sockets_messages,
    sockets_options,
    threads,
    time,
    timers,
)
from kernel.syscalls.declare import SYSCALLS, Declaration

FIRST_OWN_CALL: u64 = 1000
"""Those of Linux are far below."""


@comptime
def declared(first: int, end: int) -> tuple[Declaration, ...]:
    """The declarations from number `first` to before `end`, in order."""
    return tuple(SYSCALLS[number] for number in sorted(SYSCALLS) if first <= number < end)


CALLS = declared(0, 1 << 32)
UNLOCKED_CALLS = tuple(call for call in CALLS if call.unlocked)
LINUX_CALLS = tuple(call for call in declared(0, FIRST_OWN_CALL) if not call.unlocked)
OWN_CALLS = declared(FIRST_OWN_CALL, 1 << 32)
LINUX_END: u64 = LINUX_CALLS[-1].number + 1


@export
@hot
def handle_syscall(frame: TrapFrame) -> u64:
    """Make the system call that ring 3 asks for, and do what has to be done before it goes on. The result, for RAX.

    Comes back with interrupts off, so that nothing comes up between the last look and ring 3.
    """
    task, number = current(), frame.error
    if task.is_traced:
        return traced(task, frame, number)
    result: i64 = 0
    for call in UNLOCKED_CALLS:
        if number == call.number:
            result = invoke_registers(
                call.function, task, frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9
            )
            break
    else:
        result = call_locked(task, frame, number)
    value = truncate(u64, result)
    disable_interrupts()
    return returned(task, value) if is_delayed(task) else value


@noinline
def traced(task: Thread, frame: TrapFrame, number: u64) -> u64:
    """`handle_syscall` of a thread of whose calls somebody is told; with the kernel lock, whatever the call."""
    KERNEL_LOCK.enter()
    tracer = tracer_of(task)
    if tracer is not None:
        tracer.entered(task, number)
    result: i64 = -ENOSYS.code
    for call in CALLS:
        if number == call.number:
            result = invoke_registers(
                call.function, task, frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9
            )
            break
    else:
        note_unknown(task, number)
    tracer = tracer_of(task)
    if tracer is not None:
        tracer.left(task, number, result)
    KERNEL_LOCK.leave()
    value = truncate(u64, result)
    disable_interrupts()
    return returned(task, value) if is_delayed(task) else value


def call_locked(task: Thread, frame: TrapFrame, number: u64) -> i64:
    """Make a call that needs the kernel lock, or count one that does not exist."""
    result: i64 = -ENOSYS.code
    if number < LINUX_END:
        for call in LINUX_CALLS:
            if number == call.number:
                KERNEL_LOCK.enter()
                result = invoke_registers(
                    call.function, task, frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9
                )
                KERNEL_LOCK.leave()
                break
        else:
            note_unknown(task, number)
    elif number >= FIRST_OWN_CALL:
        for call in OWN_CALLS:
            if number == call.number:
                KERNEL_LOCK.enter()
                result = invoke_registers(
                    call.function, task, frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9
                )
                KERNEL_LOCK.leave()
                break
        else:
            note_unknown(task, number)
    else:
        note_unknown(task, number)
    return result


@inline
def note_unknown(task: Thread, number: u64) -> None:
    """Let the container show that a program made a call that does not exist."""
    container = task.process.container
    container.unknown_calls.fetch_add(1, Order.RELAXED)
    container.last_unknown_call = number


@noinline
def returned(task: Thread, result: u64) -> u64:
    """The result of a call after what delayed the way back, which may have changed it."""
    frame = task.frame
    frame.rax = result
    before_return(task, True)
    return frame.rax
