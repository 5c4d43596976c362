"""Short sequences that compiled code calls."""

from __future__ import annotations

from codegen.lang import offset_of
from codegen.stubs import Stub, Symbols
from kernel.machine.cpuid import CpuidResult


def _interrupt_window(_symbols: Symbols) -> str:
    """STI takes effect after the instruction that follows: no interrupt is slept over."""
    return """
        sti
        hlt
        cli
        ret
    """


def _halt_forever(_symbols: Symbols) -> str:
    return """
    again:
        cli
        hlt
        jmp again
    """


def _read_cpuid(_symbols: Symbols) -> str:
    """read_cpuid(leaf, subleaf, result)."""
    stores = "\n".join(f"mov [r8 + {offset_of(CpuidResult, name)}], {name}" for name in ("eax", "ebx", "ecx", "edx"))
    return f"""
        push rbx
        mov r8, rdx
        mov eax, edi
        mov ecx, esi
        cpuid
        {stores}
        pop rbx
        ret
    """


STUBS = (
    Stub("interrupt_window", "text", _interrupt_window),
    Stub("halt_forever", "text", _halt_forever),
    Stub("read_cpuid", "text", _read_cpuid),
)
