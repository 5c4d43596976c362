"""From the start-up interrupt, 16-bit real mode, to 64-bit mode: every processor but the first.

A copy of `trampoline` lies in a page below 1 MiB, where CS points to; all else runs where it is linked. The first
page tables, which map it there, still stand; `processor_entry` goes on with those of the kernel. The `StartOrder`
(kernel/machine/trampoline.py) says which these are, what stack and number the processor has, and what to call.
"""

from __future__ import annotations

from boot.layout import DIRECT_MAP, KERNEL_DATA, LOCAL_APIC, START_ORDER
from boot.stubs.entry import PROTECTED_CODE, enter_long_mode
from codegen.frames import OUTERMOST
from codegen.lang import offset_of, to_raw
from codegen.stubs import Stub, Symbols
from kernel.machine.cpu import ControlRegister0
from kernel.machine.local_apic import LocalApic
from kernel.machine.msr import Msr
from kernel.machine.trampoline import TAKEN, StartOrder


def _real_mode(symbols: Symbols) -> str:
    """Switch to protected mode, and jump up to where the image lies. LGDT takes 24 bits of the address here."""
    pointer = symbols["trampoline_descriptor_pointer"] - symbols["trampoline"]
    return f"""
        cli
        cld
        mov ax, cs
        mov ds, ax
        lgdt [{pointer}]
        mov eax, {to_raw(ControlRegister0(protected_mode=True))}
        mov cr0, eax
        .byte 0x66, 0xea                # a far jump to a 32-bit address, which keystone has no text for
        .long {symbols["processor_protected_mode"]:#x}
        .short {PROTECTED_CODE}
    """


def _descriptor_pointer(symbols: Symbols) -> str:
    """Limit and base, for LGDT: the boot processor's own first descriptors."""
    return f".short {PROTECTED_CODE + 7}\n.long {symbols['boot_descriptors']:#x}"


def _protected_mode(symbols: Symbols) -> str:
    return f"""
        mov eax, {KERNEL_DATA}
        mov ds, ax
        mov ss, ax
        {enter_long_mode(symbols, "processor_long_mode")}
    """


def _long_mode(symbols: Symbols) -> str:
    """Leave the boot section, which only the first page tables map where it is linked."""
    return f"""
        mov eax, {KERNEL_DATA}
        mov ds, ax
        mov es, ax
        mov ss, ax
        xor eax, eax
        mov fs, ax
        mov gs, ax
        mov rax, {symbols["processor_entry"]:#x}
        jmp rax
    """


def _entry(_symbols: Symbols) -> str:
    """Take over page tables and stack from the order. EFER comes first: the tables have no-execute bits.

    Who comes so late that the order is withdrawn, or is another one's by now, must not touch the stack in it.
    """

    def order(field: str) -> str:
        return f"[rbx + {offset_of(StartOrder, field)}]"

    return f"""
        movabs rbx, {DIRECT_MAP + START_ORDER:#x}
        mov ecx, {Msr.EFER.value:#x}
        mov eax, {order("extended_features")}
        xor edx, edx
        wrmsr
        mov rax, {order("page_table")}
        mov cr3, rax
        movabs rdx, {DIRECT_MAP + LOCAL_APIC + offset_of(LocalApic, "identifier"):#x}
        mov eax, [rdx]
        shr eax, 24
        inc eax
        mov edx, {TAKEN}
        lock cmpxchg {order("taker")}, edx
        jne too_late
        mov rsp, {order("stack")}
        mov edi, {order("number")}
        xor ebp, ebp
        call qword ptr {order("main")}
    too_late:
        cli
        hlt
        jmp too_late
    """


STUBS = (
    Stub("trampoline", "boot", _real_mode, bits=16),
    Stub("trampoline_descriptor_pointer", "boot", _descriptor_pointer, alignment=1),
    Stub("trampoline_end", "boot", lambda _symbols: ".byte 0", alignment=1),
    Stub("processor_protected_mode", "boot", _protected_mode, bits=32),
    Stub("processor_long_mode", "boot", _long_mode, frame=OUTERMOST),
    Stub("processor_entry", "text", _entry, frame=OUTERMOST),
)
