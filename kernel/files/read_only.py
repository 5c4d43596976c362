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


def are_apart(directory: Inode, other: Inode) -> bool:
    """Whether no name moves from one directory to the other: each tree left writable is as a mount of its own."""
    if directory.fs is not other.fs:
        return True
    return directory.fs.is_read_only and writable_tree(directory) is not writable_tree(other)


def may_link(directory: Inode, inode: Inode) -> bool:
    """Whether a file can get a name in `directory`, which is as they are for `are_apart`."""
    place = place_of(inode)
    return not inode.fs.is_read_only or place is None or writable_tree(directory) is writable_tree(place)


@noinline
def check_left_writable(inode: Inode) -> Fallible[None]:
    """EROFS unless a file of a read-only file system, or a directory above it, was left writable."""
    place = place_of(inode)
    if place is not None and writable_tree(place) is None:
        raise EROFS


def place_of(inode: Inode) -> Inode | None:
    """The directory of a file: of its newest name, or of that which it lost. Without any it is in nobody's way."""
    if inode.described.is_directory or inode.is_left_writable:
        return inode
    entry = inode.entry
    if entry is None:
        entry = inode.former
    return None if entry is None else entry.directory


def writable_tree(place: Inode) -> Inode | None:
    """What was left writable: `place`, or the next directory above it that was."""
    level = place
    while not level.is_left_writable:
        above = level.parent
        if above is None or above is level:
            return None
        level = above
    return level


def is_read_only(inode: Inode) -> bool:
    """Whether a file may not be changed."""
    try:
        check_changeable(inode)
    except EROFS:
        return True
    return False
