"""What every loader of ours needs to know: the kernel as it lies in memory, and the structure that it is handed."""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass

from elftools.elf.elffile import ELFFile

from boot.errors import DiskError
from boot.layout import PAGE_SIZE
from codegen.lang import to_raw
from kernel.machine import pvh
from kernel.machine.segments import CODE_READABLE, DATA_WRITABLE, flat

COMMAND_LINE_ROOM = 256
MEMORY_END = 1 << 32
"""Kernel and archive are put below: the first page tables reach that far."""


@dataclass(frozen=True)
class LoadedKernel:
    """A kernel as it lies in memory before its first instruction."""

    start: int
    content: bytes
    end: int
    """One past its last byte, zeros included."""

    entry: int


def load_kernel(elf: bytes) -> LoadedKernel:
    """Put the segments of an ELF file next to each other by physical address."""
    file = ELFFile(io.BytesIO(elf))
    segments = sorted(
        (segment for segment in file.iter_segments() if segment["p_type"] == "PT_LOAD"),
        key=lambda segment: segment["p_paddr"],
    )
    start = segments[0]["p_paddr"]
    content = bytearray()
    for segment in segments:
        content += bytes(segment["p_paddr"] - start - len(content)) + segment.data()
    end = max(segment["p_paddr"] + segment["p_memsz"] for segment in segments)
    return LoadedKernel(start, bytes(content), end, file["e_entry"])


def archive_place(kernel: LoadedKernel, archive_size: int) -> int:
    """The physical address behind the kernel where the disk loader puts the archive. Raises DiskError."""
    start = -(-kernel.end // PAGE_SIZE) * PAGE_SIZE
    if start + archive_size > MEMORY_END - PAGE_SIZE:
        raise DiskError(f"the boot archive of {archive_size} bytes does not fit below 4 GiB")
    return start


def command_line_bytes(command_line: str) -> bytes:
    """The command line with its NUL. Raises DiskError."""
    text = os.fsencode(command_line) + b"\0"
    if len(text) > COMMAND_LINE_ROOM:
        raise DiskError(f"the command line is longer than {COMMAND_LINE_ROOM - 1} bytes")
    return text


def flat_descriptors() -> bytes:
    """A table of three segments: none, 32-bit code, and data, both over the whole 4 GiB."""
    kinds = (CODE_READABLE, DATA_WRITABLE)
    return struct.pack("<QQQ", 0, *(to_raw(flat(kind, 0, False)) for kind in kinds))


def start_info(module_count: int, module_list: int, command_line: int, memory_map: int) -> bytes:
    """`hvm_start_info`, but for what only the loader knows when it runs."""
    return struct.pack(
        "<IIIIQQQQII",
        pvh.MAGIC,
        pvh.MEMORY_MAP_VERSION,
        0,
        module_count,
        module_list,
        command_line,
        0,
        memory_map,
        0,
        0,
    )
