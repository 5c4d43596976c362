"""The raw disk image: boot sector, second stage, kernel, archive. Any BIOS with int 13h extensions starts it.

    sector 0      boot sector: reads the second stage            boot/disk_code.py
    sector 1...   second stage: reads the rest, and enters the kernel as a PVH loader does
    then          the kernel's memory from its first segment to the end of .data, as it is to be loaded
    then          the archive

The second stage is data at fixed places followed by code; this file makes the data.
"""

from __future__ import annotations

import io
import os
import shutil
import struct
from dataclasses import dataclass
from typing import IO

from elftools.elf.elffile import ELFFile

from boot import disk_code
from boot.disk_code import SECTOR, STAGE_SECTORS, Places
from boot.errors import DiskError
from boot.layout import DISK_LOADER, DISK_MEMORY_MAP, PAGE_SIZE
from codegen.lang import to_raw
from kernel.machine import pvh
from kernel.machine.segments import CODE_READABLE, DATA_WRITABLE, SegmentDescriptor

COMMAND_LINE_ROOM = 256

COPIED_AT_ONCE = 1 << 20
DISK_UNIT = 1 << 20
"""The size is a multiple of this: SeaBIOS does not start a disk of less than one cylinder."""


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


def make_image(elf: bytes, archive: bytes = b"", command_line: str = "") -> bytes:
    """The bytes of a bootable disk with this kernel, archive and command line."""
    output = io.BytesIO()
    write_image(output, elf, io.BytesIO(archive), command_line)
    return output.getvalue()


def write_image(output: IO[bytes], elf: bytes, archive: IO[bytes], command_line: str) -> None:
    """Write a bootable disk with this kernel, archive and command line. Raises DiskError, OSError."""
    kernel = load_kernel(elf)
    kernel_blocks = _sectors(kernel.content)
    archive_size = archive.seek(0, io.SEEK_END)
    archive_sectors = -(-archive_size // SECTOR)
    archive_start = -(-kernel.end // PAGE_SIZE) * PAGE_SIZE
    first_block = 1 + STAGE_SECTORS
    extents = [
        (first_block, len(kernel_blocks) // SECTOR, kernel.start),
        (first_block + len(kernel_blocks) // SECTOR, archive_sectors, archive_start),
    ]
    data = _stage_data(extents, archive_start, archive_size, command_line)
    memory_end = max(archive_start + archive_sectors * SECTOR, kernel.end)
    zeros = (kernel.start + len(kernel.content), kernel.end)
    stage = disk_code.second_stage(data, memory_end, zeros, kernel.entry)
    output.write(disk_code.boot_sector() + stage + kernel_blocks)
    archive.seek(0)
    shutil.copyfileobj(archive, output, COPIED_AT_ONCE)
    output.write(bytes(-output.tell() % DISK_UNIT))


def _sectors(content: bytes) -> bytes:
    return content + bytes(-len(content) % SECTOR)


def _flat(kind: int) -> int:
    descriptor = SegmentDescriptor(
        limit_low=0xFFFF,
        limit_high=0xF,
        kind=kind,
        code_or_data=True,
        present=True,
        wide=True,
        in_pages=True,
    )
    return to_raw(descriptor)


def _stage_data(extents: list[tuple[int, int, int]], archive_start: int, archive_size: int, command_line: str) -> bytes:
    """The data of the second stage, laid out by `Places`."""
    text = os.fsencode(command_line) + b"\0"
    if len(text) > COMMAND_LINE_ROOM:
        raise DiskError(f"the command line is longer than {COMMAND_LINE_ROOM - 1} bytes")
    data = bytearray(Places.CODE - DISK_LOADER)

    def put(place: int, content: bytes) -> None:
        data[place - DISK_LOADER : place - DISK_LOADER + len(content)] = content

    put(Places.DESCRIPTORS, struct.pack("<QQQ", 0, _flat(CODE_READABLE), _flat(DATA_WRITABLE)))
    put(Places.DESCRIPTOR_POINTER, struct.pack("<HI", 3 * 8 - 1, Places.DESCRIPTORS))
    put(Places.EXTENTS, b"".join(struct.pack("<III", *extent) for extent in extents))
    put(Places.START_INFO, _start_info(has_module=archive_size > 0))
    put(Places.MODULE, struct.pack("<QQQQ", archive_start, archive_size, 0, 0))
    put(Places.COMMAND_LINE, text)
    for place, message in disk_code.MESSAGES.items():
        put(place, message.encode() + b"\r\n\0")
    return bytes(data)


def _start_info(*, has_module: bool) -> bytes:
    """`hvm_start_info`, but for the number of memory ranges, which the second stage counts."""
    return struct.pack(
        "<IIIIQQQQII",
        pvh.MAGIC,
        pvh.MEMORY_MAP_VERSION,
        0,
        1 if has_module else 0,
        Places.MODULE,
        Places.COMMAND_LINE,
        0,
        DISK_MEMORY_MAP,
        0,
        0,
    )
