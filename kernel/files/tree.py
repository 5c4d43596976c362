"""Tree: making and removing names, with the checks and in the order of errors that Linux has (fs/namei.c).

Every function takes a `Lookup` that `walk` has filled with Resolve.PARENT, and acts without failing once it
has decided. What it makes it returns held.
"""

from __future__ import annotations

from codegen.lang import Fallible, Slice, deferred, invert, local_array, on_error, u8, u32, u64
from kernel.base.errno import (
    EACCES,
    EBUSY,
    EEXIST,
    EINVAL,
    EISDIR,
    EMLINK,
    ENOENT,
    ENOTDIR,
    ENOTEMPTY,
    EOPNOTSUPP,
    EPERM,
    EXDEV,
)
from kernel.base.text import format_unsigned
from kernel.files.attributes import Access, Kind
from kernel.files.capability import Capability
from kernel.files.credentials import Credentials
from kernel.files.directory import DirectoryEntry
from kernel.files.inode import Inode
from kernel.files.listing import is_empty
from kernel.files.mount_kind import MountKind, has_fixed_names
from kernel.files.path import LastComponent, Lookup
from kernel.files.privileges import GROUP_EXECUTE, SET_GROUP, keeps_set_group
from kernel.files.read_only import check_writable_place, may_link
from kernel.files.removal import remember_name, remove
from kernel.files.watch import Happening, inode_gone, notify_entry, notify_self
from kernel.machine.clock import wall_time

STICKY: u32 = 0o1000
NUMBER_SIGN: u8 = 0x23
NUMBER_NAME: u64 = 21
"""How long the name that stands for a file without one may be: the sign, and the digits of a number."""
LINKS_MAX: u32 = 65_000


# Making.


def check_create(lookup: Lookup, kind: Kind) -> Fallible[None]:
    """Whether the name may be made: EEXIST before EACCES, as filename_create() has it."""
    lookup.check_name()
    if lookup.last != LastComponent.NAME or lookup.inode is not None:
        raise EEXIST
    mount = lookup.parent.fs.kind
    if (lookup.trailing_slash and kind != Kind.DIRECTORY) or mount == MountKind.PROC:
        raise ENOENT
    check_parent(lookup)
    if has_fixed_names(mount):
        if kind == Kind.REGULAR:
            raise EACCES
        raise EPERM


def check_parent(lookup: Lookup) -> Fallible[None]:
    """EACCES unless names may be made and removed in the parent; ENOENT if it was removed itself."""
    if lookup.parent.described.links == 0:
        raise ENOENT
    check_writable_place(lookup.parent)
    if is_immutable(lookup.parent):
        raise EPERM
    lookup.parent.check(lookup.credentials, Access.WRITE | Access.EXECUTE)


def create(lookup: Lookup, kind: Kind, permissions: u32) -> Fallible[Inode]:
    """Make a new inode of `kind` under the name that was looked up."""
    check_create(lookup, kind)
    inode = new_inode(lookup, kind, permissions)
    with on_error(inode.drop):
        attach(lookup.parent, lookup.last_name, inode)
    notify_entry(lookup.parent, inode, Happening.CREATE, lookup.last_name)
    return inode


def new_inode(lookup: Lookup, kind: Kind, permissions: u32) -> Fallible[Inode]:
    """A new inode without a name, owned as if it were made in `lookup.parent` (inode(7), set-group-ID)."""
    above = lookup.parent.described
    group = lookup.credentials.group
    mode = permissions
    if above.permissions & SET_GROUP != 0:
        group = above.group
        if kind == Kind.DIRECTORY:
            mode = mode | SET_GROUP
        elif mode & GROUP_EXECUTE != 0 and not keeps_set_group(lookup.credentials, group):
            mode = mode & invert(u32, SET_GROUP)
    return lookup.parent.fs.new_inode(kind, mode, lookup.credentials.user, group)


def attach(parent: Inode, name: Slice[u8], inode: Inode) -> Fallible[None]:
    """Give an inode a name: the directory was changed now."""
    name_inode(parent, name, inode)
    parent.described.touch(wall_time())


def name_inode(parent: Inode, name: Slice[u8], inode: Inode) -> Fallible[None]:
    """Give an inode a name, and count it."""
    parent.add(name, inode)
    if inode.described.is_directory:
        parent.described.links += 1
    else:
        inode.described.links += 1


def make_symlink(lookup: Lookup, target: Slice[u8]) -> Fallible[None]:
    """symlink(2): make a symbolic link that contains `target`."""
    check_create(lookup, Kind.SYMLINK)
    inode = new_inode(lookup, Kind.SYMLINK, 0o777)
    with deferred(inode.drop):
        lookup.parent.fs.set_target(inode, target)
        attach(lookup.parent, lookup.last_name, inode)
        notify_entry(lookup.parent, inode, Happening.CREATE, lookup.last_name)


def make_link(lookup: Lookup, inode: Inode | None) -> Fallible[None]:
    """link(2): one more name for `inode`; None is a file that is in no file system (EXDEV)."""
    lookup.check_name()
    if lookup.last != LastComponent.NAME or lookup.inode is not None:
        raise EEXIST
    if lookup.trailing_slash or lookup.parent.fs.kind == MountKind.PROC:
        raise ENOENT
    check_writable_place(lookup.parent)
    if inode is None or lookup.parent.fs is not inode.fs or inode.is_memory or not may_link(lookup.parent, inode):
        raise EXDEV
    check_parent(lookup)
    if inode.described.is_directory or has_fixed_names(inode.fs.kind):
        raise EPERM
    if inode.names == 0 and not inode.is_linkable:
        raise ENOENT
    if inode.described.links >= LINKS_MAX:
        raise EMLINK
    attach(lookup.parent, lookup.last_name, inode)
    inode.is_linkable = False
    notify_self(inode, Happening.ATTRIBUTES)
    notify_entry(lookup.parent, inode, Happening.CREATE, lookup.last_name)
    inode.described.changed.set(wall_time())


def create_nameless(lookup: Lookup, permissions: u32, may_link: bool) -> Fallible[Inode]:
    """A regular file without a name, owned as if it were made in the directory that was looked up (O_TMPFILE)."""
    directory = lookup.inode
    if directory is None:
        raise ENOENT
    check_writable_place(directory)
    if is_immutable(directory):
        raise EPERM
    directory.check(lookup.credentials, Access.WRITE | Access.EXECUTE)
    if has_fixed_names(directory.fs.kind):
        raise EOPNOTSUPP
    lookup.parent = directory
    inode = new_inode(lookup, Kind.REGULAR, permissions)
    inode.is_linkable = may_link
    name = local_array(u8, NUMBER_NAME)
    start = format_unsigned(name, inode.described.number, 10) - 1
    name[start] = NUMBER_SIGN
    remember_name(inode, directory, name[start:NUMBER_NAME])
    return inode


def is_immutable(inode: Inode) -> bool:
    """Whether `inode` is the folder of a process in /proc, of which user 0 may change nothing either (S_IMMUTABLE)."""
    return inode.subject is not None and inode.described.is_directory and inode.parent is inode.fs.root


# Removing.


def check_delete(lookup: Lookup, victim: Inode) -> Fallible[None]:
    """EACCES or EPERM unless `victim` may lose its name in the parent (may_delete())."""
    check_parent(lookup)
    if is_immutable(victim) or is_protected(lookup.parent, victim, lookup.credentials):
        raise EPERM


def is_protected(parent: Inode, victim: Inode, credentials: Credentials) -> bool:
    """Whether the sticky bit of `parent` keeps `victim` from being removed by these credentials
    (unlink(2)).
    """
    if parent.described.permissions & STICKY == 0 or credentials.has(Capability.FOWNER):
        return False
    return credentials.user != victim.described.user and credentials.user != parent.described.user


def unlink(lookup: Lookup) -> Fallible[None]:
    """unlink(2): remove a name of something that is not a directory."""
    if lookup.last != LastComponent.NAME:
        raise EISDIR
    lookup.check_name()
    check_writable_place(lookup.parent)
    victim = lookup.inode
    if victim is None:
        raise ENOENT
    if lookup.trailing_slash:
        if victim.described.is_directory:
            raise EISDIR
        raise ENOTDIR
    check_delete(lookup, victim)
    if victim.described.is_directory:
        raise EISDIR
    check_names(victim)
    notify_self(victim, Happening.ATTRIBUTES)
    delete(lookup, victim)


def remove_directory(lookup: Lookup) -> Fallible[None]:
    """rmdir(2): remove an empty directory."""
    match lookup.last:
        case LastComponent.PARENT:
            raise ENOTEMPTY
        case LastComponent.DOT:
            raise EINVAL
        case LastComponent.ROOT:
            raise EBUSY
        case LastComponent.NAME:
            pass
    lookup.check_name()
    check_writable_place(lookup.parent)
    victim = lookup.inode
    if victim is None:
        raise ENOENT
    check_delete(lookup, victim)
    if not victim.described.is_directory:
        raise ENOTDIR
    check_names(victim)
    if not is_empty(victim):
        raise ENOTEMPTY
    delete(lookup, victim)


def check_names(inode: Inode) -> Fallible[None]:
    """Whether the names of `inode` may change at all: EPERM where they are the kernel's, EBUSY for a mount point."""
    if has_fixed_names(inode.fs.kind):
        raise EPERM
    if inode.mounted != MountKind.ROOT:
        raise EBUSY


def own_entry(parent: Inode, name: Slice[u8]) -> DirectoryEntry:
    """The entry of `parent` for a name that was just looked up there, which made one if there was none."""
    entries = parent.entries
    assert entries is not None, "names are in directories"
    entry = entries.find(name)
    assert entry is not None, "the name was looked up"
    return entry


def detach(parent: Inode, name: Slice[u8]) -> None:
    """Remove a name, and count that."""
    entry = own_entry(parent, name)
    inode = entry.inode
    if inode is not None and inode.described.is_directory:
        parent.described.links -= 1
    remove(parent, entry)
    parent.described.touch(wall_time())


def delete(lookup: Lookup, victim: Inode) -> None:
    """Remove the name that was looked up, that of `victim`, and tell who watches the directory."""
    victim.hold()
    detach(lookup.parent, lookup.last_name)
    if victim.names == 0 and victim.references == 1:
        inode_gone(victim)  # who watches the file hears of it first, as on Linux
    notify_entry(lookup.parent, victim, Happening.DELETE, lookup.last_name)
    victim.drop()


def take_back(lookup: Lookup, inode: Inode) -> None:
    """Remove the name that `create` gave to `inode`, unless it names something else by now."""
    entries = lookup.parent.entries
    entry = None if entries is None else entries.find(lookup.last_name)
    if entry is not None and entry.inode is inode:
        detach(lookup.parent, lookup.last_name)
