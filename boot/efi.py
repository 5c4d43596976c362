"""The UEFI application: a PE file that holds its code, the kernel, and the boot archive.

    headers                    UEFI Specification 2.10, section 2.1.1; Microsoft PE format
    .text     code             boot/efi_code.py
    .data     what is handed over, messages, room for the memory map
    .reloc    no relocations, which says that it may be put anywhere
    .kernel   the kernel's memory from its first segment to the end of .data, as it is to be loaded
    .archive  the boot archive

The firmware loads all of it, so nothing has to be read from the disk. In the file, too, kernel and archive begin at
sectors: a BIOS reads the same ones.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from boot.efi_code import application, hand_over
from boot.efi_layout import AT, KINDS, LOADER_DATA, MESSAGES, Block, Claim, Data, Parts
from boot.errors import DiskError
from boot.layout import BOOT_AREA_END, LOW_MEMORY_END, PAGE_SIZE, TRAMPOLINE
from boot.loaded import LoadedKernel, command_line_bytes, flat_descriptors, start_info

SECTOR = 512
PATH = ("EFI", "BOOT", "BOOTX64.EFI")
"""What firmware starts of a disk that it does not know (section 3.5.1.1)."""

HEADER_AT = 0x40
MACHINE = 0x8664
OPTIONAL_SIZE = 240
EXECUTABLE = 0x0022
"""It is one, and it may lie above 2 GiB."""
APPLICATION = 10
NO_EXECUTION_OF_DATA = 0x0100
DIRECTORIES, RELOCATIONS = 16, 5

CODE, DATA, DISCARDABLE = 0x60000020, 0xC0000040, 0x42000040
READ_ONLY = 0x40000040
SIZE_MAX = (1 << 32) - (1 << 20)


@dataclass(frozen=True)
class Section:
    """A part of the file, and where it is in memory, from the start of the image."""

    name: str
    kind: int
    address: int
    memory_size: int
    place: int
    file_size: int


@dataclass(frozen=True)
class Application:
    """What the file begins with; the kernel and the archive follow at these places."""

    head: bytes
    kernel_place: int
    archive_place: int
    size: int


def _up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def make_application(kernel: LoadedKernel, archive_size: int, command_line: str) -> Application:
    """The application for this kernel, with room for an archive of this size. Raises DiskError."""
    sections: list[Section] = []

    def add(name: str, kind: int, memory_size: int, file_size: int) -> Section:
        address, place = PAGE_SIZE, 2 * SECTOR
        if sections:
            last = sections[-1]
            address = _up(last.address + last.memory_size, PAGE_SIZE)
            place = last.place + last.file_size
        section = Section(name, kind, address, memory_size, place, _up(file_size, SECTOR))
        sections.append(section)
        return section

    text = add(".text", CODE, PAGE_SIZE, PAGE_SIZE)
    data = add(".data", DATA, Data.SIZE, Data.PLACES)
    relocations = struct.pack("<IIHH", 0, 12, 0, 0)
    relocation_section = add(".reloc", DISCARDABLE, len(relocations), len(relocations))
    image = add(".kernel", READ_ONLY, len(kernel.content), len(kernel.content))
    archive = add(".archive", READ_ONLY, max(archive_size, 1), archive_size)
    if archive.address + archive_size > SIZE_MAX:
        raise DiskError(f"the boot archive of {archive_size} bytes does not fit below 4 GiB")
    code = application(
        Parts(
            text=text.address,
            data=data.address,
            kernel=image.address,
            kernel_size=len(kernel.content),
            kernel_claim=Claim(AT, LOADER_DATA, kernel.start, kernel.end - kernel.start),
            archive=archive.address,
            archive_size=archive_size,
            fixed=(
                Claim(AT, LOADER_DATA, LOW_MEMORY_END, BOOT_AREA_END - LOW_MEMORY_END),
                Claim(AT, LOADER_DATA, TRAMPOLINE, PAGE_SIZE),
            ),
        )
    )
    assert len(code) <= text.file_size, f"the code has {len(code)} bytes"
    parts = sections if archive_size else sections[:-1]
    contents = {
        0: _headers(parts, text, relocation_section),
        text.place: code,
        data.place: _data(kernel.entry, archive_size, command_line),
        relocation_section.place: relocations,
    }
    head = bytearray(image.place)
    for place, content in contents.items():
        head[place : place + len(content)] = content
    return Application(bytes(head), image.place, archive.place, archive.place + archive.file_size)


def _data(entry: int, archive_size: int, command_line: str) -> bytes:
    """The contents of .data, laid out by `Data`; addresses in the block are behind its start."""
    data = bytearray(Data.PLACES)

    def put(place: int, content: bytes) -> None:
        assert not any(data[place : place + len(content)])
        data[place : place + len(content)] = content

    block = Data.BLOCK
    put(block + Block.CODE, hand_over(entry))
    put(block + Block.DESCRIPTORS, flat_descriptors())
    put(block + Block.DESCRIPTOR_POINTER, struct.pack("<HQ", 3 * 8 - 1, Block.DESCRIPTORS))
    put(
        block + Block.INFO,
        start_info(1 if archive_size else 0, Block.MODULE, Block.COMMAND_LINE, Block.RANGES),
    )
    put(block + Block.MODULE, struct.pack("<QQQQ", 0, archive_size, 0, 0))
    put(block + Block.COMMAND_LINE, command_line_bytes(command_line))
    put(Data.KINDS, KINDS)
    for place, message in MESSAGES.items():
        put(place, (message + "\r\n\0").encode("utf-16-le"))
    return bytes(data)


def _headers(sections: list[Section], text: Section, relocations: Section) -> bytes:
    """The headers of the file."""
    last = sections[-1]
    dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", HEADER_AT)
    file = struct.pack("<4sHHIIIHH", b"PE\0\0", MACHINE, len(sections), 0, 0, 0, OPTIONAL_SIZE, EXECUTABLE)
    optional = struct.pack(
        "<HBBIIIIIQIIHHHHHHIIIIHHQQQQII",
        0x20B,
        0,
        0,
        text.file_size,
        sum(section.file_size for section in sections if section is not text),
        0,
        text.address,
        text.address,
        0,
        PAGE_SIZE,
        SECTOR,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        _up(last.address + last.memory_size, PAGE_SIZE),
        2 * SECTOR,
        0,
        APPLICATION,
        NO_EXECUTION_OF_DATA,
        0,
        0,
        0,
        0,
        0,
        DIRECTORIES,
    )
    directories = [(0, 0)] * DIRECTORIES
    directories[RELOCATIONS] = (relocations.address, relocations.memory_size)
    table = b"".join(struct.pack("<II", *directory) for directory in directories)
    assert len(optional) + len(table) == OPTIONAL_SIZE
    entries = b"".join(
        struct.pack(
            "<8sIIIIIIHHI",
            section.name.encode(),
            section.memory_size,
            section.address,
            section.file_size,
            section.place,
            0,
            0,
            0,
            0,
            section.kind,
        )
        for section in sections
    )
    headers = dos + file + optional + table + entries
    assert len(headers) <= 2 * SECTOR
    return headers
