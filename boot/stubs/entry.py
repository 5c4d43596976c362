"""From the PVH entry, 32-bit protected mode without paging, to `kernel_main` in 64-bit mode.

At entry EBX is the physical address of hvm_start_info and interrupts are off (Xen, docs/misc/pvh.pandoc). The
first page tables map 4 GiB at 0 and at DIRECT_MAP, and the first 2 GiB at KERNEL_BASE, in pages of 2 MiB:

    page 0   level 4: entries 0 and 256 -> page 1, entry 511 -> page 2
    page 1   level 3: entries 0 to 3 -> pages 3 to 6
    page 2   level 3: entries 510 and 511 -> pages 3 and 4
    page 3   level 2, and pages 4 to 6: 2048 large pages
"""

from __future__ import annotations

from boot.layout import (
    BOOT_MAPPED,
    BOOT_STACK_TOP,
    BOOT_TABLES,
    BOOT_TABLES_SIZE,
    DIRECT_MAP,
    KERNEL_BASE,
    KERNEL_CODE,
    KERNEL_DATA,
    LARGE_PAGE_SIZE,
    PAGE_SIZE,
)
from codegen.frames import OUTERMOST
from codegen.lang import to_raw
from codegen.stubs import Stub, Symbols
from kernel.machine.cpu import ControlRegister0, ControlRegister4
from kernel.machine.msr import ExtendedFeatures, Msr
from kernel.machine.paging import Entry, index_at
from kernel.machine.segments import CODE_READABLE, FLAT_DESCRIPTORS, flat

TABLE_ENTRY = to_raw(Entry(present=True, writable=True))
LARGE_ENTRY = to_raw(Entry(present=True, writable=True, large=True))
ENTRY_SIZE = 8

PROTECTED_CODE = 0x18
"""The selector of 32-bit code, in the first descriptors only: processors pass through protected mode."""


def _table(number: int) -> int:
    return BOOT_TABLES + number * PAGE_SIZE


def _link(table: int, index: int, target: int) -> str:
    return f"mov dword ptr [{_table(table) + index * ENTRY_SIZE:#x}], {_table(target) + TABLE_ENTRY:#x}"


def _links() -> str:
    kernel_top = index_at(KERNEL_BASE, 4)
    kernel_third = index_at(KERNEL_BASE, 3)
    links = [(0, 0, 1), (0, index_at(DIRECT_MAP, 4), 1), (0, kernel_top, 2)]
    links += [(1, index, 3 + index) for index in range(4)]
    links += [(2, kernel_third, 3), (2, kernel_third + 1, 4)]
    return "\n".join(_link(*link) for link in links)


def _protected_mode(symbols: Symbols) -> str:
    """Clear and fill the tables, and go on to 64-bit mode."""
    return f"""
        cli
        cld
        mov edi, {BOOT_TABLES:#x}
        mov ecx, {BOOT_TABLES_SIZE // 4}
        xor eax, eax
        rep stosd
        {_links()}
        mov edi, {_table(3):#x}
        mov eax, {LARGE_ENTRY:#x}
    next:
        mov dword ptr [edi], eax
        add edi, {ENTRY_SIZE}
        add eax, {LARGE_PAGE_SIZE:#x}
        cmp edi, {_table(3) + BOOT_MAPPED // LARGE_PAGE_SIZE * ENTRY_SIZE:#x}
        jb next
        {enter_long_mode(symbols, "boot_long_mode")}
    """


def enter_long_mode(symbols: Symbols, target: str) -> str:
    """From protected mode to 64-bit code at the symbol `target`, below 4 GiB, on the first page tables."""
    paging = ControlRegister0(protected_mode=True, numeric_error=True, write_protect=True, paging=True)
    return f"""
        mov eax, {to_raw(ControlRegister4(physical_address_extension=True)):#x}
        mov cr4, eax
        mov eax, {_table(0):#x}
        mov cr3, eax
        mov ecx, {Msr.EFER.value:#x}
        rdmsr
        or eax, {to_raw(ExtendedFeatures(long_mode=True)):#x}
        wrmsr
        mov eax, {to_raw(paging):#x}
        mov cr0, eax
        lgdt [{symbols["boot_descriptor_pointer"]:#x}]
        .byte 0xea                      # a far jump, which keystone has no text for
        .long {symbols[target]:#x}
        .short {KERNEL_CODE}
    """


def _long_mode(symbols: Symbols) -> str:
    """Load the data segments and the boot stack, and call the kernel. RBP 0 ends the chain of frames."""
    return f"""
        mov eax, {KERNEL_DATA}
        mov ds, ax
        mov es, ax
        mov ss, ax
        xor eax, eax
        mov fs, ax
        mov gs, ax
        movabs rsp, {DIRECT_MAP + BOOT_STACK_TOP:#x}
        xor ebp, ebp
        mov edi, ebx
        mov rax, {symbols["kernel_main"]:#x}
        call rax
    stop:
        hlt
        jmp stop
    """


def _descriptors(_symbols: Symbols) -> str:
    descriptors = (*FLAT_DESCRIPTORS[:3], flat(CODE_READABLE, 0, False))
    return "\n".join(f".quad {to_raw(descriptor):#x}" for descriptor in descriptors)


def _descriptor_pointer(symbols: Symbols) -> str:
    """Limit and base, for LGDT."""
    return f".short {PROTECTED_CODE + 7}\n.long {symbols['boot_descriptors']:#x}\n.long 0"


STUBS = (
    Stub("pvh_entry", "boot", _protected_mode, bits=32),
    Stub("boot_long_mode", "boot", _long_mode, frame=OUTERMOST),
    Stub("boot_descriptors", "boot", _descriptors),
    Stub("boot_descriptor_pointer", "boot", _descriptor_pointer),
)
