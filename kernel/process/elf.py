"""Reading ELF programs (elf(5), System V gABI chapters 4 and 5): all is checked before anything changes.

`read_program` fills an `ElfImage` from a file, or raises ENOEXEC; `map_program` puts it into an address space.
"""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import (
    Array,
    Fallible,
    Slice,
    UserAddr,
    UserSlice,
    align_down,
    align_up,
    inline_array,
    load,
    local_array,
    struct,
    u8,
    u16,
    u32,
    u64,
    width,
    wrapping_add,
    wrapping_sub,
)
from kernel.base.errno import ENOEXEC, ENOMEM
from kernel.files.execution import read_executable
from kernel.files.flags import PATH_MAX
from kernel.files.inode import Inode
from kernel.machine.layout import PAGE_SIZE, USER_END, USER_START
from kernel.memory import user
from kernel.memory.mapping import map_new
from kernel.memory.region import Protection, Terms
from kernel.memory.space import AddressSpace

HEADER_SIZE: u64 = 64
PROGRAM_HEADER_SIZE: u64 = 56
SEGMENTS_MAX: u64 = 16
HEADERS_MAX: u64 = 65536 // 56
"""What load_elf_phdrs() of Linux reads."""
IDENTIFICATION: Slice[u8] = b"\x7fELF\x02\x01\x01"
"""Magic, ELFCLASS64, ELFDATA2LSB, EV_CURRENT."""
MACHINE_X86_64: u16 = 62
INTERPRETER_MAX: u64 = PATH_MAX


@width(u16)
class FileType(IntEnum):
    """e_type."""

    EXECUTABLE = 2
    SHARED = 3


@width(u32)
class SegmentType(IntEnum):
    """p_type, as far as it matters here."""

    LOAD = 1
    INTERPRETER = 3
    STACK = 0x6474_E551


@struct
class Segment:
    """One PT_LOAD program header."""

    address: u64 = 0
    offset: u64 = 0
    file_size: u64 = 0
    memory_size: u64 = 0
    readable: bool = False
    writable: bool = False
    executable: bool = False

    @property
    def end(self) -> u64:
        """One past the last byte in memory."""
        return self.address + self.memory_size

    @property
    def terms(self) -> Terms:
        """The access that the program has."""
        rights: u32 = 0
        if self.readable:
            rights |= u32(Protection.READ)
        if self.writable:
            rights |= u32(Protection.WRITE)
        if self.executable:
            rights |= u32(Protection.EXECUTE)
        return Terms(rights=rights)


@struct
class ElfImage:
    """What the headers of a program say."""

    position_independent: bool = False
    entry: u64 = 0
    headers_offset: u64 = 0
    headers_count: u64 = 0
    interpreter_offset: u64 = 0
    interpreter_size: u64 = 0
    segment_count: u64 = 0
    segments: Array[Segment] = inline_array(16)

    @property
    def start(self) -> u64:
        """The lowest page that is loaded, before the bias."""
        return align_down(self.segments[0].address, PAGE_SIZE)

    @property
    def end(self) -> u64:
        """One past the highest page that is loaded, before the bias."""
        return align_up(self.segments[self.segment_count - 1].end, PAGE_SIZE)

    def place(self, base: u64, limit: u64) -> Fallible[u64]:
        """Where to put it, by what is added to its addresses, modulo 2^64: at `base` if it may be anywhere.

        ENOMEM if it would reach beyond `limit`.
        """
        start = base if self.position_independent else self.start
        if start > limit or self.end - self.start > limit - start:
            raise ENOMEM
        return wrapping_sub(u64, start, self.start)

    def headers_address(self, bias: u64) -> u64:
        """Where the program headers are in memory (AT_PHDR); 0 if in no segment."""
        for index in range(self.segment_count):
            segment = self.segments[index]
            if segment.offset <= self.headers_offset < segment.offset + segment.file_size:
                return wrapping_add(u64, bias, segment.address + (self.headers_offset - segment.offset))
        return 0


def read_program(file: Inode, image: ElfImage) -> Fallible[None]:
    """Fill the fresh `image` from the headers of `file`. ENOEXEC if it is no program for this machine."""
    header = local_array(u8, HEADER_SIZE)
    if read_executable(file, 0, header) != HEADER_SIZE:
        raise ENOEXEC
    if header[0:7] != IDENTIFICATION or load(u16, header, 18) != MACHINE_X86_64:
        raise ENOEXEC
    kind = load(u16, header, 16)
    if kind != u16(FileType.EXECUTABLE) and kind != u16(FileType.SHARED):
        raise ENOEXEC
    image.position_independent = kind == u16(FileType.SHARED)
    image.entry = load(u64, header, 24)
    image.headers_offset = load(u64, header, 32)
    image.headers_count = load(u16, header, 56)
    if load(u16, header, 54) != PROGRAM_HEADER_SIZE:
        raise ENOEXEC
    if image.headers_count == 0 or image.headers_count > HEADERS_MAX:
        raise ENOEXEC
    size = file.attributes().size
    if image.headers_offset > size:
        raise ENOEXEC
    for index in range(image.headers_count):
        read_program_header(file, image, index, size)
    check_segments(image)


def read_program_header(file: Inode, image: ElfImage, index: u64, size: u64) -> Fallible[None]:
    """Take in program header `index` of a file of `size` bytes."""
    header = local_array(u8, PROGRAM_HEADER_SIZE)
    if read_executable(file, image.headers_offset + index * PROGRAM_HEADER_SIZE, header) != PROGRAM_HEADER_SIZE:
        raise ENOEXEC
    kind = load(u32, header, 0)
    offset = load(u64, header, 8)
    file_size = load(u64, header, 32)
    if kind != u32(SegmentType.LOAD) and kind != u32(SegmentType.INTERPRETER):
        return
    if offset > size or file_size > size - offset:
        raise ENOEXEC
    if kind == u32(SegmentType.INTERPRETER):
        if file_size < 2 or file_size > INTERPRETER_MAX:
            raise ENOEXEC
        image.interpreter_offset = offset
        image.interpreter_size = file_size
        return
    memory_size = load(u64, header, 40)
    if memory_size == 0:
        return
    if image.segment_count == SEGMENTS_MAX:
        raise ENOEXEC
    segment = image.segments[image.segment_count]
    image.segment_count += 1
    flags = load(u32, header, 4)
    segment.executable = flags & 1 != 0
    segment.writable = flags & 2 != 0
    segment.readable = flags & 4 != 0
    segment.address = load(u64, header, 16)
    segment.offset = offset
    segment.file_size = file_size
    segment.memory_size = memory_size


def check_segments(image: ElfImage) -> Fallible[None]:
    """The segments are in order, apart, where programs may be, and the entry is in one that is executable."""
    if image.segment_count == 0:
        raise ENOEXEC
    lowest: u64 = 0 if image.position_independent else USER_START
    entry_found = False
    for index in range(image.segment_count):
        segment = image.segments[index]
        if segment.file_size > segment.memory_size or segment.memory_size > USER_END:
            raise ENOEXEC
        if segment.address < lowest or segment.address > USER_END - segment.memory_size:
            raise ENOEXEC
        if segment.address % PAGE_SIZE != segment.offset % PAGE_SIZE:
            raise ENOEXEC
        if segment.executable and segment.address <= image.entry < segment.end:
            entry_found = True
        lowest = segment.end
    if not entry_found:
        raise ENOEXEC


def map_program(space: AddressSpace, file: Inode, image: ElfImage, bias: u64) -> Fallible[None]:
    """Map every segment of `image`, moved by `bias` (`ElfImage.place`), into `space`, which is the current one."""
    for index in range(image.segment_count):
        map_segment(space, file, image.segments[index], bias)


def map_segment(space: AddressSpace, file: Inode, segment: Segment, bias: u64) -> Fallible[None]:
    """Map one segment: pages of the file, then zeros (gABI, "Program Header": p_filesz and p_memsz)."""
    first = wrapping_add(u64, bias, segment.address)
    start = align_down(first, PAGE_SIZE)
    data_end = first + segment.file_size
    data_pages_end = align_up(data_end, PAGE_SIZE)
    end = align_up(first + segment.memory_size, PAGE_SIZE)
    if segment.file_size == 0:
        map_new(space, segment.terms, None, 0, start, end)
        return
    offset = align_down(segment.offset, PAGE_SIZE)
    map_new(space, segment.terms, file.pager(), offset, start, data_pages_end)
    if data_end < data_pages_end and segment.writable:
        user.clear_out(UserSlice(UserAddr(data_end), data_pages_end - data_end))
    if data_pages_end < end:
        map_new(space, segment.terms, None, 0, data_pages_end, end)
