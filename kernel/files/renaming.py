"""Renaming: rename(2) and renameat2(2), with the checks and in the order of errors that Linux has (fs/namei.c).

Both functions take what `walk` has found with Resolve.PARENT, and act without failing once they have decided.
"""

from __future__ import annotations

from codegen.lang import Fallible, u32
from kernel.base.errno import EBUSY, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EXDEV
from kernel.files.attributes import Access
from kernel.files.directory import DirectoryEntry
from kernel.files.inode import Inode
from kernel.files.listing import is_empty
from kernel.files.mount_kind import MountKind
from kernel.files.name_chain import chain_name, unchain_name
from kernel.files.path import LastComponent, Lookup
from kernel.files.read_only import are_apart, check_writable_place
from kernel.files.removal import name_over
from kernel.files.tree import attach, check_delete, check_names, check_parent, detach, own_entry
from kernel.files.watch import Happening, notify_move, notify_self
from kernel.machine.clock import wall_time


def rename(old: Lookup, new: Lookup, may_replace: bool) -> Fallible[None]:
    """rename(2): give what `old` found the name that `new` looked up, replacing what has it."""
    source = check_rename(old, new, may_replace)
    target = new.inode
    if target is source:
        return
    check_delete(old, source)
    if target is None:
        check_parent(new)
    else:
        check_replace(new, source, target)
    check_names(source)
    if target is not None:
        check_names(target)
        check_empty(target)
    if old.parent is not new.parent:
        check_move(old, source)
    if target is None:
        # The new name first: making room for it is all that can fail.
        attach(new.parent, new.last_name, source)
    else:
        notify_self(target, Happening.ATTRIBUTES)
        replace(new, source, target)
    detach(old.parent, old.last_name)
    source.described.changed.set(wall_time())
    notify_move(old.parent, old.last_name, new.parent, new.last_name, source)
    notify_self(source, Happening.MOVE_SELF)


def check_move(old: Lookup, inode: Inode) -> Fallible[None]:
    """EACCES for a directory that may not be written to: its `..` is going to be another one."""
    if inode.described.is_directory:
        inode.check(old.credentials, Access.WRITE)


def replace(new: Lookup, source: Inode, target: Inode) -> None:
    """Let the name that `new` looked up, that of `target`, name `source`."""
    was_directory = target.described.is_directory
    name_over(new.parent, own_entry(new.parent, new.last_name), source)
    if was_directory:
        new.parent.described.links -= 1
    if source.described.is_directory:
        new.parent.described.links += 1
    else:
        source.described.links += 1
    new.parent.described.touch(wall_time())


def check_rename(old: Lookup, new: Lookup, may_replace: bool) -> Fallible[Inode]:
    """The checks of do_renameat2() that come before permissions; returns what is renamed."""
    if are_apart(old.parent, new.parent):
        raise EXDEV
    if old.last != LastComponent.NAME:
        raise EBUSY
    if new.last != LastComponent.NAME:
        if may_replace:
            raise EBUSY
        raise EEXIST
    check_writable_place(old.parent)
    old.check_name()
    source = old.inode
    if source is None:
        raise ENOENT
    new.check_name()
    if new.inode is None and new.parent.fs.kind == MountKind.PROC:
        raise ENOENT
    if new.inode is not None and not may_replace:
        raise EEXIST
    if not source.described.is_directory and (old.trailing_slash or new.trailing_slash):
        raise ENOTDIR
    if is_inside(new.parent, source):
        raise EINVAL
    target = new.inode
    if target is not None and is_inside(old.parent, target):
        raise ENOTEMPTY
    return source


def exchange(old: Lookup, new: Lookup) -> Fallible[None]:
    """renameat2(2) with RENAME_EXCHANGE: what the two names name changes places."""
    source, target = check_exchange(old, new)
    if target is source:
        return
    check_delete(old, source)
    check_delete(new, target)
    check_names(source)
    check_names(target)
    if old.parent is not new.parent:
        check_move(old, source)
        check_move(old, target)
    exchange_entries(old.parent, own_entry(old.parent, old.last_name), new.parent, own_entry(new.parent, new.last_name))
    old.parent.described.links = old.parent.described.links + subfolders(target) - subfolders(source)
    new.parent.described.links = new.parent.described.links + subfolders(source) - subfolders(target)
    now = wall_time()
    old.parent.described.touch(now)
    new.parent.described.touch(now)
    source.described.changed.set(now)
    target.described.changed.set(now)
    notify_move(old.parent, old.last_name, new.parent, new.last_name, source)
    notify_self(source, Happening.MOVE_SELF)
    notify_move(new.parent, new.last_name, old.parent, old.last_name, target)
    notify_self(target, Happening.MOVE_SELF)


def check_exchange(old: Lookup, new: Lookup) -> Fallible[tuple[Inode, Inode]]:
    """The checks of do_renameat2() for an exchange; both names have to name something."""
    if are_apart(old.parent, new.parent):
        raise EXDEV
    if old.last != LastComponent.NAME or new.last != LastComponent.NAME:
        raise EBUSY
    check_writable_place(old.parent)
    old.check_name()
    source = old.inode
    if source is None:
        raise ENOENT
    new.check_name()
    target = new.inode
    if target is None:
        raise ENOENT
    if new.trailing_slash and not target.described.is_directory:
        raise ENOTDIR
    if old.trailing_slash and not source.described.is_directory:
        raise ENOTDIR
    if is_inside(new.parent, source) or is_inside(old.parent, target):
        raise EINVAL
    return source, target


def exchange_entries(old_parent: Inode, old: DirectoryEntry, new_parent: Inode, new: DirectoryEntry) -> None:
    """Let each of two entries name what the other named."""
    source, target = old.inode, new.inode
    assert source is not None and target is not None, "both names are in use"
    unchain_name(source, old)
    unchain_name(target, new)
    rename_entry(old_parent, old, target)
    rename_entry(new_parent, new, source)


def rename_entry(parent: Inode, entry: DirectoryEntry, inode: Inode) -> None:
    """Let `entry` of the directory `parent` name `inode`, which has lost another name."""
    entries = parent.entries
    assert entries is not None, "entries are in directories"
    entries.renew(entry, inode)
    chain_name(inode, entry)
    if inode.described.is_directory:
        inode.parent = parent


def subfolders(inode: Inode) -> u32:
    """What having `inode` in it adds to the links of a directory: its `..`."""
    return 1 if inode.described.is_directory else 0


def check_replace(new: Lookup, source: Inode, target: Inode) -> Fallible[None]:
    """Whether `target` may be replaced by `source`."""
    check_delete(new, target)
    if source.described.is_directory:
        if not target.described.is_directory:
            raise ENOTDIR
    elif target.described.is_directory:
        raise EISDIR


def check_empty(target: Inode) -> Fallible[None]:
    """ENOTEMPTY for a directory that may not be replaced."""
    if target.described.is_directory and not is_empty(target):
        raise ENOTEMPTY


def is_inside(directory: Inode, other: Inode) -> bool:
    """Whether `directory` is `other` or below it."""
    current = directory
    while current is not other:
        parent = current.parent
        if parent is None or parent is current:
            return False
        current = parent
    return True
