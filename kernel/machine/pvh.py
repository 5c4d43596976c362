"""What the loader hands over by the PVH boot protocol (Xen, public/arch-x86/hvm/start_info.h).

QEMU, and our own disk loader, make it. All addresses in it are physical and below 4 GiB; they are read
through the direct map.
"""

from __future__ import annotations

from enum import IntEnum

from boot import layout
from boot.layout import DIRECT_MAP
from codegen.lang import (
    MutableSlice,
    PhysAddr,
    Slice,
    reference,
    size_of,
    slice_at,
    struct,
    u8,
    u32,
    u64,
    width,
)

MAGIC: u32 = 0x336EC578
MEMORY_MAP_VERSION: u32 = 1
"""The first version with a memory map."""

LONGEST_COMMAND_LINE: u64 = layout.LONGEST_COMMAND_LINE


@width(u32)
class MemoryKind(IntEnum):
    """Kinds of memory as E820 numbers them (ACPI specification, table 15-4)."""

    RAM = 1
    RESERVED = 2
    ACPI = 3
    ACPI_NVS = 4
    UNUSABLE = 5


@struct(size=24)
class MemoryRange:
    """One entry of the memory map; `kind` may be a number that `MemoryKind` does not know."""

    start: PhysAddr = PhysAddr(0)
    size: u64 = 0
    kind: u32 = 0
    reserved: u32 = 0

    @property
    def is_ram(self) -> bool:
        """Whether the kernel may use it."""
        return self.kind == u32(MemoryKind.RAM)


@struct(size=32)
class Module:
    """One file that the loader put into memory; the boot archive is the first."""

    start: PhysAddr = PhysAddr(0)
    size: u64 = 0
    command_line: PhysAddr = PhysAddr(0)
    reserved: u64 = 0

    def contents(self) -> MutableSlice[u8]:
        """The bytes of the file."""
        return slice_at(u8, self.start + DIRECT_MAP, self.size)


@struct(size=56)
class StartInfo:
    """struct hvm_start_info."""

    magic: u32 = 0
    version: u32 = 0
    flags: u32 = 0
    module_count: u32 = 0
    module_list: PhysAddr = PhysAddr(0)
    command_line_address: PhysAddr = PhysAddr(0)
    acpi_root: PhysAddr = PhysAddr(0)
    memory_map: PhysAddr = PhysAddr(0)
    memory_map_count: u32 = 0
    reserved: u32 = 0

    def memory_range(self, index: u32) -> MemoryRange:
        """One entry of the memory map."""
        assert index < self.memory_map_count, "no such memory range"
        return reference(MemoryRange, self.memory_map + DIRECT_MAP + u64(index) * size_of(MemoryRange))

    def module(self, index: u32) -> Module:
        """One module."""
        assert index < self.module_count, "no such module"
        return reference(Module, self.module_list + DIRECT_MAP + u64(index) * size_of(Module))

    def command_line(self) -> Slice[u8]:
        """The kernel's command line without its NUL; empty when there is none."""
        if self.command_line_address == PhysAddr(0):
            return b""
        text = slice_at(u8, self.command_line_address + DIRECT_MAP, LONGEST_COMMAND_LINE)
        length: u64 = 0
        while length < LONGEST_COMMAND_LINE and text[length] != 0:
            length += 1
        return text[:length]


def start_info_at(address: u64) -> StartInfo:
    """The loader's start info; panics when it is not one with a memory map."""
    info = reference(StartInfo, address + DIRECT_MAP)
    assert info.magic == MAGIC, "the loader gave no hvm_start_info"
    assert info.version >= MEMORY_MAP_VERSION, "the loader gave no memory map"
    return info
