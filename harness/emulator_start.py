"""What a PVH loader puts into memory: kernel, archive and `hvm_start_info` (Xen, public/arch-x86/hvm/start_info.h)."""

from __future__ import annotations

import os
import struct

from boot.loaded import load_kernel
from harness.errors import HarnessError
from harness.physical import PAGE, PhysicalMemory
from kernel.machine import pvh

START_INFO = 0x6000
MODULE_LIST = 0x6100
MEMORY_MAP = 0x6200
COMMAND_LINE = 0x7000
LOW_MEMORY = 0x9FC00
HIGH_MEMORY = 0x100000


def load(memory: PhysicalMemory, elf: bytes, archive: bytes, command_line: str) -> int:
    """Fill memory; returns the entry address. Raises HarnessError when it does not fit."""
    kernel = load_kernel(elf)
    archive_start = (memory.size - len(archive)) // PAGE * PAGE
    if archive_start < kernel.end:
        raise HarnessError("the kernel and the archive do not fit in memory: give the machine more with --ram")
    memory.write(kernel.start, kernel.content)
    memory.write(archive_start, archive)
    memory.write(COMMAND_LINE, os.fsencode(command_line) + b"\0")
    memory.write(MODULE_LIST, struct.pack("<4Q", archive_start, len(archive), 0, 0))
    ranges = ((0, LOW_MEMORY), (HIGH_MEMORY, memory.size - HIGH_MEMORY))
    for index, (start, size) in enumerate(ranges):
        entry = struct.pack("<QQII", start, size, pvh.MemoryKind.RAM, 0)
        memory.write(MEMORY_MAP + index * len(entry), entry)
    info = struct.pack(
        "<IIIIQQQQII",
        *(pvh.MAGIC, pvh.MEMORY_MAP_VERSION, 0, 1 if archive else 0),
        *(MODULE_LIST, COMMAND_LINE, 0, MEMORY_MAP, len(ranges), 0),
    )
    memory.write(START_INFO, info)
    return kernel.entry
