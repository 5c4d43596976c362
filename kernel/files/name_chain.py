"""The names of an inode, chained from the newest to the oldest: what happens to it is told of where it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.files.directory import DirectoryEntry

if TYPE_CHECKING:
    from kernel.files.inode import Inode


def chain_name(inode: Inode, entry: DirectoryEntry) -> None:
    """`entry` is the newest name of `inode`."""
    older = inode.entry
    if older is not None:
        older.newer_name = entry
    entry.older_name = older
    entry.newer_name = None
    inode.entry = entry


def unchain_name(inode: Inode, entry: DirectoryEntry) -> None:
    """`entry` is no name of `inode` any more."""
    older, newer = entry.older_name, entry.newer_name
    if older is not None:
        older.newer_name = newer
    if newer is not None:
        newer.older_name = older
    else:
        inode.entry = older
    entry.older_name = None
    entry.newer_name = None
