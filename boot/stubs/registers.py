"""Saving and restoring the registers of a `TrapFrame`, and where its fields are."""

from __future__ import annotations

from codegen.frames import CallFrame
from codegen.lang import offset_of, size_of
from codegen.stubs import Symbols
from kernel.machine.cpuid import Features
from kernel.machine.trap import TrapFrame

PRESERVED = ("r15", "r14", "r13", "r12", "rbx")
"""What a called function leaves as it was (System V ABI for AMD64, figure 3.4), but for RBP, which stubs zero."""

ARGUMENTS = ("r9", "r8", "r10", "rdx", "rsi", "rdi")
"""Those of a system call (syscall(2)), last one first."""

GENERAL = (*PRESERVED, "rbp", *ARGUMENTS, "r11", "rcx", "rax")
"""As they stand in the frame, ascending."""

assert [offset_of(TrapFrame, name) for name in GENERAL] == [8 * number for number in range(len(GENERAL))]

SAVE = "\n".join(f"push {name}" for name in reversed(GENERAL))
"""With vector and error code pushed before: completes a frame."""

RESTORE = "\n".join(f"pop {name}" for name in GENERAL)
"""Leaves the stack pointer at the frame's vector."""


def field(name: str) -> int:
    """The offset of a field of the frame."""
    return offset_of(TrapFrame, name)


def interrupted(first: str, *also: str) -> CallFrame:
    """What a debugger is told of a stub that begins with the stack pointer at field `first` of a `TrapFrame`.

    `also` are registers that are in the frame already.
    """
    end = size_of(TrapFrame)
    saved = {name: end - field(name) for name in ("rip", "rsp", *also)}
    return CallFrame(end - field(first), saved, interrupts=True)


def clear_access_flag(symbols: Symbols) -> str:
    """CLAC where there is SMAP: ring 3 may have entered with RFLAGS.AC set, which switches SMAP off."""
    return f"""
        cmp byte ptr [{smap_flag(symbols):#x}], 0
        je access_flag_is_clear
        clac
    access_flag_is_clear:
    """


def smap_flag(symbols: Symbols) -> int:
    """The address of `Features.smap`."""
    return symbols["kernel.machine.cpuid.FEATURES"] + offset_of(Features, "smap")
