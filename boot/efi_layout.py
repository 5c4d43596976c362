"""What the UEFI application consists of, and where its parts are, for its code (efi_code.py) and its file (efi.py)."""

from __future__ import annotations

from dataclasses import dataclass

from boot.layout import PAGE_SIZE
from kernel.machine.pvh import MemoryKind

ANYWHERE_BELOW, AT = 1, 2
"""How pages are allocated (UEFI Specification 2.10, section 7.2.1)."""
LOADER_CODE, LOADER_DATA = 1, 2
"""Kinds of memory: code may be run."""
RAM_KINDS = {1, 2, 3, 4, 7}
"""Loader's and boot services' code and data, and free memory: all is ours in the end (section 7.2.3)."""
OTHER_KINDS = {8: MemoryKind.UNUSABLE, 9: MemoryKind.ACPI, 10: MemoryKind.ACPI_NVS}
KINDS = bytes(
    (MemoryKind.RAM if number in RAM_KINDS else OTHER_KINDS.get(number, MemoryKind.RESERVED)).value
    for number in range(16)
)
"""Ours for each of the firmware's; those above are reserved."""
MAP_ROOM = 64 << 10
"""Bytes for the firmware's memory map; a large machine has some 200 entries of 48 bytes."""


class Block:
    """Where things are in the block in low memory."""

    CODE = 0
    DESCRIPTORS = 0x80
    DESCRIPTOR_POINTER = 0xA0
    INFO = 0xC0
    MODULE = 0x100
    COMMAND_LINE = 0x140
    RANGES = 0x240
    SIZE = 3 * PAGE_SIZE
    MOST_RANGES = (SIZE - RANGES) // 24


class Data:
    """Where things are in the application's data, which the firmware has made writable."""

    BLOCK = 0
    """What is copied to the low block, up to its memory ranges."""
    KINDS = 0x240
    NO_PLACE = 0x280
    NO_MAP = 0x340
    PLACES = 0x400
    """For each claim the address that was allocated; 0 before."""
    MAP_SIZE, MAP_KEY, ENTRY_SIZE, ENTRY_VERSION, TRIES = 0x480, 0x488, 0x490, 0x498, 0x4A0
    MAP = 0x500
    SIZE = MAP + MAP_ROOM


MESSAGES = {
    Data.NO_PLACE: "pithos: the firmware has no memory where the kernel goes",
    Data.NO_MAP: "pithos: the firmware gives no memory map",
}


@dataclass(frozen=True)
class Claim:
    """Pages that have to be had: at `address`, or anywhere up to it."""

    how: int
    kind: int
    address: int
    size: int

    @property
    def pages(self) -> int:
        """Whole pages."""
        return -(-self.size // PAGE_SIZE)


@dataclass(frozen=True)
class Parts:
    """What is copied: `claims` are the fixed places, the low block, and the archive if there is one."""

    text: int
    data: int
    kernel: int
    kernel_size: int
    kernel_claim: Claim
    archive: int
    archive_size: int
    fixed: tuple[Claim, ...]

    @property
    def claims(self) -> tuple[Claim, ...]:
        """All, the low block behind the fixed ones, then the archive."""
        block = Claim(ANYWHERE_BELOW, LOADER_CODE, LOW_BLOCK_END, Block.SIZE)
        archive = Claim(ANYWHERE_BELOW, LOADER_DATA, (1 << 32) - 1, self.archive_size)
        return (self.kernel_claim, *self.fixed, block, *([archive] if self.archive_size else []))

    @property
    def block_place(self) -> int:
        """Where the address of the low block is kept."""
        return self.data + Data.PLACES + 8 * (1 + len(self.fixed))


LOW_BLOCK_END = 0x9FFFF
"""What is above belongs to the BIOS by tradition."""
