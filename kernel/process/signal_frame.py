"""Signal frames: what a handler finds on its stack (System V ABI, Linux arch/x86/include/uapi/asm/sigcontext.h).

From the stack pointer up: the return address (`sa_restorer`), a ucontext_t, a siginfo_t, and, 64-byte aligned, the
floating-point registers. rt_sigreturn(2) takes everything back from there.
"""

from __future__ import annotations

from codegen.lang import (
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
)
from kernel.base.errno import EFAULT
from kernel.machine.fpu import FXSAVE_SIZE, VECTOR_CONTROL_OFFSET
from kernel.machine.layout import USER_END
from kernel.machine.trap import TrapFrame, user_flags
from kernel.memory import user
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
VECTOR_CONTROL_BITS: u32 = 0xFFFF
"""Loading an MXCSR with another bit set is a general-protection fault (SDM vol. 1, section 10.2.3)."""
STACK_DISABLED: u32 = 2
"""SS_DISABLE (sigaltstack(2))."""


def stack_for(thread: Thread, action: SignalAction, pointer: u64) -> u64:
    """The stack pointer to build a frame below: that of the alternate stack if it is wanted and not in use."""
    if action.flags & u64(ActionFlags.ON_STACK) != 0 and thread.alternate_stack_size != 0:
        base = u64(thread.alternate_stack)
        if not base <= pointer < base + thread.alternate_stack_size:
            return base + thread.alternate_stack_size
    return pointer - min(pointer, RED_ZONE)


def push_frame(thread: Thread, action: SignalAction, info: SignalInfo) -> Fallible[None]:
    """Let `thread` go on in the handler of a signal. EFAULT when the frame does not fit its stack."""
    frame = thread.frame
    top = stack_for(thread, action, frame.rsp)
    if top >= USER_END or top < FRAME_SIZE + FXSAVE_SIZE + 128:
        raise EFAULT
    floating = align_down(top - FXSAVE_SIZE, 64)
    start = align_down(floating - FRAME_SIZE, 16) - 8
    switch.keep_fpu(thread)
    area = thread.fpu_area
    assert area is not None, "programs have floating-point registers"
    user.copy_out(UserSlice(UserAddr(floating), FXSAVE_SIZE), area.bytes()[0:FXSAVE_SIZE])
    buffer = local_array(u8, FRAME_SIZE)
    store(u64, buffer, 0, u64(action.restorer))
    store(u64, buffer, 24, u64(thread.alternate_stack))
    store(u32, buffer, 32, STACK_DISABLED if thread.alternate_stack_size == 0 else 0)
    store(u64, buffer, 40, thread.alternate_stack_size)
    store_registers(buffer[REGISTERS:FLOATING_POINT], frame)
    store(u64, buffer, FLOATING_POINT, floating)
    store(u64, buffer, MASK, thread.saved_signal_mask)
    info.put(buffer[8 + CONTEXT_SIZE : FRAME_SIZE])
    user.copy_out(UserSlice(UserAddr(start), FRAME_SIZE), buffer)
    frame.rsp = start
    frame.rip = u64(action.handler)
    frame.rax = 0
    frame.rdi = u64(info.signal)
    frame.rsi = start + 8 + CONTEXT_SIZE
    frame.rdx = start + 8
    frame.rflags = user_flags(0)
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


def pop_frame(thread: Thread) -> Fallible[None]:
    """rt_sigreturn(2): take back registers and mask from the frame at the stack pointer. EFAULT."""
    frame = thread.frame
    # The handler's `ret` has taken the return address off.
    buffer = local_array(u8, CONTEXT_SIZE)
    user.copy_in(buffer, UserSlice(UserAddr(frame.rsp), CONTEXT_SIZE))
    floating = load(u64, buffer, FLOATING_POINT - 8)
    if floating != 0:
        area = thread.fpu_area
        assert area is not None, "programs have floating-point registers"
        switch.keep_fpu(thread)
        user.copy_in(area.bytes()[0:FXSAVE_SIZE], UserSlice(UserAddr(floating), FXSAVE_SIZE))
        registers = area.bytes()
        store(u32, registers, VECTOR_CONTROL_OFFSET, load(u32, registers, VECTOR_CONTROL_OFFSET) & VECTOR_CONTROL_BITS)
        area.mark_legacy_state()
        switch.load_fpu(thread)
    load_registers(buffer[REGISTERS - 8 : FLOATING_POINT - 8], frame)
    mask = load(u64, buffer, MASK - 8)
    thread.signal_mask = mask & (UNBLOCKABLE ^ 0xFFFF_FFFF_FFFF_FFFF)
    frame.return_fully()


def load_registers(registers: MutableSlice[u8], frame: TrapFrame) -> Fallible[None]:
    """The inverse of `store_registers`: nothing that ring 3 may not set is taken. EFAULT for a bad address."""
    if load(u64, registers, 128) >= USER_END:
        raise EFAULT
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
    frame.rflags = user_flags(load(u64, registers, 136))
