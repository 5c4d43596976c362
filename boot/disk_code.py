"""The code of the disk loader: 16-bit until the kernel is in memory, then 32-bit (assembled with keystone).

Data is at fixed places, so that the code names numbers and only its jumps need labels.
"""

from __future__ import annotations

import struct
from functools import cache

import keystone

from boot.layout import DISK_BOOT_SECTOR, DISK_BUFFER, DISK_LOADER, DISK_MEMORY_MAP, LOW_MEMORY_END
from codegen.lang import offset_of, size_of
from kernel.machine.pvh import MemoryKind, MemoryRange, StartInfo

SECTOR = 512
STAGE_SECTORS = 4
SECTORS_A_READ = 64
EXTENT_COUNT = 2
EXTENT_SIZE = 12

PACKET_SIZE = 16
"""Disk address packet (Phoenix Enhanced Disk Drive Specification 3.0, section 4.2.2)."""

MEMORY_MAP_SIGNATURE = 0x534D4150
MOST_MEMORY_RANGES = 100
"""INT 15h, AX=E820h (ACPI specification, section 15.1)."""

DISK_NUMBER = 0x50495448
ACTIVE, EFI_SYSTEM = 0x80, 0xEF
BY_BLOCKS = b"\xfe\xff\xff"
"""The table of partitions (UEFI Specification 2.10, section 5.2); by cylinder and head the place is too far away."""

CODE_SELECTOR = 0x08
DATA_SELECTOR = 0x10


class Places:
    """Where the loader's data is."""

    BOOT_PACKET = DISK_BOOT_SECTOR + 0x180
    BOOT_MESSAGE = DISK_BOOT_SECTOR + 0x190
    STOP = DISK_BOOT_SECTOR + 0x100
    """Code: print the text at SI, and halt."""

    DESCRIPTORS = DISK_LOADER
    DESCRIPTOR_POINTER = DISK_LOADER + 0x18
    DRIVE = DISK_LOADER + 0x1F
    PACKET = DISK_LOADER + 0x20
    EXTENTS = DISK_LOADER + 0x30
    """For each: first block, blocks, physical address; the loader counts them along."""
    START_INFO = DISK_LOADER + 0x60
    MODULE = DISK_LOADER + 0xA0
    NO_MEMORY = DISK_LOADER + 0xC0
    NO_READ = DISK_LOADER + 0xE0
    COMMAND_LINE = DISK_LOADER + 0x100
    CODE = DISK_LOADER + 0x200


MESSAGES = {
    Places.NO_MEMORY: "pithos: too little memory",
    Places.NO_READ: "pithos: disk error",
}


@cache
def _assembler(bits: int) -> keystone.Ks:
    return keystone.Ks(keystone.KS_ARCH_X86, {16: keystone.KS_MODE_16, 32: keystone.KS_MODE_32}[bits])


def _assemble(text: str, address: int, bits: int = 16) -> bytes:
    lines = "\n".join(line.split("#", 1)[0] for line in text.splitlines())
    code, _count = _assembler(bits).asm(lines, address, as_bytes=True)
    assert isinstance(code, bytes), "as_bytes gives bytes"
    return code


def _packet(blocks: int, address: int, first: int) -> bytes:
    """Read `blocks` from block `first` on to `address`, which is a multiple of 16."""
    return struct.pack("<BBHHHQ", PACKET_SIZE, 0, blocks, 0, address >> 4, first)


def boot_sector(partition_start: int, partition_sectors: int) -> bytes:
    """The first sector: reads the second stage behind itself and jumps there; DL is the drive.

    Its table has one partition, of UEFI's kind; it is marked as active, without which some BIOSes start no disk.
    """
    sector = bytearray(SECTOR)

    def put(place: int, content: bytes) -> None:
        assert not any(sector[place - DISK_BOOT_SECTOR : place - DISK_BOOT_SECTOR + len(content)])
        sector[place - DISK_BOOT_SECTOR : place - DISK_BOOT_SECTOR + len(content)] = content

    put(DISK_BOOT_SECTOR, _assemble(_FIRST, DISK_BOOT_SECTOR))
    put(Places.STOP, _assemble(_STOP, Places.STOP))
    put(Places.BOOT_PACKET, _packet(STAGE_SECTORS, DISK_LOADER, 1))
    put(Places.BOOT_MESSAGE, b"pithos: disk error\r\n\0")
    put(DISK_BOOT_SECTOR + 0x1B8, struct.pack("<I", DISK_NUMBER))
    partition = (ACTIVE, BY_BLOCKS, EFI_SYSTEM, BY_BLOCKS, partition_start, partition_sectors)
    put(DISK_BOOT_SECTOR + 0x1BE, struct.pack("<B3sB3sII", *partition))
    put(DISK_BOOT_SECTOR + 0x1FE, b"\x55\xaa")
    return bytes(sector)


_FIRST = f"""
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, {DISK_BOOT_SECTOR}
    sti
    cld
    push dx
    mov ah, 0x42
    mov si, {Places.BOOT_PACKET}
    int 0x13
    pop dx
    mov si, {Places.BOOT_MESSAGE}
    jc {Places.STOP}
    mov byte ptr [{Places.DRIVE}], dl
    .byte 0xea                          # far jump: some BIOSes start with CS 0x7c0
    .short {Places.CODE}
    .short 0
"""

_STOP = f"""
next:
    lodsb
    test al, al
    jz stop
    mov dx, 0x3f8
    out dx, al
    mov ah, 0x0e
    mov bx, 7
    int 0x10
    jmp {Places.STOP}
stop:
    cli
    hlt
    jmp stop
"""


def second_stage(data: bytes, memory_end: int, zeros: tuple[int, int], entry: int) -> bytes:
    """The second stage with its data: wants memory up to `memory_end`, clears `zeros`, jumps to `entry`."""
    code = _assemble(_collect_memory_map(memory_end), Places.CODE)
    code += _assemble(_read_extents(), Places.CODE + len(code))
    enter = Places.CODE + len(code)
    protected = enter + len(_assemble(_protect(0), enter))
    code += _assemble(_protect(protected), enter)
    code += _assemble(_enter_kernel(zeros, entry), protected, 32)
    stage = data + code
    assert len(stage) <= STAGE_SECTORS * SECTOR, f"the second stage has {len(stage)} bytes"
    return stage + bytes(STAGE_SECTORS * SECTOR - len(stage))


def _collect_memory_map(memory_end: int) -> str:
    """Ask the BIOS for the memory map, and look for RAM from 1 MiB to `memory_end` in it."""
    size, kind = offset_of(MemoryRange, "size"), offset_of(MemoryRange, "kind")
    reserved = offset_of(MemoryRange, "reserved")
    count = Places.START_INFO + offset_of(StartInfo, "memory_map_count")
    return f"""
        in al, 0x92                     # A20: let addresses have bit 20
        or al, 2
        out 0x92, al
        xor ebx, ebx
        mov di, {DISK_MEMORY_MAP}
    next:
        mov dword ptr [di + {reserved}], 0
        mov eax, 0xe820
        mov edx, {MEMORY_MAP_SIGNATURE}
        mov ecx, {reserved}
        int 0x15
        jc collected
        cmp eax, {MEMORY_MAP_SIGNATURE}
        jne collected
        add di, {size_of(MemoryRange)}
        inc dword ptr [{count}]
        cmp dword ptr [{count}], {MOST_MEMORY_RANGES}
        je collected
        test ebx, ebx
        jnz next
    collected:
        mov si, {DISK_MEMORY_MAP}
    look:
        cmp si, di
        je too_little
        cmp dword ptr [si + {kind}], {MemoryKind.RAM.value}
        jne other
        cmp dword ptr [si + 4], 0
        jne other
        mov eax, dword ptr [si]
        cmp eax, {LOW_MEMORY_END}
        ja other
        cmp dword ptr [si + {size + 4}], 0
        jne enough
        add eax, dword ptr [si + {size}]
        jc enough
        cmp eax, {memory_end}
        jae enough
    other:
        add si, {size_of(MemoryRange)}
        jmp look
    too_little:
        mov si, {Places.NO_MEMORY}
        mov ax, {Places.STOP}
        jmp ax
    enough:
    """


def _read_extents() -> str:
    """Read every extent piece by piece to the buffer, and copy it to where it belongs.

    The copy is done in real mode with segments that reach 4 GiB ("unreal" mode). The BIOS may undo that, so
    it is done for each piece.
    """
    return f"""
        mov bx, {Places.EXTENTS}
    piece:
        mov ecx, dword ptr [bx + 4]
        test ecx, ecx
        jz next_extent
        cmp ecx, {SECTORS_A_READ}
        jbe last_piece
        mov ecx, {SECTORS_A_READ}
    last_piece:
        mov dword ptr [{Places.PACKET}], {PACKET_SIZE}
        mov word ptr [{Places.PACKET + 2}], cx
        mov dword ptr [{Places.PACKET + 4}], {(DISK_BUFFER >> 4) << 16}
        mov eax, dword ptr [bx]
        mov dword ptr [{Places.PACKET + 8}], eax
        mov dword ptr [{Places.PACKET + 12}], 0
        push bx
        push ecx
        mov si, {Places.PACKET}
        mov dl, byte ptr [{Places.DRIVE}]
        mov ah, 0x42
        int 0x13
        pop ecx
        pop bx
        jnc was_read
        mov si, {Places.NO_READ}
        mov ax, {Places.STOP}
        jmp ax
    was_read:
        cli
        lgdt [{Places.DESCRIPTOR_POINTER}]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov dx, {DATA_SELECTOR}
        mov ds, dx
        mov es, dx
        and al, 0xfe
        mov cr0, eax
        xor ax, ax
        mov ds, ax
        mov es, ax
        add dword ptr [bx], ecx
        sub dword ptr [bx + 4], ecx
        mov esi, {DISK_BUFFER}
        mov edi, dword ptr [bx + 8]
        shl ecx, 7
        .byte 0x67, 0x66, 0xf3, 0xa5    # rep movsd with 32-bit addresses, which keystone has no text for
        mov dword ptr [bx + 8], edi
        sti
        jmp piece
    next_extent:
        add bx, {EXTENT_SIZE}
        cmp bx, {Places.EXTENTS + EXTENT_COUNT * EXTENT_SIZE}
        jne piece
    """


def _protect(target: int) -> str:
    """Enter protected mode at `target`."""
    return f"""
        cli
        lgdt [{Places.DESCRIPTOR_POINTER}]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        .byte 0xea
        .short {target}
        .short {CODE_SELECTOR}
    """


def _enter_kernel(zeros: tuple[int, int], entry: int) -> str:
    """Clear .bss and jump to the PVH entry with EBX at the start info."""
    start, end = zeros
    return f"""
        mov eax, {DATA_SELECTOR}
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov edi, {start}
        mov ecx, {end - start}
        xor eax, eax
        rep stosb
        mov ebx, {Places.START_INFO}
        mov eax, {entry}
        jmp eax
    """
