"""Transfers between files and bytes of Python, through buffers over what stands for memory of the kernel."""

from __future__ import annotations

from codegen.lang import u8
from codegen.lang.slices import ByteCells, HostSlice
from kernel.files.content import Content
from kernel.files.content_transfer import read_to_kernel, write_from_kernel
from kernel.files.operations import FileOps
from kernel.memory.buffer import Buffer


def memory_of(content: bytes) -> HostSlice[u8]:
    """Memory of the kernel with these bytes."""
    return HostSlice(ByteCells(bytearray(content), 0, len(content), u8), 0, len(content), u8)


def buffer(size: int) -> HostSlice[u8]:
    """So much memory of the kernel."""
    return memory_of(bytes(size))


def read(content: Content, offset: int, size: int) -> bytes:
    """What a read of `size` bytes gives."""
    destination = buffer(size)
    return bytes(destination[0 : read_to_kernel(content, offset, destination)])


def write(content: Content, offset: int, text: bytes) -> int:
    """How much of `text` was written."""
    return write_from_kernel(content, offset, memory_of(text))


def read_file(file: FileOps, offset: int, size: int, wait: bool = True) -> bytes:
    """What a read of an open file gives."""
    destination = buffer(size)
    room = Buffer()
    room.over_kernel(destination)
    return bytes(destination[0 : file.read(offset, room, wait)])


def write_file(file: FileOps, offset: int, text: bytes, wait: bool = True, is_packet: bool = False) -> int:
    """How much of `text` an open file took."""
    given = Buffer()
    given.over_kernel(memory_of(text))
    given.is_packet = is_packet
    return file.write(offset, given, wait)
