"""PhysicalMemory: the memory of a running machine, as bytes by physical address."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Protocol

from boot.layout import DIRECT_MAP, KERNEL_BASE, STACK_AREA

PAGE = 4096
PRESENT = 1 << 0
LARGE = 1 << 7
FRAME_MASK = 0x000FFFFFFFFFF000
LEVEL_SHIFTS = (39, 30, 21, 12)
"""Where the index into each level of page tables begins (Intel SDM vol. 3A, figure 4-8)."""


class NotMapped(LookupError):
    """A virtual address has no memory behind it."""


class PhysicalMemory(Protocol):
    """Reading and writing guest memory, whether or not the guest runs."""

    size: int

    def read(self, address: int, length: int) -> bytes: ...

    def write(self, address: int, content: bytes) -> None: ...


class MappedMemory:
    """Guest memory that this process has mapped as well."""

    def __init__(self, mapping: mmap.mmap) -> None:
        self._map = mapping
        self.size = len(mapping)

    def read(self, address: int, length: int) -> bytes:
        """The bytes from `address`. Raises IndexError beyond the end of memory."""
        if address < 0 or address + length > self.size:
            raise IndexError(f"physical address {address:#x} + {length:#x} is beyond memory")
        return self._map[address : address + length]

    def write(self, address: int, content: bytes) -> None:
        """Change memory behind the guest's back. Raises TypeError if it is mapped to be read only."""
        if address < 0 or address + len(content) > self.size:
            raise IndexError(f"physical address {address:#x} is beyond memory")
        self._map[address : address + len(content)] = content

    def close(self) -> None:
        """Let go of the memory."""
        self._map.close()


def shared_memory(path: Path, *, read_only: bool = False) -> MappedMemory:
    """The memory of a QEMU that has its memory in a file (memory-backend-file, share=on)."""
    with path.open("rb" if read_only else "r+b") as file:
        return MappedMemory(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ if read_only else mmap.ACCESS_WRITE))


def walk(memory: PhysicalMemory, root: int, address: int) -> list[tuple[int, int]]:
    """The page-table entries that translate `address`: (place, value), outermost first."""
    steps = []
    table = root & FRAME_MASK
    for shift in LEVEL_SHIFTS:
        place = table + (address >> shift & 511) * 8
        value = int.from_bytes(memory.read(place, 8), "little")
        steps.append((place, value))
        if not value & PRESENT or (value & LARGE and shift in (30, 21)):
            break
        table = value & FRAME_MASK
    return steps


def translate(memory: PhysicalMemory, root: int, address: int) -> int:
    """The physical address behind `address` in the page tables at `root`. Raises NotMapped."""
    steps = walk(memory, root, address)
    value = steps[-1][1]
    if not value & PRESENT:
        raise NotMapped(f"{address:#x} is not mapped")
    offset_mask = (1 << LEVEL_SHIFTS[len(steps) - 1]) - 1
    return (value & FRAME_MASK & ~offset_mask) | (address & offset_mask)


def kernel_physical(address: int) -> int | None:
    """The physical address of a byte of the kernel image or the direct map; None for any other."""
    if address >= KERNEL_BASE:
        return address - KERNEL_BASE
    if DIRECT_MAP <= address < STACK_AREA:
        return address - DIRECT_MAP
    return None


def read_virtual(memory: PhysicalMemory, root: int | None, address: int, length: int) -> bytes:
    """Bytes at a virtual address; `root` (CR3) is needed outside of the kernel image and the direct map."""
    content = b""
    while length:
        part = min(length, PAGE - address % PAGE)
        physical = kernel_physical(address)
        if physical is None:
            if root is None:
                raise NotMapped(f"{address:#x} needs the page tables of its address space")
            physical = translate(memory, root, address)
        content += memory.read(physical, part)
        address, length = address + part, length - part
    return content
