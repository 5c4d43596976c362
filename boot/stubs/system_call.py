"""Entry and exit of system calls (SDM vol. 2B, SYSCALL and SYSRET).

SYSCALL leaves the return address in RCX and RFLAGS in R11, loads neither stack nor GS, and comes with
interrupts off (`SYSTEM_CALL_MASK`). The frame is that of a trap, and complete; `handle_syscall` gets it with interrupts
on, and returns the result with interrupts off. The way back restores only what that function does not preserve, unless
the frame asks for more (`return_fully`).

SYSRET faults in ring 0, on the stack of ring 3, when RCX is not canonical. That cannot be: RCX is the address behind
a SYSCALL of ring 3, whose last page ends below the canonical half, and who changes `rip` calls `return_fully`.
"""

from __future__ import annotations

from boot.layout import PAGE_SIZE, USER_CODE, USER_DATA, USER_END
from boot.stubs.registers import ARGUMENTS, PRESERVED, SAVE, field
from codegen.frames import CallFrame
from codegen.lang import offset_of, size_of
from codegen.stubs import Stub, Symbols
from kernel.machine.cpu import EntryState
from kernel.machine.trap import SYSTEM_CALL_VECTOR, TrapFrame

LOWER_HALF_END = 1 << 47
assert USER_END <= LOWER_HALF_END - PAGE_SIZE, "the address behind a SYSCALL has to be canonical"

RESTORE_ARGUMENTS = "\n".join(f"pop {name}" for name in ARGUMENTS)
"""Leaves the stack pointer at R11 and RCX, which SYSRET uses up."""


def _entry(symbols: Symbols) -> str:
    user_stack = offset_of(EntryState, "user_stack")
    return f"""
        swapgs
        mov gs:[{user_stack}], rsp
        mov rsp, gs:[{offset_of(EntryState, "kernel_stack")}]
        push {USER_DATA}
        push qword ptr gs:[{user_stack}]
        push r11
        push {USER_CODE}
        push rcx
        push rax
        push {SYSTEM_CALL_VECTOR}
        {SAVE}
        xor ebp, ebp
        mov rdi, rsp
        sti
        call {symbols["handle_syscall"]:#x}
        cmp qword ptr [rsp + {field("vector")}], {SYSTEM_CALL_VECTOR}
        jne {symbols["trap_return"]:#x}
        add rsp, {8 * len(PRESERVED)}
        pop rbp
        {RESTORE_ARGUMENTS}
        pop r11
        pop rcx
        mov rsp, [rsp + {field("rsp") - field("rax")}]
        swapgs
        sysret
    """


END = size_of(TrapFrame)
ON_KERNEL_STACK = CallFrame(depth=0, saved={"rip": END - field("rip"), "rsp": END - field("rsp")})
"""For debuggers: the frame is pushed from the top of the kernel stack on. SYSCALL is the caller, as a call is."""

STUBS = (Stub("syscall_entry", "text", _entry, frame=ON_KERNEL_STACK),)
