"""What /proc/PID shows of the memory of a program as a text: cmdline, environ, auxv (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, FrameNumber, u8, u64
from kernel.base.writer import Writer
from kernel.files.inode import Inode
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.machine.paging import index_at
from kernel.memory import frames
from kernel.memory.page_tables import find_table
from kernel.memory.space import AddressSpace
from kernel.process.stack import AUXILIARY_PAIRS
from kernel.views.subject import process_of
from kernel.views.text import END

PAIR: u64 = 16
"""The size of an entry of the auxiliary vector."""


def write_environment(inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
    """environ: the environment that the program began with, as it stands in its memory now."""
    space = process_of(inode).space
    return write_memory(space, max(key, space.arguments_end), space.environment_end, writer)


def write_auxiliary_vector(inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
    """auxv: what the kernel told the program at its start (getauxval(3))."""
    space = process_of(inode).space
    start = space.auxiliary_start
    return write_memory(space, max(key, start), start + AUXILIARY_PAIRS * PAIR, writer)


def write_command_line(inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
    """cmdline: the arguments, each with its NUL, as they stand in the memory of the program.

    A program that overwrites them may go on in its environment: then the last byte of the arguments is no NUL, and the
    text ends with the first NUL (setproctitle(3)).
    """
    process = process_of(inode)
    if process.is_zombie:
        return END
    space = process.space
    start, end = space.arguments_start, space.arguments_end
    if end > start and byte_at(space, end - 1) != 0:
        return write_string(space, max(key, start), space.environment_end, writer)
    return write_memory(space, max(key, start), end, writer)


def write_memory(space: AddressSpace, start: u64, end: u64, writer: Writer) -> u64:
    """Write what is mapped from `start` to `end`, but not beyond a page; returns where to go on, or END."""
    with space.lock:
        if not is_present(space, start) or start >= end:
            return END
        within = start % PAGE_SIZE
        step = min(PAGE_SIZE - within, end - start)
        writer.text(frames.contents(frame_at(space, start))[within : within + step])
    return start + step if start + step < end else END


def write_string(space: AddressSpace, start: u64, end: u64, writer: Writer) -> u64:
    """`write_memory` up to the first NUL."""
    with space.lock:
        if not is_present(space, start) or start >= end:
            return END
        within = start % PAGE_SIZE
        content = frames.contents(frame_at(space, start))[within : within + min(PAGE_SIZE - within, end - start)]
        length: u64 = 0
        while length < len(content) and content[length] != 0:
            length += 1
        if length < len(content):
            writer.text(content[0 : length + 1])
            return END
        writer.text(content)
    return start + length


def byte_at(space: AddressSpace, address: u64) -> u8:
    """A byte of the memory; 0 where none is present."""
    with space.lock:
        if not is_present(space, address):
            return 0
        return frames.contents(frame_at(space, address))[address % PAGE_SIZE]


def is_present(space: AddressSpace, address: u64) -> bool:
    """Whether a page is there. The lock of the space is held."""
    if address >= USER_END:
        return False
    table = find_table(space.root, address)
    return table is not None and table.entries[index_at(address, 1)].present


def frame_at(space: AddressSpace, address: u64) -> FrameNumber:
    """The frame of a page that is there. The lock of the space is held."""
    table = find_table(space.root, address)
    assert table is not None, "the page is there"
    return table.entries[index_at(address, 1)].frame
