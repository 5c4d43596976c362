"""Traps: vectors, the registers that an entry saves, and the reason of a page fault."""

from __future__ import annotations

from enum import IntEnum

from boot.layout import USER_CODE, USER_DATA
from codegen.lang import UserAddr, bit, bits, from_raw, invert, struct, to_raw, u32, u64, width
from kernel.machine.cpu import USER_FLAGS, Flags


@width(u32)
class Vector(IntEnum):
    """Exceptions (SDM vol. 3A, table 6-1), and the vectors that this kernel gives to its interrupts."""

    DIVIDE_ERROR = 0
    DEBUG = 1
    NON_MASKABLE = 2
    BREAKPOINT = 3
    OVERFLOW = 4
    BOUND_RANGE = 5
    INVALID_OPCODE = 6
    FPU_UNAVAILABLE = 7
    DOUBLE_FAULT = 8
    INVALID_TASK_STATE = 10
    SEGMENT_NOT_PRESENT = 11
    STACK_FAULT = 12
    GENERAL_PROTECTION = 13
    PAGE_FAULT = 14
    FPU_ERROR = 16
    ALIGNMENT_CHECK = 17
    MACHINE_CHECK = 18
    VECTOR_ERROR = 19
    CONTROL_PROTECTION = 21
    TIMER = 0x20
    AGENT_SERIAL = 0x23
    CONSOLE_SERIAL = 0x24
    RESCHEDULE = 0x30
    TLB_SHOOTDOWN = 0x31
    SPURIOUS = 0xFF


ERROR_CODE_VECTORS = (8, 10, 11, 12, 13, 14, 17, 21, 29, 30)
"""The exceptions for which the processor pushes an error code (SDM vol. 3A, table 6-1)."""

SYSTEM_CALL_VECTOR = 256
"""In `TrapFrame.vector`: entered by SYSCALL, and SYSRET may return."""

FULL_RETURN_VECTOR = 257
"""In `TrapFrame.vector`: return with IRETQ, as RCX and R11 matter."""


@bits
class PageFaultError:
    """The error code of a page fault (SDM vol. 3A, figure 4-12)."""

    present: bool = bit(0)
    write: bool = bit(1)
    user: bool = bit(2)
    reserved_bit: bool = bit(3)
    instruction_fetch: bool = bit(4)
    protection_key: bool = bit(5)


NO_CALL: u64 = 0xFFFF_FFFF_FFFF_FFFF
"""`error` of a frame whose registers have been replaced: no call has this number."""


@struct(size=176)
class TrapFrame:
    """The registers of whoever was interrupted, as the entry stubs push them (boot/stubs/traps.py).

    The registers that a called function preserves come first: the way back from a system call leaves them out.
    `error` is the error code, 0 where there is none, and the call's number for a system call. Whoever writes
    `rip`, `cs`, `ss` or `rflags` of a frame that returns to ring 3 has checked them (`check_return`); in
    the frame of a system call, whoever writes any register also calls `return_fully`.
    """

    r15: u64 = 0
    r14: u64 = 0
    r13: u64 = 0
    r12: u64 = 0
    rbx: u64 = 0
    rbp: u64 = 0
    r9: u64 = 0
    r8: u64 = 0
    r10: u64 = 0
    rdx: u64 = 0
    rsi: u64 = 0
    rdi: u64 = 0
    r11: u64 = 0
    rcx: u64 = 0
    rax: u64 = 0
    vector: u64 = 0
    error: u64 = 0
    rip: u64 = 0
    cs: u64 = 0
    rflags: u64 = 0
    rsp: u64 = 0
    ss: u64 = 0

    @property
    def from_user(self) -> bool:
        """Whether ring 3 was interrupted: the low two bits of CS are the privilege level."""
        return self.cs & 3 == 3

    def page_fault_error(self) -> PageFaultError:
        """Why the page fault happened."""
        return from_raw(PageFaultError, self.error)

    def check_return(self) -> bool:
        """Whether IRETQ would take it: else that would fault in ring 0."""
        return self.cs == USER_CODE and self.ss == USER_DATA and is_canonical(self.rip)

    def forget_call(self) -> None:
        """The registers are no longer those of the system call that was made: it is not restarted."""
        self.error = NO_CALL

    def return_fully(self) -> None:
        """Restore every register from the frame on the way back from a system call."""
        self.vector = FULL_RETURN_VECTOR

    def start_user(self, entry: UserAddr, stack: UserAddr) -> None:
        """Make this the frame of a program at its start: all registers zero but these two."""
        self.r15 = self.r14 = self.r13 = self.r12 = self.r11 = self.r10 = self.r9 = self.r8 = 0
        self.rdi = self.rsi = self.rbp = self.rdx = self.rcx = self.rbx = self.rax = 0
        self.error = NO_CALL
        self.vector = FULL_RETURN_VECTOR
        self.rip = u64(entry)
        self.cs = USER_CODE
        self.rflags = to_raw(USER_FLAGS)
        self.rsp = u64(stack)
        self.ss = USER_DATA


FREE_FLAGS = Flags(
    carry=True,
    parity=True,
    adjust=True,
    zero=True,
    sign=True,
    trap=True,
    direction=True,
    overflow=True,
    resume=True,
    alignment_check=True,
)
"""What a signal frame may change: FIX_EFLAGS of Linux (arch/x86/include/asm/sighandling.h)."""
HANDLER_CLEARS = Flags(trap=True, direction=True, resume=True)
"""What is off at the start of a handler."""


def restored_flags(current: u64, wanted: u64) -> u64:
    """RFLAGS after rt_sigreturn(2): those that a frame may change as in `wanted`, the others as they are in ring 3."""
    free: u64 = to_raw(FREE_FLAGS)
    return current & invert(u64, free) | wanted & free


def handler_flags(current: u64) -> u64:
    """RFLAGS at the start of a handler, where those of ring 3 are `current`."""
    return current & invert(u64, to_raw(HANDLER_CLEARS))


def is_canonical(address: u64) -> bool:
    """Whether the processor takes an address for RIP: bits 47 to 63 are alike (SDM vol. 1, section 3.3.7.1)."""
    upper = address >> 47
    return upper == 0 or upper == 0x1FFFF
