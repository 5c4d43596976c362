"""Entry and exit of system calls (SDM vol. 2B, SYSCALL and SYSRET).

SYSCALL leaves the return address in RCX and RFLAGS in R11, loads neither stack nor GS, and comes with
interrupts off (`SYSTEM_CALL_MASK`). The frame is that of a trap; `handle_syscall` gets it with interrupts on
and leaves the result in its RAX.
"""

from __future__ import annotations

from boot.layout import USER_CODE, USER_DATA
from boot.stubs.registers import GENERAL, SAVE, field
from codegen.frames import CallFrame
from codegen.lang import offset_of, size_of
from codegen.stubs import Stub, Symbols
from kernel.machine.cpu import EntryState
from kernel.machine.trap import SYSTEM_CALL_VECTOR, TrapFrame

LOWER_HALF_BITS = 47


def _restore_for_sysret() -> str:
    """All but R11 and RCX, which SYSRET takes RFLAGS and RIP from."""
    return "\n".join("add rsp, 8" if name in ("r11", "rcx") else f"pop {name}" for name in GENERAL)


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
        cli
        cmp qword ptr [rsp + {field("vector")}], {SYSTEM_CALL_VECTOR}
        jne {symbols["trap_return"]:#x}
        mov rcx, [rsp + {field("rip")}]
        mov rax, rcx
        shr rax, {LOWER_HALF_BITS}
        jnz {symbols["trap_return"]:#x}
        mov r11, [rsp + {field("rflags")}]
        {_restore_for_sysret()}
        mov rsp, [rsp + {field("rsp") - field("vector")}]
        swapgs
        sysret
    """


END = size_of(TrapFrame)
ON_KERNEL_STACK = CallFrame(depth=0, saved={"rip": END - field("rip"), "rsp": END - field("rsp")})
"""For debuggers: the frame is pushed from the top of the kernel stack on. SYSCALL is the caller, as a call is."""

STUBS = (Stub("syscall_entry", "text", _entry, frame=ON_KERNEL_STACK),)
