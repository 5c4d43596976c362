"""Programs that are none, or are damaged, are refused before anything has changed: ENOEXEC."""

from __future__ import annotations

import struct

import pytest

from codegen.lang import Errno
from harness.rootfs import find_busybox
from kernel.base.errno import ENOEXEC
from kernel.files.attributes import Attributes
from kernel.memory.buffer import Buffer
from kernel.process.elf import ElfImage, read_program
from tests.kernel.files.transfers import memory_of
from tests.needs import require

EXECUTABLE, SHARED = 2, 3
LOAD, INTERPRETER = 1, 3
READ_EXECUTE, READ_WRITE = 5, 6


class File:
    """Stands for an inode: contents and a size."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self, offset: int, buffer: Buffer, wait: bool) -> int:
        return buffer.give(memory_of(self.content[offset : offset + buffer.left]))

    def attributes(self) -> Attributes:
        described = Attributes()
        described.size = len(self.content)
        return described


def segment(
    address: int, file_size: int, memory_size: int, kind: int = LOAD, flags: int = READ_EXECUTE, offset: int = 0
) -> bytes:
    """One program header."""
    return struct.pack("<IIQQQQQQ", kind, flags, offset, address, address, file_size, memory_size, 4096)


def program(*headers: bytes, kind: int = EXECUTABLE, machine: int = 62, entry: int = 0x400100) -> bytes:
    """A file with these program headers, 8 KiB long."""
    identification = b"\x7fELF\x02\x01\x01" + bytes(9)
    rest = struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, entry, 64, 0, 0, 64, 56, len(headers), 0, 0, 0)
    return (identification + rest + b"".join(headers)).ljust(8192, b"\0")


def read(content: bytes) -> ElfImage:
    image = ElfImage()
    read_program(File(content), image)  # type: ignore[arg-type]
    return image


GOOD = program(segment(0x400000, 0x1000, 0x1000), segment(0x402000, 0x10, 0x5000, flags=READ_WRITE))


def test_a_good_program_is_understood() -> None:
    image = read(GOOD)
    assert not image.position_independent
    assert (image.entry, image.segment_count) == (0x400100, 2)
    assert (image.start, image.end) == (0x400000, 0x407000)
    assert image.headers_address(0) == 0x400040
    assert image.segments[1].writable and not image.segments[1].executable


def test_position_independent_with_interpreter() -> None:
    name = segment(0, 0x1C, 0x1C, kind=INTERPRETER, offset=0x300)
    image = read(program(name, segment(0, 0x1000, 0x1000), kind=SHARED, entry=0x10))
    assert image.position_independent
    assert (image.interpreter_offset, image.interpreter_size) == (0x300, 0x1C)


def test_busybox_is_understood() -> None:
    require("busybox")
    path = find_busybox()
    image = read(path.read_bytes())
    assert image.segment_count >= 2 and image.interpreter_size == 0


BAD = {
    "empty": b"",
    "text": b"#!/bin/sh\n",
    "truncated header": GOOD[:63],
    "truncated program headers": GOOD[:100],
    "32-bit": GOOD[:4] + b"\x01" + GOOD[5:],
    "big-endian": GOOD[:5] + b"\x02" + GOOD[6:],
    "another machine": program(segment(0x400000, 0x1000, 0x1000), machine=183),
    "an object file": program(segment(0x400000, 0x1000, 0x1000), kind=1),
    "no segment": program(),
    "segment beyond the file": program(segment(0x400000, 0x4000, 0x4000)),
    "offset beyond the file": program(segment(0x400000, 1, 1, offset=1 << 40)),
    "larger in the file than in memory": program(segment(0x400000, 0x1000, 0x800)),
    "overlapping": program(segment(0x400000, 0x1000, 0x3000), segment(0x402000, 0x1000, 0x1000)),
    "out of order": program(segment(0x402000, 0x1000, 0x1000), segment(0x400000, 0x1000, 0x1000)),
    "misaligned": program(segment(0x400010, 0x1000, 0x1000)),
    "in the kernel": program(segment(0xFFFF_8000_0000_0000, 0x1000, 0x1000)),
    "across the end of memory": program(segment(0x7FFF_FFFF_E000, 0x1000, 0x3000)),
    "the page of null pointers": program(segment(0, 0x1000, 0x1000), entry=0x10),
    "entry outside": program(segment(0x400000, 0x1000, 0x1000), entry=0x500000),
    "entry in data": program(segment(0x400000, 0x1000, 0x1000, flags=READ_WRITE)),
    "size wraps": program(segment(0x400000, 0x10, 0xFFFF_FFFF_FFFF_FFFF)),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_bad_programs_are_refused(content: bytes) -> None:
    with pytest.raises(ENOEXEC):
        read(content)


def test_no_header_field_traps() -> None:
    """Whatever one byte of the headers becomes, the answer is a program or ENOEXEC."""
    for position in range(16, 64 + 2 * 56):
        for value in (0x00, 0x7F, 0xFF):
            damaged = GOOD[:position] + bytes([value]) + GOOD[position + 1 :]
            try:
                read(damaged)
            except Errno as error:
                assert isinstance(error, ENOEXEC)
