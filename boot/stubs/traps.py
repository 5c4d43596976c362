"""Entry and exit of exceptions and interrupts.

Every vector has an entry of 16 bytes that makes the stack alike for all: vector above error code above what
the processor pushed. `trap_common` completes the `TrapFrame` and calls `handle_trap`, which the kernel
exports, with interrupts off.
"""

from __future__ import annotations

from collections.abc import Callable

from boot.stubs.registers import GENERAL, RESTORE, SAVE, clear_access_flag, field, interrupted
from codegen.stubs import Stub, Symbols
from kernel.machine.idt import ENTRY_STRIDE, VECTOR_COUNT, stack_of
from kernel.machine.msr import Msr
from kernel.machine.trap import ERROR_CODE_VECTORS

SELECTOR_BEFORE_SAVE = field("cs") - field("vector")
USER_PRIVILEGE = 3


def _entry(vector: int) -> Callable[[Symbols], str]:
    error_code = "" if vector in ERROR_CODE_VECTORS else "push 0"
    common = "trap_any_time" if stack_of(vector) else "trap_common"

    def text(symbols: Symbols) -> str:
        return f"{error_code}\npush {vector}\njmp {symbols[common]:#x}"

    return text


CALL_HANDLER = """
        mov rdi, rsp
        mov rax, [rdi + {rip}]
        inc rax
        test byte ptr [rdi + {cs}], 3
        jz in_kernel
        xor ebp, ebp
    in_kernel:
        push rax
        push rbp
        mov rbp, rsp
        call {handler:#x}
        add rsp, 16
"""
"""Calls `handle_trap` in a frame of its own, whose return address is one byte into the interrupted
instruction: a walk along the RBP chain sees that instruction too. The chain ends at ring 3."""


def _call_handler(symbols: Symbols) -> str:
    return CALL_HANDLER.format(rip=field("rip"), cs=field("cs"), handler=symbols["handle_trap"])


def _common(symbols: Symbols) -> str:
    return f"""
        test byte ptr [rsp + {SELECTOR_BEFORE_SAVE}], {USER_PRIVILEGE}
        jz from_kernel
        swapgs
    from_kernel:
        {SAVE}
        cld
        {clear_access_flag(symbols)}
        {_call_handler(symbols)}
    """


def _return(_symbols: Symbols) -> str:
    """Go back to what the frame at the stack pointer says. `trap_common` falls into it."""
    return f"""
        cli
        test byte ptr [rsp + {field("cs")}], {USER_PRIVILEGE}
        jz to_kernel
        swapgs
    to_kernel:
        {RESTORE}
        add rsp, 16
        iretq
    """


def _any_time(symbols: Symbols) -> str:
    """NMI, double fault, machine check: they come between SWAPGS and its use as well, so CS tells nothing.

    The sign of the GS base does: a kernel address is negative, and ring 3 cannot set one.
    """
    return f"""
        {SAVE}
        cld
        {clear_access_flag(symbols)}
        mov ecx, {Msr.GS_BASE.value:#x}
        rdmsr
        xor ebx, ebx
        test edx, edx
        js has_kernel_base
        swapgs
        inc ebx
    has_kernel_base:
        {_call_handler(symbols)}
        test ebx, ebx
        jz keep_base
        swapgs
    keep_base:
        {RESTORE}
        add rsp, 16
        iretq
    """


def _entry_stub(vector: int) -> Stub:
    frame = interrupted("error" if vector in ERROR_CODE_VECTORS else "rip")
    return Stub(f"trap_entry_{vector}", "text", _entry(vector), ENTRY_STRIDE, frame=frame)


STUBS = (
    *map(_entry_stub, range(VECTOR_COUNT)),
    Stub("trap_common", "text", _common, frame=interrupted("vector")),
    Stub("trap_return", "text", _return, alignment=1, frame=interrupted(GENERAL[0], *GENERAL)),
    Stub("trap_any_time", "text", _any_time, frame=interrupted("vector")),
)
