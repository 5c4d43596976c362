"""The entry for GRUB and other loaders of Multiboot2 (Multiboot2 Specification 2.0).

It makes hvm_start_info of what they tell, and goes on as from PVH.

At entry (section 3.3) it is 32-bit protected mode without paging; EAX is a magic number and EBX the address of the boot
information, a list of tags. What is of use in that is copied into the image, since the first page tables may be put
over it: the command line, the first module, the memory map (whose entries are those of PVH), and the root pointer of
ACPI. A module that lies where those tables are going to be does not count.
"""

from __future__ import annotations

from boot.layout import BOOT_AREA_END, KERNEL_BASE, LONGEST_COMMAND_LINE
from codegen.lang import offset_of, size_of
from codegen.stubs import Stub, Symbols
from kernel.machine import pvh
from kernel.machine.pvh import MemoryRange, Module, StartInfo

HEADER_MAGIC = 0xE85250D6
LOADER_MAGIC = 0x36D76289
PROTECTED_MODE = 0
"""The architecture: i386 in protected mode (section 3.1.1)."""

END, ENTRY_ADDRESS, MODULE_ALIGNMENT = 0, 3, 6
"""Tags of the header (sections 3.1.3, 3.1.7, 3.1.13)."""
COMMAND_LINE_TAG, MODULE_TAG, MEMORY_MAP_TAG, OLD_ACPI_TAG, NEW_ACPI_TAG = 1, 3, 6, 14, 15
"""Tags of the boot information (section 3.6)."""

RANGES_MAX = 64
ROOT_POINTER_SIZE = 36

INFO = 0
MODULE = 64
ROOT_POINTER = 96
COMMAND_LINE = 160
RANGES = COMMAND_LINE + LONGEST_COMMAND_LINE
"""Where in `multiboot_data` things are."""


def _header(symbols: Symbols) -> str:
    """The header, which a loader looks for in the first 32 KiB of the file: where to enter, modules on whole pages."""
    tags = f"""
        .short {ENTRY_ADDRESS}, 0
        .long 12, {symbols["multiboot_entry"]:#x}, 0
        .short {MODULE_ALIGNMENT}, 0
        .long 8
        .short {END}, 0
        .long 8
    """
    length = 16 + 16 + 8 + 8
    checksum = -(HEADER_MAGIC + PROTECTED_MODE + length) % (1 << 32)
    return f".long {HEADER_MAGIC:#x}, {PROTECTED_MODE}, {length}, {checksum:#x}\n{tags}"


def _entry(symbols: Symbols) -> str:
    """Go through the tags. There is no stack yet."""
    data = symbols["multiboot_data"] - KERNEL_BASE

    def field(name: str) -> str:
        return f"dword ptr [{data + INFO + offset_of(StartInfo, name):#x}]"

    count = field("memory_map_count")
    module_start, module_size = (data + MODULE + offset_of(Module, name) for name in ("start", "size"))
    return f"""
        cli
        cld
        cmp eax, {LOADER_MAGIC:#x}
        jne stop
        lea edx, [ebx + 8]
    next_tag:
        mov esi, edx
        mov eax, dword ptr [edx]
        mov ecx, dword ptr [edx + 4]
        lea edx, [edx + ecx + 7]
        and edx, 0xfffffff8
        cmp eax, {END}
        je done
        cmp eax, {COMMAND_LINE_TAG}
        je command_line
        cmp eax, {MODULE_TAG}
        je take_module
        cmp eax, {MEMORY_MAP_TAG}
        je memory_map
        cmp eax, {NEW_ACPI_TAG}
        je root_pointer
        cmp eax, {OLD_ACPI_TAG}
        jne next_tag
        cmp {field("acpi_root")}, 0
        jne next_tag
    root_pointer:
        sub ecx, 8
        cmp ecx, {ROOT_POINTER_SIZE}
        ja next_tag
        add esi, 8
        mov edi, {data + ROOT_POINTER:#x}
        mov {field("acpi_root")}, edi
        rep movsb
        jmp next_tag
    command_line:
        sub ecx, 8
        cmp ecx, {LONGEST_COMMAND_LINE}
        jbe copy_line
        mov ecx, {LONGEST_COMMAND_LINE - 1}
    copy_line:
        add esi, 8
        mov edi, {data + COMMAND_LINE:#x}
        rep movsb
        jmp next_tag
    take_module:
        cmp {field("module_count")}, 0
        jne next_tag
        mov eax, dword ptr [esi + 8]
        cmp eax, {BOOT_AREA_END:#x}
        jb next_tag
        inc {field("module_count")}
        mov dword ptr [{module_start:#x}], eax
        neg eax
        add eax, dword ptr [esi + 12]
        mov dword ptr [{module_size:#x}], eax
        jmp next_tag
    memory_map:
        mov ebx, dword ptr [esi + 8]
        add ecx, esi
        add esi, 16
    next_range:
        cmp esi, ecx
        jae next_tag
        cmp {count}, {RANGES_MAX}
        je next_tag
        imul edi, {count}, {size_of(MemoryRange)}
        add edi, {data + RANGES:#x}
        mov ebp, esi
        mov eax, ecx
        mov ecx, {size_of(MemoryRange)}
        rep movsb
        mov ecx, eax
        lea esi, [ebp + ebx]
        inc {count}
        jmp next_range
    stop:
        hlt
        jmp stop
    done:
        mov ebx, {data + INFO:#x}
        mov eax, {symbols["pvh_entry"]:#x}
        jmp eax
    """


def _data(symbols: Symbols) -> str:
    """hvm_start_info, and the room for what it points to."""
    place = symbols["multiboot_data"] - KERNEL_BASE
    return f"""
        .long {pvh.MAGIC:#x}, {pvh.MEMORY_MAP_VERSION}, 0, 0
        .quad {place + MODULE:#x}, {place + COMMAND_LINE:#x}, 0, {place + RANGES:#x}
        .quad 0, 0
        .zero {RANGES - MODULE + RANGES_MAX * size_of(MemoryRange)}
    """


STUBS = (
    Stub("multiboot_header", "boot", _header, alignment=8),
    Stub("multiboot_entry", "boot", _entry, bits=32),
    Stub("multiboot_data", "data", _data),
)
