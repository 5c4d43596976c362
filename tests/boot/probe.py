"""A small kernel in the kernel language, which takes kernel/machine and the stubs through their paths.

test_machine.py compiles it, runs it in QEMU, and reads what it says on COM1.
"""

from __future__ import annotations

from boot.layout import BOOT_TABLES
from codegen.lang import (
    Array,
    FrameNumber,
    Nanoseconds,
    Never,
    Slice,
    UserAddr,
    VirtAddr,
    address_of,
    array,
    construct,
    copy,
    export,
    inline,
    local_array,
    offset_of,
    replace,
    size_of,
    slice_at,
    store,
    struct,
    symbol_address,
    u8,
    u32,
    u64,
)
from kernel.machine import clock, pic
from kernel.machine.cpu import EntryState, initialise_processor, read_fault_address, set_current_cpu
from kernel.machine.cpuid import FEATURES
from kernel.machine.exit import exit_machine
from kernel.machine.fpu import FpuArea, initialise_fpu, initialise_fpu_unit, restore_fpu, save_fpu
from kernel.machine.idt import fill_gates, load_gates
from kernel.machine.instructions import invalidate_page
from kernel.machine.io_apic import SERIAL_1_LINE, route_line
from kernel.machine.local_apic import (
    TIMER_RATE,
    enable_local_apic,
    end_of_interrupt,
    local_apic_id,
    start_periodic_timer,
)
from kernel.machine.paging import index_at, table_in
from kernel.machine.pvh import start_info_at
from kernel.machine.segments import load_segments, set_kernel_stack
from kernel.machine.stubs import copy_user, interrupt_window, switch_context
from kernel.machine.trap import TrapFrame, Vector
from kernel.machine.uart import COM1
from kernel.machine.user_fault import abort_user_copy, is_user_copy

PROGRAM = (
    b"\xb8\x2a\x00\x00\x00"  # mov eax, 42
    b"\xbf\x07\x00\x00\x00"  # mov edi, 7
    b"\x0f\x05"  # syscall
    b"\xcc"  # int3
    b"\x89\xc7"  # mov edi, eax
    b"\xb8\x3c\x00\x00\x00"  # mov eax, 60
    b"\x0f\x05"  # syscall
)
PROGRAM_ADDRESS: u64 = 0x800000
UNMAPPED_ADDRESS: u64 = 0x7F0000000000
STACK_SIZE: u64 = 16384
TICKS: u64 = 5


@struct
class Probe:
    """What happened, and the stacks."""

    entry: EntryState = inline()
    ticks: u64 = 0
    received: u8 = 0
    saved_stack: u64 = 0
    fpu: FpuArea = inline()
    thread_stack: Array[u8] = array(16384)
    entry_stack: Array[u8] = array(16384)


PROBE = Probe()


def say(text: Slice[u8], value: u64) -> None:
    """Print a line: text, and a number in hexadecimal."""
    digits = local_array(u8, 17)
    rest = value
    for place in range(16):
        digit = u8(rest & 15)
        first: u8 = 0x30 if digit < 10 else 0x57
        digits[15 - place] = digit + first
        rest >>= 4
    digits[16] = 0x0A
    COM1.write(text)
    COM1.write(digits)


@export
def trap_failed(kind: u32) -> Never:
    """A checked operation failed."""
    say(b"failed ", u64(kind))
    exit_machine(1)


@export
def trap_message(address: u64, length: u64) -> None:
    """The text of an assertion."""
    COM1.write(slice_at(u8, address, length))
    COM1.write(b"\n")


@export
def handle_trap(frame: TrapFrame) -> None:
    """Every exception and interrupt."""
    if frame.vector == u64(Vector.TIMER):
        PROBE.ticks += 1
        end_of_interrupt()
    elif frame.vector == u64(Vector.CONSOLE_SERIAL):
        while COM1.has_input():
            PROBE.received = COM1.take()
        end_of_interrupt()
    elif frame.vector == u64(Vector.PAGE_FAULT) and is_user_copy(frame):
        say(b"refused ", read_fault_address())
        abort_user_copy(frame)
    elif frame.vector == u64(Vector.BREAKPOINT) and frame.from_user:
        say(b"breakpoint at ", frame.rip)
    else:
        say(b"vector ", frame.vector)
        say(b"error ", frame.error)
        say(b"at ", frame.rip)
        exit_machine(2)


@export
def handle_syscall(frame: TrapFrame) -> u64:
    """Call 42 doubles its argument, call 60 ends the machine with it."""
    say(b"call ", frame.error)
    if frame.error == 60:
        ticks = PROBE.ticks
        while PROBE.ticks == ticks:
            interrupt_window()
        exit_machine(u8(frame.rdi))
    return frame.rdi * 2


def allow_user_page(address: u64) -> None:
    """Let ring 3 use the large page at `address`, in the first page tables."""
    frame = FrameNumber(BOOT_TABLES // 4096)
    level: u64 = 4
    while level >= 2:
        table = table_in(frame)
        index = index_at(address, level)
        table.entries[index] = replace(table.entries[index], user=True)
        frame = table.entries[index].frame
        level -= 1
    invalidate_page(address)


def enter_program() -> None:
    """Go to ring 3 by a stack that looks as if it had been switched away from."""
    allow_user_page(PROGRAM_ADDRESS)
    copy(slice_at(u8, PROGRAM_ADDRESS + 0xFFFF800000000000, len(PROGRAM)), PROGRAM)
    top = address_of(PROBE.thread_stack[:]) + STACK_SIZE
    frame = construct(TrapFrame, top - size_of(TrapFrame))
    frame.start_user(UserAddr(PROGRAM_ADDRESS), UserAddr(PROGRAM_ADDRESS + 0x10000))
    start = address_of(frame) - 56
    store(u64, slice_at(u8, start, 56), 48, symbol_address("enter_user"))
    switch_context(address_of(PROBE) + offset_of(Probe, "saved_stack"), start)


@export
def kernel_main(start_info: u64) -> None:
    """Go through everything."""
    COM1.initialise()
    info = start_info_at(start_info)
    say(b"memory ranges ", u64(info.memory_map_count))
    COM1.write(info.command_line())
    COM1.write(b"\n")
    initialise_processor()
    load_segments(0)
    fill_gates()
    load_gates()
    initialise_fpu_unit()
    initialise_fpu(PROBE.fpu)
    restore_fpu(PROBE.fpu)
    save_fpu(PROBE.fpu)
    say(b"smap ", 1 if FEATURES.smap else 0)
    say(b"not copied ", copy_user(address_of(PROBE.entry_stack[:]), UNMAPPED_ADDRESS, 100))
    pic.disable_pic()
    enable_local_apic()
    clock.CLOCK.initialise(0, 0)
    say(b"tsc kHz ", clock.CLOCK.tsc_hertz // 1000)
    say(b"timer kHz ", TIMER_RATE.kilohertz)
    say(b"date ", clock.CLOCK.start_date)
    start_periodic_timer(Nanoseconds(1_000_000))
    before = clock.monotonic()
    while PROBE.ticks < TICKS:
        interrupt_window()
    say(b"nanoseconds ", clock.monotonic() - before)
    route_line(SERIAL_1_LINE, Vector.CONSOLE_SERIAL, local_apic_id())
    COM1.enable_receive_interrupt()
    COM1.write(b"ready\n")
    while PROBE.received == 0:
        interrupt_window()
    say(b"received ", u64(PROBE.received))
    top = address_of(PROBE.entry_stack[:]) + STACK_SIZE
    PROBE.entry.self_address = address_of(PROBE)
    PROBE.entry.kernel_stack = top
    set_current_cpu(address_of(PROBE))
    set_kernel_stack(0, VirtAddr(top))
    enter_program()
