"""The signals that exceptions of a program become, as on Linux (arch/x86/kernel/traps.c), with codes (sigaction(2))."""

from __future__ import annotations

from codegen.lang import invert, load, u16, u32, u64
from kernel.machine.fpu import STATUS_WORD_OFFSET, VECTOR_CONTROL_OFFSET
from kernel.machine.trap import TrapFrame
from kernel.process.deliver import fault
from kernel.process.signal_queue import SI_KERNEL
from kernel.process.signal_table import Signal
from kernel.sched import switch
from kernel.sched.thread import Thread

FPE_INTDIV: u32 = 1
ILL_ILLOPN: u32 = 2
TRAP_TRACE: u32 = 2
BUS_ADRALN: u32 = 1
X87_EXCEPTION: u64 = 16
VECTOR_EXCEPTION: u64 = 19
EXCEPTIONS = (
    (0, Signal.FLOATING_POINT, FPE_INTDIV, True),
    (1, Signal.TRAP, TRAP_TRACE, True),
    (3, Signal.TRAP, SI_KERNEL, False),
    (6, Signal.ILLEGAL, ILL_ILLOPN, True),
    (11, Signal.BUS, SI_KERNEL, False),
    (12, Signal.BUS, SI_KERNEL, False),
    (17, Signal.BUS, BUS_ADRALN, False),
)
"""Vector, signal, its code, and whether the address of the instruction comes with it; all others are SIGSEGV."""
FLOATING_POINT_CODES = ((0x01, 7), (0x04, 3), (0x08, 4), (0x12, 5), (0x20, 6))
"""Flags of MXCSR and the x87 status word (SDM vol. 1, section 4.9.1): FPE_FLTINV FLTDIV FLTOVF FLTUND FLTRES."""


def handle_exception(thread: Thread, frame: TrapFrame) -> None:
    """Signal an exception other than a page fault to the running `thread`."""
    vector = frame.vector
    if vector == X87_EXCEPTION or vector == VECTOR_EXCEPTION:
        fault(thread, u32(Signal.FLOATING_POINT), floating_point_code(thread, vector), frame.rip)
        return
    for number, signal, code, has_address in EXCEPTIONS:
        if vector == number:
            fault(thread, u32(signal), u32(code), frame.rip if has_address else 0)
            return
    fault(thread, u32(Signal.SEGMENTATION), u32(SI_KERNEL), 0)


def floating_point_code(thread: Thread, vector: u64) -> u32:
    """Why a floating-point instruction failed: the first exception that is not masked."""
    switch.keep_fpu(thread)
    area = thread.fpu_area
    assert area is not None, "programs have floating-point registers"
    content = area.bytes()
    raised: u32 = 0
    if vector == VECTOR_EXCEPTION:
        control = load(u32, content, VECTOR_CONTROL_OFFSET)
        raised = control & invert(u32, control >> 7)
    else:
        raised = u32(load(u16, content, STATUS_WORD_OFFSET) & invert(u16, load(u16, content, 0)))
    for flags, code in FLOATING_POINT_CODES:
        if raised & flags != 0:
            return code
    return 0
