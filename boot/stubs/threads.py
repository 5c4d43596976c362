"""The switch from one kernel stack to another, and where new threads begin."""

from __future__ import annotations

from boot.stubs.registers import GENERAL, interrupted
from codegen.frames import OUTERMOST
from codegen.stubs import Stub, Symbols

CALLEE_SAVED = ("rbp", "rbx", "r12", "r13", "r14", "r15")
"""In the order in which they are pushed; kernel/sched/switch.py prepares new stacks to match."""


def _switch(_symbols: Symbols) -> str:
    """switch_context(save, load)."""
    pushes = "\n".join(f"push {name}" for name in CALLEE_SAVED)
    pops = "\n".join(f"pop {name}" for name in reversed(CALLEE_SAVED))
    return f"""
        {pushes}
        mov [rdi], rsp
        mov rsp, rsi
        {pops}
        ret
    """


def _start(_symbols: Symbols) -> str:
    """The first code of every thread. RBP 0 ends the chain of frames."""
    return """
        xor ebp, ebp
        mov rdi, rbx
        call r12
        ret
    """


def _enter_user(symbols: Symbols) -> str:
    """Leave for ring 3 by the `TrapFrame` at the stack pointer."""
    return f"jmp {symbols['trap_return']:#x}"


STUBS = (
    Stub("switch_context", "text", _switch),
    Stub("start_kernel_thread", "text", _start, frame=OUTERMOST),
    Stub("enter_user", "text", _enter_user, frame=interrupted(GENERAL[0], *GENERAL)),
)
