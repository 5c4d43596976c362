"""Traps: exceptions and interrupts, from the entry stubs to who handles them (SDM vol. 3A, chapter 6).

An exception of ring 3 becomes a signal. One of the kernel is a bug, and ends the machine, with one exception: a page
fault on user memory in the copy stubs ends the copy (EFAULT).
"""

from __future__ import annotations

from codegen.lang import Errno, Fallible, Never, export, inline, u32, u64
from kernel.base.errno import EFAULT, ENOMEM
from kernel.base.log import log
from kernel.base.panic import fail
from kernel.devices.channel import CHANNEL
from kernel.devices.serial import CONSOLE
from kernel.machine.cpu import read_fault_address
from kernel.machine.instructions import disable_interrupts, enable_interrupts
from kernel.machine.layout import USER_END
from kernel.machine.local_apic import end_of_interrupt
from kernel.machine.translations import serve
from kernel.machine.trap import TrapFrame, Vector
from kernel.machine.user_fault import abort_user_copy, is_user_copy, may_fill_in
from kernel.memory.failures import FAILURES
from kernel.memory.fault import handle_fault
from kernel.memory.region import Access
from kernel.memory.space import AddressSpace
from kernel.process.deliver import before_return, fault, is_delayed
from kernel.process.ending import kill_process, status_of_signal
from kernel.process.exceptions import handle_exception
from kernel.process.exit import exit_process
from kernel.process.signal_queue import SI_KERNEL
from kernel.process.signal_table import Signal
from kernel.sched.cpu import FIRST_INTERRUPT, current, this_cpu
from kernel.sched.kernel_lock import KERNEL_LOCK
from kernel.sched.preemption import give_way
from kernel.sched.scheduler import tick, yield_now
from kernel.sched.thread import Thread
from kernel.sched.timer import expire_sleepers

MOST_TRIES: u64 = 200
"""How often a fault waits for others to give back memory, before a process more is killed."""
SEGV_MAPERR: u32 = 1
SEGV_ACCERR: u32 = 2
BUS_ADRERR: u32 = 2
"""`si_code` of SIGSEGV and SIGBUS (sigaction(2))."""


@export
def handle_trap(frame: TrapFrame) -> None:
    """Handle what interrupted the processor; the entry stub goes on with `frame` afterwards."""
    if frame.vector >= FIRST_INTERRUPT:
        handle_interrupt(frame.vector, frame.from_user)
    elif frame.vector == u64(Vector.PAGE_FAULT):
        handle_page_fault(frame)
    elif frame.vector == u64(Vector.NON_MASKABLE):
        # Another processor panics, or somebody at QEMU's monitor wants to see where this one is.
        fail(b"non-maskable interrupt", frame.rip, frame.rbp)
    elif frame.from_user:
        enable_interrupts()
        KERNEL_LOCK.enter()
        handle_exception(current(), frame)
        KERNEL_LOCK.leave()
    else:
        stop_machine(frame)
    if frame.from_user:
        disable_interrupts()
        if is_delayed(current()):
            before_return(current(), False)


def stop_machine(frame: TrapFrame) -> Never:
    """The kernel itself faulted."""
    log(f"trap {frame.vector}, error {frame.error:#x}, at {frame.rip:#x}, address {read_fault_address():#x}")
    log(f"rax {frame.rax:#x} rbx {frame.rbx:#x} rdi {frame.rdi:#x} rsi {frame.rsi:#x} rsp {frame.rsp:#x}")
    fail(b"the kernel faulted", frame.rip, frame.rbp)


def handle_interrupt(vector: u64, from_user: bool) -> None:
    """A device wants attention. Interrupts are off."""
    this_cpu().count_interrupt(vector)
    if vector == u64(Vector.TIMER):
        end_of_interrupt()
        expire_sleepers()
        tick(not from_user)
    elif vector == u64(Vector.CONSOLE_SERIAL):
        end_of_interrupt()
        CONSOLE.interrupt()
    elif vector == u64(Vector.AGENT_SERIAL):
        end_of_interrupt()
        CHANNEL.interrupt()
    elif vector == u64(Vector.RESCHEDULE):
        end_of_interrupt()
    elif vector == u64(Vector.TLB_SHOOTDOWN):
        end_of_interrupt()
        serve()


def handle_page_fault(frame: TrapFrame) -> None:
    """Fill in the page, end the copy, signal the program, or find a bug of the kernel."""
    address = read_fault_address()
    in_copy = not frame.from_user and is_user_copy(frame)
    if not frame.from_user and not (in_copy and address < USER_END):
        stop_machine(frame)
    if in_copy and not may_fill_in(frame):
        abort_user_copy(frame)
        return
    if frame.from_user:
        enable_interrupts()
    if KERNEL_LOCK.is_mine:
        serve_page_fault(frame, address, in_copy)
    else:
        KERNEL_LOCK.enter()
        serve_page_fault(frame, address, in_copy)
        KERNEL_LOCK.leave()


def serve_page_fault(frame: TrapFrame, address: u64, in_copy: bool) -> None:
    """`handle_page_fault`, for an address that a program may use, with the kernel lock."""
    error = frame.page_fault_error()
    if frame.from_user and not error.user:
        # An access of ring 3 that counts as the kernel's, such as QEMU makes for a far return: SMAP refuses it as often
        # as it is made, whatever is mapped.
        fault(current(), u32(Signal.SEGMENTATION), u32(SI_KERNEL), 0)
        return
    access = Access.READ
    if error.write:
        access = Access.WRITE
    elif error.instruction_fetch:
        access = Access.EXECUTE
    thread = current()
    space = thread.space
    try:
        if space is None:
            raise EFAULT
        fill_in(thread, space, address, access, frame.from_user)
        if in_copy and FAILURES.copies_yield != 0:
            yield_now()
    except Errno as failure:
        if failure.code == ENOMEM.code and space is thread.process.space:
            if not in_copy:
                exit_process(status_of_signal(u32(Signal.KILL)))
            kill_process(thread.process, u32(Signal.KILL))
        if in_copy:
            abort_user_copy(frame)
        elif failure.code == EFAULT.code:
            fault(thread, u32(Signal.SEGMENTATION), code_at(space, address), address)
        else:
            fault(thread, u32(Signal.BUS), BUS_ADRERR, address)


@inline
def fill_in(thread: Thread, space: AddressSpace, address: u64, access: Access, may_wait: bool) -> Fallible[None]:
    """Make an access possible; while there is no page for it, make room, as often as that helps.

    ENOMEM: the process is to end, or `space` is not its own yet (execve(2)). EFAULT and ENXIO as `handle_fault`.
    """
    tries: u64 = 0
    while True:
        try:
            handle_fault(space, address, access)
            thread.usage.faults += 1
            return
        except ENOMEM:
            process = thread.process
            if space is not process.space:
                space.starved = True
                raise
            tries += 1
            if thread.killed or not process.container.make_room(process, may_wait and tries < MOST_TRIES):
                raise
            give_way()


def code_at(space: AddressSpace | None, address: u64) -> u32:
    """Why an access failed: there is a mapping that does not allow it, or none."""
    if space is None:
        return SEGV_MAPERR
    with space.lock:
        return SEGV_MAPERR if space.region_at(address) is None else SEGV_ACCERR
