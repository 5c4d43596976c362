"""Read-only file systems: nothing in them is made, removed or changed (EROFS), but for trees that were left writable.

Interface: `RamFs.is_read_only`, `Inode.is_left_writable`; `check_writable_place` for names in a directory, and
`check_changeable` for a file. Asked where a name or an attribute is changed and where a file is opened to be written;
one that is open already was opened before. Devices and FIFOs can be written: that changes no file.
"""

from __future__ import annotations

from codegen.lang import Fallible, inline, noinline
from kernel.base.errno import EROFS
from kernel.files.inode import Inode


@inline
def check_writable_place(directory: Inode) -> Fallible[None]:
    """EROFS unless names may be made and removed in `directory`."""
    if directory.fs.is_read_only:
        check_left_writable(directory)


@inline
def check_changeable(inode: Inode) -> Fallible[None]:
    """EROFS unless a file may be changed."""
    if inode.fs.is_read_only:
        check_left_writable(inode)


@noinline
def check_left_writable(inode: Inode) -> Fallible[None]:
    """EROFS unless a file of a read-only file system, or a directory above it, was left writable.

    A file has the place of its newest name, or of that which it lost; without any it is in nobody's way.
    """
    level = inode
    if not inode.described.is_directory and not inode.is_left_writable:
        entry = inode.entry
        if entry is None:
            entry = inode.former
        if entry is None:
            return
        level = entry.directory
    while not level.is_left_writable:
        above = level.parent
        if above is None or above is level:
            raise EROFS
        level = above


def is_read_only(inode: Inode) -> bool:
    """Whether a file may not be changed."""
    try:
        check_changeable(inode)
    except EROFS:
        return True
    return False
