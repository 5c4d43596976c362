"""Transfers in pieces of the kernel's memory, between which others run: for files that have no direct ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Errno, Fallible, MutableSlice, Slice, local_array, noinline, u8, u64
from kernel.files.attributes import Kind
from kernel.memory.buffer import Buffer
from kernel.sched.cpu import current
from kernel.sched.preemption import Freezing, preemption_point

if TYPE_CHECKING:
    from kernel.files.operations import FileOps

SMALL: u64 = 256
LARGE: u64 = 4096
"""Sizes of pieces, which are on the stack. A write of PIPE_BUF bytes fits the large one, so that it stays whole."""


def read_in_pieces(file: FileOps, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
    """Read from `file` by its `read_piece`. Only the first piece waits."""
    if buffer.left <= SMALL:
        return read_small(file, offset, buffer, wait)
    return read_large(file, offset, buffer, wait)


@noinline
def read_small(file: FileOps, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
    """`read_in_pieces` of at most SMALL bytes, with little stack."""
    return read_through(file, offset, buffer, wait, local_array(u8, SMALL))


@noinline
def read_large(file: FileOps, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
    """`read_in_pieces` of any number of bytes."""
    return read_through(file, offset, buffer, wait, local_array(u8, LARGE))


def read_through(file: FileOps, offset: u64, buffer: Buffer, wait: bool, piece: MutableSlice[u8]) -> Fallible[u64]:
    """`read_in_pieces` through `piece`."""
    done: u64 = 0
    while True:
        step = min(u64(len(piece)), buffer.left)
        put: u64 = 0
        try:
            if done > 0 and not may_read_on(file):
                return done
            got = file.read_piece(offset + done, piece[0:step], wait and done == 0)
            put = give_piece(file, buffer, piece[0:got])
        except Errno:
            if done == 0:
                raise
            return done
        done += put
        if put < step or buffer.left == 0:
            return done


def give_piece(file: FileOps, buffer: Buffer, content: Slice[u8]) -> Fallible[u64]:
    """Give what was read; of a stream, from which it is gone, all or nothing. EFAULT."""
    if file.is_seekable():
        return buffer.give(content)
    buffer.give_all(content)
    return u64(len(content))


def may_read_on(file: FileOps) -> Fallible[bool]:
    """Let others run between two pieces. Whether there is another one: not of a device, when a signal came."""
    preemption_point(Freezing.LATER)
    return not current().interrupted or file.attributes().kind != Kind.CHARACTER


def write_in_pieces(file: FileOps, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
    """Write to `file` by its `write_piece`."""
    if buffer.left <= SMALL:
        return write_small(file, offset, buffer, wait)
    return write_large(file, offset, buffer, wait)


@noinline
def write_small(file: FileOps, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
    """`write_in_pieces` of at most SMALL bytes, with little stack."""
    return write_through(file, offset, buffer, wait, local_array(u8, SMALL))


@noinline
def write_large(file: FileOps, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
    """`write_in_pieces` of any number of bytes."""
    return write_through(file, offset, buffer, wait, local_array(u8, LARGE))


def write_through(file: FileOps, offset: u64, buffer: Buffer, wait: bool, piece: MutableSlice[u8]) -> Fallible[u64]:
    """`write_in_pieces` through `piece`."""
    done: u64 = 0
    while True:
        step = min(u64(len(piece)), buffer.left)
        put: u64 = 0
        try:
            if done > 0:
                preemption_point(Freezing.LATER)
            buffer.take(piece[0:step])
            put = file.write_piece(offset + done, piece[0:step], wait)
        except Errno:
            if done == 0:
                raise
            return done
        done += put
        if put < step or buffer.left == 0:
            return done
