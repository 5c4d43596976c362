"""RLIMIT_FSIZE: how large a process may make a file (getrlimit(2)). Beyond it are SIGXFSZ and EFBIG."""

from __future__ import annotations

from codegen.lang import Fallible, u32, u64
from kernel.base.errno import EFBIG
from kernel.files.file import OpenFile
from kernel.process.limits import Resource
from kernel.process.send import send_to_thread
from kernel.process.signal_table import Signal
from kernel.sched.cpu import current


def file_size_limit() -> u64:
    """The limit of the running process."""
    return current().process.settings.limits.soft_of(Resource.FILE_SIZE)


def refuse() -> Fallible[None]:
    """SIGXFSZ and EFBIG."""
    send_to_thread(current(), u32(Signal.FILE_SIZE))
    raise EFBIG


def within_limit(file: OpenFile, offset: u64, length: u64) -> Fallible[u64]:
    """How much of a write of `length` bytes at `offset` may be done; EFBIG when nothing may."""
    limit = file_size_limit()
    if length <= limit and offset <= limit - length:
        return length
    inode = file.inode
    if length == 0 or inode is None or inode.content is None:
        return length
    if offset >= limit:
        refuse()
    return limit - offset


def check_new_size(before: u64, size: u64) -> Fallible[None]:
    """EFBIG when a file of `before` bytes is to become one of `size` that is too large."""
    if size > before and size > file_size_limit():
        refuse()
