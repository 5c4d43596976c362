"""Transfers between the pages of a regular file and a buffer, directly.

Nobody sleeps while a page is looked at: it may be given back meanwhile, with its file or by a truncation. So bytes are
copied as far as that goes at once; what stops it, a page of the program that is not there, is then filled in, and the
page of the file is looked up again.
"""

from __future__ import annotations

from codegen.lang import Errno, Fallible, MutableSlice, Slice, hot, inline, local, u8, u64
from kernel.base.errno import EFBIG, EIO
from kernel.files.content import PAGE, SIZE_MAX, Content
from kernel.files.frame_tree import HOLE
from kernel.memory import frames
from kernel.memory.buffer import Buffer
from kernel.sched.preemption import Freezing, preemption_point


@hot
def read_content(content: Content, offset: u64, buffer: Buffer) -> Fallible[u64]:
    """Read at `offset` up to the end of the file; how many bytes. EFAULT, EINTR, EIO for nothing."""
    done: u64 = 0
    while buffer.left > 0:
        position = offset + done
        if position >= content.size:
            break
        try:
            if done > 0:
                preemption_point(Freezing.LATER)
            done += read_step(content, position, buffer)
        except Errno:
            if done > 0:
                break
            raise
    return done


@inline
def read_step(content: Content, position: u64, buffer: Buffer) -> Fallible[u64]:
    """Read what is in one page, and in one place of the buffer."""
    buffer.settle()
    if position >= content.size:
        if content.is_ending:
            raise EIO
        return 0
    start = position % PAGE
    step = min(PAGE - start, content.size - position)
    frame = content.frame_at(position // PAGE)
    if frame == HOLE:
        return buffer.clear(step)
    done = buffer.give_now(frames.contents(frame)[start : start + step])
    if done == 0:
        preemption_point(Freezing.LATER)
        buffer.fault_in(True)
    return done


@hot
def write_content(content: Content, offset: u64, buffer: Buffer) -> Fallible[u64]:
    """Write at `offset`, growing the file; how many bytes. EFBIG, EFAULT, EINTR, EIO, ENOMEM for nothing.

    The write lock of the file is held.
    """
    if offset >= SIZE_MAX:
        raise EFBIG
    buffer.limit(SIZE_MAX - offset)
    done: u64 = 0
    while buffer.left > 0:
        try:
            if done > 0:
                preemption_point(Freezing.LATER)
            done += write_step(content, offset + done, buffer)
        except Errno:
            if done > 0:
                break
            raise
    return done


@inline
def write_step(content: Content, position: u64, buffer: Buffer) -> Fallible[u64]:
    """Write what is in one page, and in one place of the buffer."""
    buffer.settle()
    frame = content.make_own(position // PAGE)
    start = position % PAGE
    done = buffer.take_now(frames.contents(frame)[start:PAGE])
    if done == 0:
        preemption_point(Freezing.LATER)
        buffer.fault_in(False)
        return 0
    content.size = max(content.size, position + done)
    return done


def read_to_kernel(content: Content, offset: u64, destination: MutableSlice[u8]) -> Fallible[u64]:
    """`read_content` into memory of the kernel."""
    buffer = local(Buffer)
    buffer.over_kernel(destination)
    return read_content(content, offset, buffer)


def write_from_kernel(content: Content, offset: u64, source: Slice[u8]) -> Fallible[u64]:
    """`write_content` out of memory of the kernel."""
    buffer = local(Buffer)
    buffer.over_kernel(source)
    return write_content(content, offset, buffer)
