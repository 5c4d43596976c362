"""Removal: what becomes of a name that is taken from a file (unlink(2), rename(2)).

Interface: `remove` `name_over`. Whoever still refers to the file is told its last name by /proc (names.py): its entry
is kept with it, out of its directory, as long as the file is referred to.
"""

from __future__ import annotations

from codegen.lang import Slice, u8
from kernel.base.errno import ENOMEM
from kernel.files.directory import DirectoryEntry, free_entry, new_entry
from kernel.files.inode import Inode


def name_over(directory: Inode, entry: DirectoryEntry, inode: Inode) -> None:
    """Let `entry` of `directory` name `inode` instead of what it names, which may be freed."""
    replaced = entry.inode
    assert replaced is not None, "the name is in use"
    replaced.hold()
    keep_name(replaced, entry)
    directory.fs.forget_name(replaced, entry)
    directory.name_by(entry, inode)
    replaced.drop()


def remove(directory: Inode, entry: DirectoryEntry) -> None:
    """Take the name `entry` out of `directory`; what it named is freed unless something else keeps it.

    Where the layer below shows the name, the entry stays as a whiteout.
    """
    entries = directory.entries
    inode = entry.inode
    assert entries is not None and inode is not None, "the name is in use"
    if directory.find_below(entry.name) is not None:
        keep_name(inode, entry)
        entries.renew(entry, None)
        directory.fs.forget_name(inode, entry)
        return
    entries.remove(entry)
    if loses_name_in_use(inode, entry):
        entry.inode = None
        inode.former = entry
        directory.hold()
        directory.fs.forget_name(inode, entry)
    else:
        directory.fs.forget_name(inode, entry)
        free_entry(entry)


def loses_name_in_use(inode: Inode, entry: DirectoryEntry) -> bool:
    """Whether `entry`, which goes, is the name that /proc has for `inode`, its newest, and somebody may ask for it: who
    removes it has one reference.
    """
    return inode.entry is entry and inode.former is None and inode.references > 1


def keep_name(inode: Inode, entry: DirectoryEntry) -> None:
    """Keep the name `entry`, which `inode` loses, but not the entry itself; for lack of memory it is lost."""
    if not loses_name_in_use(inode, entry):
        return
    remember_name(inode, entry.directory, entry.name)


def remember_name(inode: Inode, directory: Inode, name: Slice[u8]) -> None:
    """Let /proc call `inode` by a name that it does not have in `directory`; for lack of memory it does not."""
    try:
        former = new_entry(inode.fs.account.heap, directory, name, None)
    except ENOMEM:
        return
    inode.former = former
    directory.hold()
