"""Boot archives for tests: built record by record, whether they hold to the rules or not."""

from __future__ import annotations

from dataclasses import dataclass

from boot.interface import fields_of
from codegen.lang import FrameNumber, PhysAddr, slice_at, u8
from codegen.lang.memory import host_memory
from codegen.lang.slices import MutableSlice
from harness.interface import StructLayout
from harness.structs import Packer
from kernel.files.archive import unpack
from kernel.files.archive_format import MAGIC, Attribute, Entry, Header, Piece
from kernel.files.ramfs import RamFs
from kernel.machine.layout import frame_address
from kernel.memory import frames
from kernel.memory.account import KERNEL
from kernel.memory.frames import FrameUse

PAGE = 4096
HEADER, ENTRY, PIECE, ATTRIBUTE = (
    Packer(StructLayout.parse(fields_of(kind))) for kind in (Header, Entry, Piece, Attribute)
)


@dataclass(frozen=True)
class Record:
    """An entry; `contents` go where a page begins if it is a regular file."""

    name: bytes
    mode: int
    contents: bytes = b""
    directory: int = 0
    user: int = 7
    group: int = 8
    seconds: int = 1_600_000_000
    nanoseconds: int = 123
    device: int = 0
    size: int | None = None
    pieces: tuple[tuple[int, bytes], ...] = ()
    attributes: tuple[tuple[bytes, bytes], ...] = ()


ROOT = Record(b"", 0o40755)
BIN = Record(b"bin", 0o40755)


def build(*records: Record, count: int | None = None) -> bytes:
    """The archive of some records, which say for themselves where they are."""
    pieces = sum(len(one.pieces) for one in records)
    attributes = sum(len(one.attributes) for one in records)
    start = HEADER.size + len(records) * ENTRY.size + pieces * PIECE.size + attributes * ATTRIBUTE.size
    head = HEADER.pack(MAGIC, len(records) if count is None else count, pieces, attributes)
    texts, pages = bytearray(), bytearray()
    first_page = -(-(start + sum(map(text_size, records))) // PAGE) * PAGE

    def text(content: bytes) -> int:
        texts.extend(content)
        return start + len(texts) - len(content)

    def page(content: bytes) -> int:
        pages.extend(content + bytes(-len(content) % PAGE))
        return first_page + len(pages) - len(content) - -len(content) % PAGE

    entries = b""
    piece_table, attribute_table = b"", b""
    for one in records:
        name = text(one.name)
        is_file = one.mode >> 12 == 8
        place = page(one.contents) if is_file else text(one.contents)
        size = len(one.contents) if one.size is None else one.size
        for offset, content in one.pieces:
            piece_table += PIECE.pack(offset, page(content), len(content))
        for key, value in one.attributes:
            attribute_table += ATTRIBUTE.pack(text(key), len(key), text(value), len(value))
        entries += ENTRY.pack(
            *(one.directory, len(one.name), name, one.mode, one.user, one.group, one.nanoseconds, one.seconds),
            *(one.device, size, place, len(one.contents) if is_file else 0, len(one.pieces), len(one.attributes), 0),
        )
    content = head + entries + piece_table + attribute_table + texts
    return content.ljust(first_page, b"\0") + pages


def text_size(one: Record) -> int:
    """How many bytes of text a record has."""
    target = 0 if one.mode >> 12 == 8 else len(one.contents)
    return len(one.name) + target + sum(len(key) + len(value) for key, value in one.attributes)


SAMPLE = (
    ROOT,
    BIN,
    Record(b"big", 0o100755, b"E" * 5000, directory=1),
    Record(b"small", 0o100644, b"small", directory=1),
    Record(b"odd", 0o104755, b"odd", directory=1, seconds=-631152000, nanoseconds=5, user=4294967294),
    Record(b"link", 0o120777, b"big", directory=1),
    Record(b"twin", 0, directory=1, device=2),
    Record(b"linked", 0, device=5),
    Record(b"fifo", 0o10600),
    Record(b"device", 0o20666, device=0x103),
    Record(b"block", 0o60660, device=0x800),
    Record(b"holes", 0o100600, b"begin", size=50_000, pieces=((20_000, b"middle"), (49_990, b"0123456789"))),
    Record(b"marked", 0o40700, attributes=((b"user.a", b"one"), (b"user.b", b""))),
)
"""One of everything."""


class Loaded:
    """Bytes in memory that belong to nobody's files, as a loader leaves the archive there."""

    def __init__(self, content: bytes, order: int = 4) -> None:
        assert len(content) <= PAGE << order
        self.frame: FrameNumber = frames.allocate_uncleared(KERNEL, order, FrameUse.ARCHIVE)
        address = frame_address(self.frame)
        self.content: MutableSlice[u8] = slice_at(u8, address, len(content))
        memory, place = host_memory.bytes_at(address, len(content))
        memory[place : place + len(content)] = content
        self.physical = PhysAddr(self.frame * PAGE)

    def unpack(self, fs: RamFs) -> int:
        """Let the kernel unpack it."""
        return unpack(self.content, self.physical, fs)

    def free(self) -> None:
        """Give the memory back."""
        frames.release(self.frame)
