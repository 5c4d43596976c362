"""Paths: from a name to an inode (path_resolution(7)).

Interface: fill a `Lookup` with the root, the directory to start from and the credentials, then `resolve` a
path to a held inode, or `walk` to the directory that holds the last component, to make or remove that.
`path_of` goes the other way. Who is running is never asked here.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

from codegen.lang import (
    Array,
    Fallible,
    MutableSlice,
    Slice,
    array,
    copy,
    deferred,
    local,
    local_array,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
    width,
)
from kernel.base.errno import EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EXDEV
from kernel.files.attributes import Access
from kernel.files.credentials import Credentials
from kernel.files.file import OpenFile
from kernel.files.flags import NAME_MAX, PATH_MAX, SYMLINK_MAX, Resolve
from kernel.files.inode import Inode
from kernel.files.made import Destination
from kernel.files.mount_kind import MountKind
from kernel.files.path_buffer import PATH_BUFFERS, PathBuffer

SLASH = 0x2F
DOT = 0x2E


class LastComponent(IntEnum):
    """What kind of name a path ends with; only a NAME can be made or removed."""

    ROOT = 0
    DOT = 1
    PARENT = 2
    NAME = 3


@width(u32)
class Restrictions(IntFlag):
    """RESOLVE_* of openat2(2): where a path may not lead."""

    NONE = 0
    NO_DEVICES = 1
    """RESOLVE_NO_XDEV: not from one file system to another."""
    NO_MAGIC_LINKS = 2
    NO_LINKS = 4
    BENEATH = 8
    """Not out of the directory that it starts in."""
    IN_ROOT = 16
    """That directory is the root."""
    CACHED = 32
    """Without waiting for a disk: that is always so."""


@struct
class Lookup:
    """A path resolution: where it starts and for whom, and what `walk` found. What it found is lent."""

    root: Inode = uninitialised()
    directory: Inode = uninitialised()
    credentials: Credentials = uninitialised()
    followed: u64 = 0
    restrictions: Restrictions = Restrictions.NONE

    parent: Inode = uninitialised()
    inode: Inode | None = None
    opened: OpenFile | None = None
    """Set when the path ends with a link to an open file that is in no file system; `inode` is the link then."""
    last: LastComponent = LastComponent.ROOT
    trailing_slash: bool = False
    is_too_long: bool = False
    """The last component is longer than NAME_MAX. Told by `check_name`, since rename(2) finds other faults first."""
    name_length: u64 = 0
    name: Array[u8] = array(NAME_MAX)

    def check_name(self) -> Fallible[None]:
        """ENAMETOOLONG if nothing can have the last component as its name."""
        if self.is_too_long:
            raise ENAMETOOLONG

    @property
    def last_name(self) -> MutableSlice[u8]:
        """The last component, when `last` is NAME."""
        return self.name[0 : self.name_length]


def resolve(lookup: Lookup, path: Slice[u8], how: Resolve) -> Fallible[Inode]:
    """The inode that `path` names, with a reference of the caller's.

    Raises ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG as path_resolution(7) says.
    """
    buffer = PATH_BUFFERS.take()
    with deferred(PATH_BUFFERS.give_back, buffer):
        buffer.set(path)
        walk(lookup, buffer, how)
    inode = lookup.inode
    if inode is None:
        raise ENOENT
    inode.hold()
    return inode


def walk(lookup: Lookup, buffer: PathBuffer, how: Resolve) -> Fallible[None]:
    """Walk the path in `buffer`. Afterwards `lookup.parent` is the directory that the last component is
    looked up in, and `lookup.inode` what it names there, or None when nothing has that name."""
    if buffer.start == PATH_MAX:
        raise ENOENT
    if Restrictions.IN_ROOT in lookup.restrictions:
        lookup.root = lookup.directory
    current = first_directory(lookup, buffer, lookup.directory)
    lookup.followed = 0
    lookup.opened = None
    lookup.is_too_long = False
    lookup.trailing_slash = False
    while True:
        length = take_component(lookup, buffer)
        if length == 0:
            lookup.parent = current
            lookup.inode = current
            lookup.last = LastComponent.ROOT
            return
        if not current.described.is_directory:
            raise ENOTDIR
        current.check(lookup.credentials, Access.EXECUTE)
        is_last = buffer.start == PATH_MAX
        if is_last and Resolve.CREATE in how and lookup.trailing_slash and not is_dots(lookup):
            raise EISDIR
        lookup.is_too_long = length > NAME_MAX
        if lookup.is_too_long:
            if not is_last or Resolve.PARENT not in how:
                raise ENAMETOOLONG
            lookup.parent = current
            lookup.inode = None
            lookup.last = LastComponent.NAME
            return
        found = step(lookup, current)
        if found is not None and found.mounted != MountKind.ROOT and not (is_last and Resolve.PARENT in how):
            found = enter(lookup, found)
        if found is None:
            if not is_last:
                raise ENOENT
        elif found.described.is_symlink and (not is_last or follows_last(lookup, how)):
            count_link(lookup)
            target = jump(lookup, found, is_last)
            if target is None:
                current = expand(lookup, buffer, current, found)
                continue
            found = target
            if not is_last:
                current = found
                continue
        elif not is_last:
            current = found
            continue
        lookup.parent = current
        lookup.inode = found if found is None or Resolve.PARENT in how else shown_by(found)
        needs_directory = Resolve.DIRECTORY in how or (lookup.trailing_slash and Resolve.PARENT not in how)
        if needs_directory and found is not None and not found.described.is_directory:
            raise ENOTDIR
        return


def first_directory(lookup: Lookup, buffer: PathBuffer, relative: Inode) -> Fallible[Inode]:
    """Where the path in `buffer` starts: the root, or for a path without a slash the directory `relative`."""
    if buffer.text[buffer.start] != SLASH:
        return relative
    if Restrictions.BENEATH in lookup.restrictions:
        raise EXDEV
    return lookup.root


def follows_last(lookup: Lookup, how: Resolve) -> bool:
    """Whether a symbolic link in the last component is followed."""
    if Resolve.PARENT in how:
        return False
    return Resolve.FOLLOW in how or lookup.trailing_slash


def shown_by(node: Inode) -> Fallible[Inode]:
    """What a node shows that stands for another one; all others themselves."""
    made = node.made_link
    if made is None or node.described.is_symlink:
        return node
    destination = local(Destination)
    made.follow(node, destination)
    shown = destination.inode
    return node if shown is None else shown


def enter(lookup: Lookup, point: Inode) -> Fallible[Inode]:
    """The root of what is mounted on `point`. EXDEV where the path may not lead there."""
    mounts = point.fs.mounts
    if mounts is None:
        raise ENOENT
    if Restrictions.NO_DEVICES in lookup.restrictions:
        raise EXDEV
    return mounts.enter(point)


def take_component(lookup: Lookup, buffer: PathBuffer) -> u64:
    """Move the next component from the path to `lookup.name`, unless it is longer than NAME_MAX.

    Returns its length, 0 when none is left.
    """
    start = skip_slashes(buffer, buffer.start)
    end = start
    while end < PATH_MAX and buffer.text[end] != SLASH:
        end += 1
    length = end - start
    if length <= NAME_MAX:
        copy(lookup.name[0:length], buffer.text[start:end])
        lookup.name_length = length
    following = skip_slashes(buffer, end)
    if following == PATH_MAX:
        lookup.trailing_slash = end < PATH_MAX
    buffer.start = following
    return length


def is_dots(lookup: Lookup) -> bool:
    """Whether the component is `.` or `..`."""
    name: Slice[u8] = lookup.last_name
    return name == b"." or name == b".."


def skip_slashes(buffer: PathBuffer, position: u64) -> u64:
    """The first position from `position` on that is not a slash."""
    while position < PATH_MAX and buffer.text[position] == SLASH:
        position += 1
    return position


def step(lookup: Lookup, current: Inode) -> Fallible[Inode | None]:
    """What the component in `lookup.name` leads to from the directory `current`; None if there is no such
    name.
    """
    name: Slice[u8] = lookup.last_name
    if name == b".":
        lookup.last = LastComponent.DOT
        return current
    if name == b"..":
        lookup.last = LastComponent.PARENT
        if Restrictions.BENEATH in lookup.restrictions and current is lookup.directory:
            raise EXDEV
        if current is lookup.root:
            return current
        point = current.fs.point_of(current)
        if point is None:
            return current.parent
        if Restrictions.NO_DEVICES in lookup.restrictions:
            raise EXDEV
        return point.parent
    lookup.last = LastComponent.NAME
    try:
        return current.lookup(name)
    except ENOENT:
        return None


def jump(lookup: Lookup, link: Inode, is_last: bool) -> Fallible[Inode | None]:
    """Where a link leads that has no need of a path; None for all others."""
    made = link.made_link
    if made is None:
        return None
    destination = local(Destination)
    if not made.follow(link, destination):
        return None
    if Restrictions.NO_MAGIC_LINKS in lookup.restrictions:
        raise ELOOP
    target = destination.inode
    if Restrictions.NO_DEVICES in lookup.restrictions and (target is None or target.fs is not link.fs):
        raise EXDEV
    if Restrictions.BENEATH in lookup.restrictions or Restrictions.IN_ROOT in lookup.restrictions:
        raise EXDEV
    if target is not None:
        return target
    if not is_last:
        raise ENOTDIR
    lookup.opened = destination.opened
    return link


def expand(lookup: Lookup, buffer: PathBuffer, current: Inode, link: Inode) -> Fallible[Inode]:
    """Put the target of `link` before what is left of the path; returns the directory to go on from."""
    if lookup.trailing_slash or buffer.start < PATH_MAX:
        buffer.prepend(b"/")
    # The target is read to where it is needed: straight before the rest of the path.
    length = link.described.size
    if link.made_link is not None:
        return expand_made(lookup, buffer, current, link)
    if length == 0:
        raise ENOENT
    if length >= buffer.start:
        raise ENAMETOOLONG
    buffer.start -= length
    link.read_target(buffer.text[buffer.start : buffer.start + length])
    return following_directory(lookup, buffer, current)


def following_directory(lookup: Lookup, buffer: PathBuffer, current: Inode) -> Fallible[Inode]:
    """`first_directory` for the target of a link in the directory `current`."""
    first = first_directory(lookup, buffer, current)
    if Restrictions.NO_DEVICES in lookup.restrictions and first.fs is not current.fs:
        raise EXDEV
    return first


def count_link(lookup: Lookup) -> Fallible[None]:
    """ELOOP when a link is one too many, or any is."""
    lookup.followed += 1
    if lookup.followed > SYMLINK_MAX or Restrictions.NO_LINKS in lookup.restrictions:
        raise ELOOP


def expand_made(lookup: Lookup, buffer: PathBuffer, current: Inode, link: Inode) -> Fallible[Inode]:
    """`expand` for a link whose target, a short one, is made when it is read."""
    target = local_array(u8, 64)
    length = link.read_target(target)
    if length == 0:
        raise ENOENT
    buffer.prepend(target[0:length])
    return following_directory(lookup, buffer, current)
