"""Names: from an inode to its path (getcwd(2), proc(5)).

Interface: `path_of` is the path of what can be reached from a root; `shown_path` tells what people want to see of any
inode.
"""

from __future__ import annotations

from codegen.lang import Fallible, MutableSlice, Slice, copy, u8, u64
from kernel.base.errno import ENOENT, ERANGE
from kernel.files.inode import Inode
from kernel.files.path import SLASH

DELETED = b" (deleted)"


def path_of(inode: Inode, root: Inode, destination: MutableSlice[u8]) -> Fallible[u64]:
    """Write the path of `inode` as seen from `root` to the beginning of `destination`; returns its length.

    ENOENT when it has no name or is not below `root`, ERANGE when `destination` is too short (getcwd(2)).
    """
    start, top = climb(inode, root, destination, False)
    if top is not root:
        raise ENOENT
    return move_to_front(destination, start)


def shown_path(inode: Inode, root: Inode, destination: MutableSlice[u8]) -> Fallible[u64]:
    """Write what /proc says of the place of `inode` to the beginning of `destination`; returns its length. ERANGE.

    That is the path from `root`, or from the root of its own file systems if it is not below that; of what was removed
    the last one that it had, and ` (deleted)` (d_path() of Linux).
    """
    length = u64(len(DELETED))
    if inode.former is None and (inode.entry is not None or is_top(inode, root)):
        start, _ = climb(inode, root, destination, True)
        return move_to_front(destination, start)
    if length > len(destination):
        raise ERANGE
    end = len(destination) - length
    copy(destination[end:], DELETED)
    start, _ = climb(inode, root, destination[0:end], True)
    return move_to_front(destination, start)


def is_top(inode: Inode, root: Inode) -> bool:
    """Whether `inode` needs no name: it is `root`, or that of a file system."""
    return inode is root or (not inode.is_dead and inode is inode.fs.root)


def climb(inode: Inode, root: Inode, destination: MutableSlice[u8], also_removed: bool) -> Fallible[tuple[u64, Inode]]:
    """Write the names on the way from `inode` up to `root` to the end of `destination`, `also_removed` ones if that is
    wanted; returns where they begin, and how far up it went.
    """
    start = u64(len(destination))
    current = inode
    while current is not root:
        point = current.fs.point_of(current)
        if point is not None:
            current = point
            continue
        entry = current.entry
        if also_removed and current.former is not None:
            entry = current.former
        if entry is None:
            break
        start = put_before(entry.name, destination, start)
        current = entry.directory
    if start == len(destination):
        start = put_before(b"", destination, start)
    return start, current


def put_before(name: Slice[u8], destination: MutableSlice[u8], start: u64) -> Fallible[u64]:
    """Put a slash and `name` before `start`; returns where the slash is. ERANGE."""
    length = u64(len(name)) + 1
    if length > start:
        raise ERANGE
    copy(destination[start - length + 1 : start], name)
    destination[start - length] = SLASH
    return start - length


def move_to_front(destination: MutableSlice[u8], start: u64) -> u64:
    """Move what begins at `start` to the beginning of `destination`; returns its length."""
    length = u64(len(destination)) - start
    copy(destination[0:length], destination[start:])
    return length
