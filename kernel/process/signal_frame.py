"""Signal frames: what a handler finds on its stack (System V ABI, Linux arch/x86/include/uapi/asm/sigcontext.h).

From the stack pointer up: the return address (`sa_restorer`), a ucontext_t, a siginfo_t, and, 64-byte aligned, the
floating-point and vector registers (extended_state.py). rt_sigreturn(2) takes everything back from there.
"""

from __future__ import annotations

from boot.layout import USER_CODE, USER_DATA
from codegen.lang import (
    Errno,
    Fallible,
    MutableSlice,
    UserAddr,
    UserSlice,
    align_down,
    fill,
    load,
    local_array,
    store,
    u8,
    u16,
    u32,
    u64,
    wrapping_add,
)
from kernel.base.errno import EFAULT
from kernel.machine.cpuid import FEATURES
from kernel.machine.layout import USER_END
from kernel.machine.trap import TrapFrame, Vector, handler_flags, restored_flags
from kernel.memory import user
from kernel.process import alternate_stack, extended_state, restart
from kernel.process.signal_queue import SignalInfo
from kernel.process.signal_table import UNBLOCKABLE, ActionFlags, SignalAction
from kernel.sched import switch
from kernel.sched.thread import Thread

CONTEXT_SIZE: u64 = 304
"""struct ucontext up to and with its 64-bit signal mask."""
INFORMATION_SIZE: u64 = 128
FRAME_SIZE: u64 = 8 + CONTEXT_SIZE + INFORMATION_SIZE
RED_ZONE: u64 = 128
REGISTERS: u64 = 8 + 40
"""Where in the frame the registers (struct sigcontext) begin: after uc_flags, uc_link and uc_stack."""
FLOATING_POINT: u64 = REGISTERS + 184
MASK: u64 = 8 + 296
USER_PRIVILEGE: u16 = 3
UC_FP_XSTATE: u64 = 1
UC_SIGCONTEXT_SS: u64 = 2
UC_STRICT_RESTORE_SS: u64 = 4
"""Bits of uc_flags (arch/x86/include/uapi/asm/ucontext.h)."""


def stack_for(thread: Thread, action: SignalAction) -> Fallible[tuple[u64, u64]]:
    """Where the floating-point registers and the frame go: on the alternate stack if it is wanted and not in use.

    EFAULT when the alternate stack, or what is below the stack pointer, is too small.
    """
    pointer = thread.frame.rsp
    top = pointer - min(pointer, RED_ZONE)
    was_within = alternate_stack.is_in_use(thread, pointer)
    is_entered = action.flags & u64(ActionFlags.ON_STACK) != 0 and alternate_stack.state_of(thread, top) == 0
    if is_entered:
        top = wrapping_add(u64, u64(thread.alternate_stack), thread.alternate_stack_size)
    size = extended_state.size_in_frame()
    if top >= USER_END or top < FRAME_SIZE + size + 128:
        raise EFAULT
    floating = align_down(top - size, extended_state.ALIGNMENT)
    start = align_down(floating - FRAME_SIZE, 16) - 8
    if (was_within or is_entered) and not alternate_stack.is_within(thread, start):
        raise EFAULT
    return floating, start


def push_frame(thread: Thread, action: SignalAction, info: SignalInfo, mask: u64, is_fault: bool) -> Fallible[None]:
    """Let the running `thread` go on in the handler of a signal, and after that with the signal mask `mask`.

    EFAULT when the frame does not fit its stack.

    With `is_fault` the handler learns which exception it was, in the last fields of struct sigcontext.
    """
    frame = thread.frame
    floating, start = stack_for(thread, action)
    extended_state.put_state(thread, floating)
    buffer = local_array(u8, FRAME_SIZE)
    store(u64, buffer, 0, u64(action.restorer))
    store(u64, buffer, 8, UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (UC_FP_XSTATE if FEATURES.xsave else 0))
    store(u64, buffer, 24, u64(thread.alternate_stack))
    store(u32, buffer, 32, thread.alternate_stack_flags)
    store(u64, buffer, 40, thread.alternate_stack_size)
    store_registers(buffer[REGISTERS:FLOATING_POINT], frame)
    if is_fault:
        store_fault(buffer[REGISTERS:FLOATING_POINT], frame, info)
    store(u64, buffer, REGISTERS + 168, mask)
    store(u64, buffer, FLOATING_POINT, floating)
    store(u64, buffer, MASK, mask)
    info.put(buffer[8 + CONTEXT_SIZE : FRAME_SIZE])
    user.copy_out(UserSlice(UserAddr(start), FRAME_SIZE), buffer)
    switch.reset_fpu(thread)
    if thread.alternate_stack_flags & alternate_stack.SS_AUTODISARM != 0:
        alternate_stack.forget(thread)
    frame.rsp = start
    frame.rip = u64(action.handler)
    frame.rax = 0
    frame.rdi = u64(info.signal)
    frame.rsi = start + 8 + CONTEXT_SIZE
    frame.rdx = start + 8
    frame.rflags = handler_flags(frame.rflags)
    frame.cs = USER_CODE
    frame.ss = USER_DATA
    frame.return_fully()


def store_registers(registers: MutableSlice[u8], frame: TrapFrame) -> None:
    """struct sigcontext, up to the pointer to the floating-point registers."""
    fill(registers, 0)
    store(u64, registers, 0, frame.r8)
    store(u64, registers, 8, frame.r9)
    store(u64, registers, 16, frame.r10)
    store(u64, registers, 24, frame.r11)
    store(u64, registers, 32, frame.r12)
    store(u64, registers, 40, frame.r13)
    store(u64, registers, 48, frame.r14)
    store(u64, registers, 56, frame.r15)
    store(u64, registers, 64, frame.rdi)
    store(u64, registers, 72, frame.rsi)
    store(u64, registers, 80, frame.rbp)
    store(u64, registers, 88, frame.rbx)
    store(u64, registers, 96, frame.rdx)
    store(u64, registers, 104, frame.rax)
    store(u64, registers, 112, frame.rcx)
    store(u64, registers, 120, frame.rsp)
    store(u64, registers, 128, frame.rip)
    store(u64, registers, 136, frame.rflags)
    store(u16, registers, 144, u16(frame.cs))
    store(u16, registers, 150, u16(frame.ss))


def store_fault(registers: MutableSlice[u8], frame: TrapFrame, info: SignalInfo) -> None:
    """`err`, `trapno` and, of a page fault, `cr2` of struct sigcontext."""
    store(u64, registers, 152, frame.error)
    store(u64, registers, 160, frame.vector)
    if frame.vector == u64(Vector.PAGE_FAULT):
        store(u64, registers, 176, info.word)


def pop_frame(thread: Thread) -> Fallible[None]:
    """rt_sigreturn(2): take back registers, mask and alternate stack from the frame at the stack pointer.

    EFAULT when there is none, or when the processor would refuse what is in it: then the registers are those of the
    frame already, as on Linux, and must not go back to ring 3; the vector registers are as at the start.
    """
    frame = thread.frame
    # The handler's `ret` has taken the return address off.
    buffer = local_array(u8, CONTEXT_SIZE)
    user.copy_in(buffer, UserSlice(UserAddr(frame.rsp), CONTEXT_SIZE))
    mask = load(u64, buffer, MASK - 8)
    thread.signal_mask = mask & (UNBLOCKABLE ^ 0xFFFF_FFFF_FFFF_FFFF)
    frame.forget_call()
    restart.forget(thread)
    frame.return_fully()
    take_alternate_stack(thread, buffer)
    load_registers(buffer[REGISTERS - 8 : FLOATING_POINT - 8], frame)
    if load(u64, buffer, 0) & UC_STRICT_RESTORE_SS == 0:
        frame.ss = USER_DATA
    try:
        extended_state.take_state(thread, load(u64, buffer, FLOATING_POINT - 8))
    except EFAULT:
        switch.reset_fpu(thread)
        raise
    if not frame.check_return():
        raise EFAULT


def take_alternate_stack(thread: Thread, context: MutableSlice[u8]) -> None:
    """Set the alternate stack to uc_stack of a context; what sigaltstack(2) would refuse changes nothing."""
    base = UserAddr(load(u64, context, 16))
    try:
        alternate_stack.change(thread, thread.frame.rsp, base, load(u32, context, 24), load(u64, context, 32))
    except Errno:
        return


def load_registers(registers: MutableSlice[u8], frame: TrapFrame) -> None:
    """The inverse of `store_registers`; whether ring 3 can have them is to be checked."""
    frame.r8 = load(u64, registers, 0)
    frame.r9 = load(u64, registers, 8)
    frame.r10 = load(u64, registers, 16)
    frame.r11 = load(u64, registers, 24)
    frame.r12 = load(u64, registers, 32)
    frame.r13 = load(u64, registers, 40)
    frame.r14 = load(u64, registers, 48)
    frame.r15 = load(u64, registers, 56)
    frame.rdi = load(u64, registers, 64)
    frame.rsi = load(u64, registers, 72)
    frame.rbp = load(u64, registers, 80)
    frame.rbx = load(u64, registers, 88)
    frame.rdx = load(u64, registers, 96)
    frame.rax = load(u64, registers, 104)
    frame.rcx = load(u64, registers, 112)
    frame.rsp = load(u64, registers, 120)
    frame.rip = load(u64, registers, 128)
    frame.rflags = restored_flags(frame.rflags, load(u64, registers, 136))
    frame.cs = u64(load(u16, registers, 144) | USER_PRIVILEGE)
    frame.ss = u64(load(u16, registers, 150) | USER_PRIVILEGE)
