"""The raw disk image, which BIOS (with int 13h extensions) and UEFI start alike.

    sector 0      boot sector: reads the second stage            boot/disk_code.py
                  and a table of partitions, with one of UEFI's kind
    sector 1...   second stage: reads the rest, and enters the kernel as a PVH loader does
    sector 2048.. the partition: FAT32 with one file             boot/fat.py
                  the UEFI application with the kernel           boot/efi.py
                  and the archive

Kernel and archive stand on the disk once: the second stage reads their sectors out of the file.
The second stage is data at fixed places followed by code; this file makes the data.
"""

from __future__ import annotations

import io
import shutil
import struct
from typing import IO

from boot import disk_code, efi, fat
from boot.disk_code import SECTOR, Places
from boot.layout import DISK_LOADER, DISK_MEMORY_MAP
from boot.loaded import archive_place, command_line_bytes, flat_descriptors, load_kernel, start_info

COPIED_AT_ONCE = 1 << 20
DISK_UNIT = 1 << 20
"""The size is a multiple of this: SeaBIOS does not start a disk of less than one cylinder."""
PARTITION_START = DISK_UNIT // SECTOR
"""The first sector of the partition, as is usual for the sake of flash memory."""


def make_image(elf: bytes, archive: bytes = b"", command_line: str = "") -> bytes:
    """The bytes of a bootable disk with this kernel, archive and command line."""
    output = io.BytesIO()
    write_image(output, elf, io.BytesIO(archive), command_line)
    return output.getvalue()


def write_image(output: IO[bytes], elf: bytes, archive: IO[bytes], command_line: str) -> None:
    """Write a bootable disk with this kernel, archive and command line to an empty file. Raises DiskError, OSError.

    What has no contents is left out: where the file system has holes, it takes no room.
    """
    kernel = load_kernel(elf)
    archive_size = archive.seek(0, io.SEEK_END)
    archive_start = archive_place(kernel, archive_size)
    application = efi.make_application(kernel, archive_size, command_line)
    volume = fat.volume_for(efi.PATH, application.size)
    file_start = PARTITION_START + volume.file_sector

    def sectors(size: int) -> int:
        return -(-size // SECTOR)

    extents = [
        (file_start + application.kernel_place // SECTOR, sectors(len(kernel.content)), kernel.start),
        (file_start + application.archive_place // SECTOR, sectors(archive_size), archive_start),
    ]
    data = _stage_data(extents, archive_start, archive_size, command_line)
    memory_end = max(archive_start + sectors(archive_size) * SECTOR, kernel.end)
    zeros = (kernel.start + len(kernel.content), kernel.end)
    stage = disk_code.second_stage(data, memory_end, zeros, kernel.entry)
    pieces = [
        (0, disk_code.boot_sector(PARTITION_START, volume.sectors)),
        (1, stage),
        *((PARTITION_START + sector, content) for sector, content in volume.pieces(PARTITION_START)),
        (file_start, application.head),
        (extents[0][0], kernel.content),
    ]
    for sector, content in pieces:
        output.seek(sector * SECTOR)
        output.write(content)
    archive.seek(0)
    output.seek(extents[1][0] * SECTOR)
    shutil.copyfileobj(archive, output, COPIED_AT_ONCE)
    end = (PARTITION_START + volume.sectors) * SECTOR
    output.seek(end + -end % DISK_UNIT - 1)
    output.write(b"\0")


def _stage_data(extents: list[tuple[int, int, int]], archive_start: int, archive_size: int, command_line: str) -> bytes:
    """The data of the second stage, laid out by `Places`."""
    data = bytearray(Places.CODE - DISK_LOADER)

    def put(place: int, content: bytes) -> None:
        data[place - DISK_LOADER : place - DISK_LOADER + len(content)] = content

    put(Places.DESCRIPTORS, flat_descriptors())
    put(Places.DESCRIPTOR_POINTER, struct.pack("<HI", 3 * 8 - 1, Places.DESCRIPTORS))
    put(Places.EXTENTS, b"".join(struct.pack("<III", *extent) for extent in extents))
    has_module = 1 if archive_size > 0 else 0
    put(Places.START_INFO, start_info(has_module, Places.MODULE, Places.COMMAND_LINE, DISK_MEMORY_MAP))
    put(Places.MODULE, struct.pack("<QQQQ", archive_start, archive_size, 0, 0))
    put(Places.COMMAND_LINE, command_line_bytes(command_line))
    for place, message in disk_code.MESSAGES.items():
        put(place, message.encode() + b"\r\n\0")
    return bytes(data)
