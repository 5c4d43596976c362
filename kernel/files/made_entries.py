"""The entries that a `Population` makes in a directory: a cache of those that were asked for last.

Interface: `find_made` for one that is there, `keep_made` for one that was just made, `prune` to remove one with all
that is below it.

The entries of a directory stand in the order in which they were last asked for, and when there are more than
`KEPT_ENTRIES`, the one at the front goes, if nothing below it is referred to. What a call has found is lent to it
until it sleeps; as a call finds a few names only, what it was lent is always among those at the back.
"""

from __future__ import annotations

from codegen.lang import Fallible, Slice, u8, u64
from kernel.files.directory import DirectoryEntry, free_entry
from kernel.files.inode import Inode

KEPT_ENTRIES: u64 = 32
"""How many entries a directory keeps though nobody refers to them."""


def find_made(directory: Inode, name: Slice[u8]) -> DirectoryEntry | None:
    """The entry `name` of `directory` itself, which is the last that goes from now on."""
    entries = directory.entries
    if entries is None:
        return None
    entry = entries.find(name)
    if entry is not None:
        entries.move_last(entry)
    return entry


def keep_made(directory: Inode, name: Slice[u8], inode: Inode, kept: u64 = KEPT_ENTRIES) -> Fallible[None]:
    """Let `name` in `directory` name `inode`, which was made for it, and let go of one that was not asked for long."""
    directory.add(name, inode)
    if inode.described.is_directory:
        directory.described.links += 1
    else:
        inode.described.links = 1
    entry = inode.entry
    entries = directory.entries
    assert entry is not None and entries is not None, "it was just named"
    entry.shadows = True
    oldest = entries.first
    if len(entries.order) > kept and oldest is not None and oldest is not entry:
        let_go(directory, oldest)


def let_go(directory: Inode, entry: DirectoryEntry) -> None:
    """Remove `entry` of `directory` if nothing from there on is referred to; else it is the last that goes."""
    inode = entry.inode
    entries = directory.entries
    if inode is None or entries is None:
        return
    if is_referred_to(inode):
        entries.move_last(entry)
    elif inode.described.is_directory:
        prune(inode)
    else:
        discard(directory, entry)


def is_referred_to(top: Inode) -> bool:
    """Whether somebody refers to `top` or to anything below it, or watches it."""
    inode: Inode | None = top
    while inode is not None:
        if inode.references > 0 or inode.watches is not None:
            return True
        inode = following(top, inode)
    return False


def following(top: Inode, inode: Inode) -> Inode | None:
    """The inode after `inode` in a walk through the tree `top`, parents first; None at the end."""
    entry = first_entry(inode)
    if entry is not None:
        return entry.inode
    while inode is not top:
        place = inode.entry
        assert place is not None, "what is below the top has a name"
        inode = place.directory
        entries = inode.entries
        beside = None if entries is None else entries.after(place.cookie)
        if beside is not None:
            return beside.inode
    return None


def prune(top: Inode) -> None:
    """Remove a directory that the kernel made, with everything in it; who still has it finds it empty."""
    current = top
    while True:
        entry = first_entry(current)
        if entry is None:
            if current is top:
                break
            place = current.entry
            assert place is not None, "directories below the top have a name"
            current = place.directory
            discard(current, place)
        else:
            inode = entry.inode
            if inode is not None and first_entry(inode) is not None:
                current = inode
            else:
                discard(current, entry)
    place = top.entry
    if place is not None:
        discard(place.directory, place)


def first_entry(inode: Inode) -> DirectoryEntry | None:
    """Any entry of a directory; None of what has none."""
    entries = inode.entries
    return None if entries is None else entries.first


def discard(directory: Inode, entry: DirectoryEntry) -> None:
    """Take an entry out of `directory` without leaving a whiteout."""
    entries = directory.entries
    assert entries is not None, "entries are in directories"
    inode = entry.inode
    if inode is not None and inode.described.is_directory:
        directory.described.links -= 1
    entries.remove(entry)
    if inode is not None:
        directory.fs.forget_name(inode, entry)
    free_entry(entry)
