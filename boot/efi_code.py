"""The code of the UEFI application: 64-bit, at whatever address the firmware puts it (assembled with keystone).

R15 is the address of the image, so that data is a number behind it; R14 the table of boot services, R13 the system
table, R12 the handle of the image, RBX the block in low memory that is handed over. Functions of the firmware take
RCX, RDX, R8, R9 and the stack above 32 bytes of room, and keep the registers above (UEFI Specification 2.10,
section 2.3.4.2).

    claim       the places where the kernel has to be: the firmware may need none of them
    load        kernel, archive and what is handed over, into what was claimed
    exit        take the memory map, and leave the boot services with it (section 7.4.6)
    hand over   in the low block: out of 64-bit mode, and to the kernel as from any loader
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import keystone

from boot.efi_layout import KINDS, LOW_BLOCK_END, MAP_ROOM, Block, Data, Parts
from boot.layout import LOW_MEMORY_END, PAGE_SIZE
from codegen.lang import offset_of, size_of, to_raw
from kernel.machine.cpu import ControlRegister0
from kernel.machine.msr import ExtendedFeatures, Msr
from kernel.machine.pvh import MemoryKind, MemoryRange, Module, StartInfo

CONSOLE_OUT, BOOT_SERVICES, TABLE_COUNT, TABLES = 64, 96, 104, 112
"""In the system table (section 4.3)."""
OUTPUT_STRING = 8
"""In the protocol for text (section 12.4)."""
ALLOCATE_PAGES, FREE_PAGES, GET_MEMORY_MAP, EXIT_BOOT_SERVICES = 40, 48, 56, 232
"""In the boot services (section 4.4)."""
OUT_OF_RESOURCES = (1 << 63) | 9

ACPI_2 = 0x11D3E4F18868E871, 0x81883CC7800022BC
ACPI_1 = 0x11D32D88EB9D2D30, 0x4DC13F279000169A
"""Identifiers of the ACPI root pointer among the tables (section 4.6.1), as two little-endian numbers."""
TABLE_SIZE = 24

TRIES = 8
"""The map may change until the boot services are left."""

CODE_SELECTOR, DATA_SELECTOR = 0x08, 0x10
FRAME = 0x48
"""Of the stack: room for called functions, their fifth argument, and what aligns it to 16 bytes."""


@cache
def _assembler(bits: int) -> keystone.Ks:
    return keystone.Ks(keystone.KS_ARCH_X86, {32: keystone.KS_MODE_32, 64: keystone.KS_MODE_64}[bits])


def _assemble(text: str, bits: int = 64) -> bytes:
    code, _count = _assembler(bits).asm(
        "\n".join(line.split("#", 1)[0] for line in text.splitlines()), 0, as_bytes=True
    )
    assert isinstance(code, bytes), "as_bytes gives bytes"
    return code


def application(parts: Parts) -> bytes:
    """The code of the application; its first byte is where it is entered."""
    assert LOW_MEMORY_END > LOW_BLOCK_END and size_of(MemoryRange) == 24
    begin = f"lea rax, [rip - {7 + parts.text}]"
    assert len(_assemble(begin)) == 7
    return _assemble(
        "\n".join((begin, _PROLOGUE, *_claim(parts), *_load(parts), _find_acpi(), _exit(parts), _end(parts)))
    )


_PROLOGUE = f"""
    push rbx
    push rbp
    push rsi
    push rdi
    push r12
    push r13
    push r14
    push r15
    sub rsp, {FRAME}
    cld
    mov r15, rax
    mov r12, rcx
    mov r13, rdx
    mov r14, qword ptr [rdx + {BOOT_SERVICES}]
"""


def _claim(parts: Parts) -> Iterator[str]:
    yield f"lea rsi, [r15 + {parts.data + Data.NO_PLACE}]"
    for number, claim in enumerate(parts.claims):
        yield f"""
            movabs rax, {claim.address}
            mov qword ptr [rsp + 40], rax
            mov ecx, {claim.how}
            mov edx, {claim.kind}
            mov r8d, {claim.pages}
            lea r9, [rsp + 40]
            call qword ptr [r14 + {ALLOCATE_PAGES}]
            test rax, rax
            jnz give_up
            mov rax, qword ptr [rsp + 40]
            mov qword ptr [r15 + {parts.data + Data.PLACES + 8 * number}], rax
        """


def _load(parts: Parts) -> Iterator[str]:
    """Copy the kernel, clear what follows it, and fill the low block."""
    end = parts.kernel_claim.address + parts.kernel_claim.pages * PAGE_SIZE
    yield f"""
        mov rbx, qword ptr [r15 + {parts.block_place}]
        lea rsi, [r15 + {parts.kernel}]
        mov edi, {parts.kernel_claim.address}
        mov ecx, {parts.kernel_size}
        rep movsb
        mov ecx, {end}
        sub ecx, edi
        xor eax, eax
        rep stosb
        lea rsi, [r15 + {parts.data + Data.BLOCK}]
        mov rdi, rbx
        mov ecx, {Block.RANGES}
        rep movsb
        add qword ptr [rbx + {Block.DESCRIPTOR_POINTER + 2}], rbx
        add qword ptr [rbx + {Block.INFO + offset_of(StartInfo, "module_list")}], rbx
        add qword ptr [rbx + {Block.INFO + offset_of(StartInfo, "command_line_address")}], rbx
        add qword ptr [rbx + {Block.INFO + offset_of(StartInfo, "memory_map")}], rbx
    """
    if parts.archive_size:
        yield f"""
            lea rsi, [r15 + {parts.archive}]
            mov rdi, qword ptr [r15 + {parts.block_place + 8}]
            mov qword ptr [rbx + {Block.MODULE + offset_of(Module, "start")}], rdi
            mov ecx, {parts.archive_size}
            rep movsb
        """


def _find_acpi() -> str:
    """The root pointer of ACPI 2.0, or of 1.0 where there is no other."""
    place = f"qword ptr [rbx + {Block.INFO + offset_of(StartInfo, 'acpi_root')}]"
    return f"""
        mov rcx, qword ptr [r13 + {TABLE_COUNT}]
        mov rdx, qword ptr [r13 + {TABLES}]
        movabs r8, {ACPI_2[0]}
        movabs r9, {ACPI_2[1]}
        movabs r10, {ACPI_1[0]}
        movabs r11, {ACPI_1[1]}
    next_table:
        test rcx, rcx
        jz found_tables
        cmp qword ptr [rdx], r8
        jne not_new
        cmp qword ptr [rdx + 8], r9
        jne not_new
        mov rax, qword ptr [rdx + 16]
        mov {place}, rax
        jmp found_tables
    not_new:
        cmp qword ptr [rdx], r10
        jne other_table
        cmp qword ptr [rdx + 8], r11
        jne other_table
        mov rax, qword ptr [rdx + 16]
        mov {place}, rax
    other_table:
        add rdx, {TABLE_SIZE}
        dec rcx
        jmp next_table
    found_tables:
    """


def _exit(parts: Parts) -> str:
    """Take the memory map, entries that touch and are of one kind as one; leave with its key; go to the low block."""

    def data(place: int) -> str:
        return f"qword ptr [r15 + {parts.data + place}]"

    start, size = (offset_of(MemoryRange, name) for name in ("start", "size"))
    kind, reserved = (offset_of(MemoryRange, name) for name in ("kind", "reserved"))
    return f"""
    take_map:
        lea rsi, [r15 + {parts.data + Data.NO_MAP}]
        inc {data(Data.TRIES)}
        cmp {data(Data.TRIES)}, {TRIES}
        ja give_up
        mov {data(Data.MAP_SIZE)}, {MAP_ROOM}
        lea rcx, [r15 + {parts.data + Data.MAP_SIZE}]
        lea rdx, [r15 + {parts.data + Data.MAP}]
        lea r8, [r15 + {parts.data + Data.MAP_KEY}]
        lea r9, [r15 + {parts.data + Data.ENTRY_SIZE}]
        lea rax, [r15 + {parts.data + Data.ENTRY_VERSION}]
        mov qword ptr [rsp + 32], rax
        call qword ptr [r14 + {GET_MEMORY_MAP}]
        test rax, rax
        jnz give_up
        lea rsi, [r15 + {parts.data + Data.MAP}]
        mov r11, {data(Data.MAP_SIZE)}
        add r11, rsi
        lea rdi, [rbx + {Block.RANGES}]
        xor ebp, ebp
    next_entry:
        cmp rsi, r11
        jae all_taken
        mov eax, dword ptr [rsi]
        mov ecx, {MemoryKind.RESERVED.value}
        cmp eax, {len(KINDS)}
        jae has_kind
        movzx ecx, byte ptr [r15 + rax + {parts.data + Data.KINDS}]
    has_kind:
        mov r8, qword ptr [rsi + 8]
        mov r9, qword ptr [rsi + 24]
        shl r9, 12
        add rsi, {data(Data.ENTRY_SIZE)}
        test ebp, ebp
        jz new_range
        cmp dword ptr [rdi - {24 - kind}], ecx
        jne new_range
        mov rax, qword ptr [rdi - {24 - start}]
        add rax, qword ptr [rdi - {24 - size}]
        cmp rax, r8
        jne new_range
        add qword ptr [rdi - {24 - size}], r9
        jmp next_entry
    new_range:
        cmp ebp, {Block.MOST_RANGES}
        je all_taken
        mov qword ptr [rdi + {start}], r8
        mov qword ptr [rdi + {size}], r9
        mov dword ptr [rdi + {kind}], ecx
        mov dword ptr [rdi + {reserved}], 0
        add rdi, 24
        inc ebp
        jmp next_entry
    all_taken:
        mov dword ptr [rbx + {Block.INFO + offset_of(StartInfo, "memory_map_count")}], ebp
        mov rcx, r12
        mov rdx, {data(Data.MAP_KEY)}
        call qword ptr [r14 + {EXIT_BOOT_SERVICES}]
        test rax, rax
        jnz take_map
        jmp rbx
    """


def _end(parts: Parts) -> str:
    """Give back what was claimed, print the text at RSI, and return to the firmware, which tries its next choice."""
    free = "\n".join(
        f"""
        mov rcx, qword ptr [r15 + {parts.data + Data.PLACES + 8 * number}]
        mov edx, {claim.pages}
        test rcx, rcx
        jz free_{number}
        call qword ptr [r14 + {FREE_PAGES}]
    free_{number}:
        """
        for number, claim in enumerate(parts.claims)
    )
    return f"""
    give_up:
        {free}
        mov rcx, qword ptr [r13 + {CONSOLE_OUT}]
        test rcx, rcx
        jz no_console
        mov rdx, rsi
        call qword ptr [rcx + {OUTPUT_STRING}]
    no_console:
        movabs rax, {OUT_OF_RESOURCES}
        add rsp, {FRAME}
        pop r15
        pop r14
        pop r13
        pop r12
        pop rdi
        pop rsi
        pop rbp
        pop rbx
        ret
    """


def hand_over(entry: int) -> bytes:
    """The code of the low block, entered in 64-bit mode with its address in RBX."""
    without_paging = ~to_raw(ControlRegister0(paging=True)) & 0xFFFFFFFF
    not_long = ~to_raw(ExtendedFeatures(long_mode=True)) & 0xFFFFFFFF
    protected = _assemble(
        f"""
        mov eax, {DATA_SELECTOR}
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov eax, cr0
        and eax, {without_paging}
        mov cr0, eax
        mov ecx, {Msr.EFER.value}
        rdmsr
        and eax, {not_long}
        wrmsr
        add ebx, {Block.INFO}
        mov eax, {entry}
        jmp eax
        """,
        32,
    )

    def leave(size: int) -> bytes:
        return _assemble(
            f"""
            cli
            lgdt [rbx + {Block.DESCRIPTOR_POINTER}]
            lea rax, [rbx + {Block.CODE + size}]
            push {CODE_SELECTOR}
            push rax
            .byte 0x48, 0xcb                # a far return of 64 bits, which keystone has no text for
            """
        )

    size = len(leave(1))
    code = leave(size) + protected
    assert size < 0x80 and len(code) <= Block.DESCRIPTORS - Block.CODE
    return code
