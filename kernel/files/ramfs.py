"""RamFs: a file system in memory, whose inodes and pages are charged to one account.

Interface: `create_file_system` makes one, empty or as the writable layer over a directory of another one;
`new_inode` makes inodes; `end`, step by step, gives everything back. Names are made and removed in tree.py.

Invariant: every inode is on `inodes`, so ending the file system does not depend on reference counts. An inode that is
referred to from elsewhere is then one of `DEAD_FILES`, until it is let go of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import (
    Fallible,
    Slice,
    copy,
    inline,
    must_use,
    on_error,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import ENAMETOOLONG, ENOENT
from kernel.base.list import List
from kernel.files.attributes import Kind
from kernel.files.content import PAGE, Content
from kernel.files.content_transfer import write_from_kernel
from kernel.files.directory import Directory, DirectoryEntry, free_entry
from kernel.files.inode import Inode
from kernel.files.link_target import TARGET_MAX, LinkTarget
from kernel.files.mount_kind import MountKind
from kernel.files.name_chain import unchain_name
from kernel.files.watch import forget_lost_names, inode_gone, note_lost_name
from kernel.machine.clock import wall_time
from kernel.memory.account import KERNEL, Account
from kernel.memory.heap import free

if TYPE_CHECKING:
    from kernel.files.mounts import MountTable

LAYER_NUMBERS: u64 = 1 << 40
"""Inode numbers that each layer has of its own, so that those of the layers that show through stay unique."""


@struct
class FileSystemCount:
    """The last device number that a file system got: the source of `st_dev`."""

    made: u64 = 31
    """Lower ones belong to what is open and in no file system (attributes.py), and are left free."""


COUNT = FileSystemCount()


@struct
class RamFs:
    """One file system in memory."""

    account: Account = uninitialised()
    id: u64 = 0
    """The number of its device (`st_dev`), a minor one of major 0."""
    kind: MountKind = MountKind.ROOT
    mounts: MountTable | None = None
    """Of the container that has it mounted; the kernel's own trees are in none."""
    layer: u64 = 0
    next_number: u64 = 1
    is_read_only: bool = False
    """Only what was left writable may be changed (read_only.py)."""
    has_ended: bool = False
    """Nothing is made, read or written in it any more."""
    survivors: u64 = 0
    """How many of its inodes had become dead ones at the end, as they were referred to."""
    inodes: List[Inode] = inline(List(Inode.fs_link))
    root: Inode = uninitialised()
    reclaimable: List[Content] = inline(List(Content.link))
    """Files that may have pages which can be made again, and how far the first was looked at (reclaim.py)."""
    reclaim_position: u64 = 0

    # Inodes.

    def bare_inode(self, kind: Kind, is_made: bool = False) -> Fallible[Inode]:
        """An inode without number, name or reference, with the parts that its kind needs, but for the contents of a
        file that the kernel makes. ENOMEM; ENOENT at the end.
        """
        if self.has_ended:
            raise ENOENT
        heap = self.account.heap
        inode = heap.new(Inode)
        with on_error(heap.free, inode):
            if kind == Kind.DIRECTORY:
                inode.entries = heap.new(Directory)
            elif kind == Kind.REGULAR and not is_made:
                content = heap.new(Content)
                content.inode = inode
                inode.content = content
        inode.fs = self
        inode.described.kind = kind
        self.inodes.push_last(inode)
        return inode

    def new_inode(self, kind: Kind, permissions: u32, user: u32, group: u32, is_made: bool = False) -> Fallible[Inode]:
        """A new inode with one reference, the caller's, and no name."""
        inode = self.bare_inode(kind, is_made)
        about = inode.described
        about.permissions = permissions
        about.user = user
        about.group = group
        about.number = self.take_number()
        about.file_system = self.id
        if kind == Kind.DIRECTORY:
            about.links = 2
        about.begin(wall_time())
        inode.references = 1
        return inode

    def take_number(self) -> u64:
        """An inode number that this file system has not used yet."""
        number = self.layer * LAYER_NUMBERS + self.next_number
        self.next_number += 1
        return number

    def set_memory_name(self, inode: Inode, name: Slice[u8]) -> Fallible[None]:
        """Say what /proc/PID/fd calls a new file of memfd_create(2)."""
        text = self.account.heap.new(LinkTarget)
        inode.target = text
        inode.is_memory = True
        text.length = u64(len(name))
        copy(text.text[0 : text.length], name)

    def set_target(self, inode: Inode, target: Slice[u8]) -> Fallible[None]:
        """Say where a new symbolic link points."""
        length = u64(len(target))
        if length >= PAGE:
            raise ENAMETOOLONG
        if length <= TARGET_MAX:
            short = self.account.heap.new(LinkTarget)
            inode.target = short
            short.length = length
            copy(short.text[0:length], target)
        else:
            content = self.account.heap.new(Content)
            inode.content = content
            write_from_kernel(content, 0, target)
        inode.described.size = length

    def shadow(self, parent: Inode, name: Slice[u8], below: Inode) -> Fallible[Inode]:
        """Make the inode, and in `parent` the entry, that stand for what the layer below shows under
        `name`.
        """
        inode = self.stand_in(below)
        inode.be_about(parent.subject, parent.about)
        inode.described.number = parent.number_of(below)
        inode.references = 1
        with on_error(inode.drop):
            parent.add(name, inode)
        entry = inode.entry
        assert entry is not None, "it was just named"
        entry.shadows = True
        inode.references = 0
        return inode

    def stand_in(self, below: Inode) -> Fallible[Inode]:
        """An inode whose origin is `below`, with no name or reference yet."""
        inode = self.bare_inode(below.described.kind, below.made is not None)
        about = inode.described
        shown = below.described
        about.permissions = shown.permissions
        about.user = shown.user
        about.group = shown.group
        about.links = shown.links
        about.size = shown.size
        about.number = shown.number
        about.file_system = self.id
        about.device = shown.device
        about.is_strict = shown.is_strict
        about.accessed.copy_from(shown.accessed)
        about.modified.copy_from(shown.modified)
        about.changed.copy_from(shown.changed)
        inode.has_capability = below.has_capability
        inode.guard = below.guard
        inode.made = below.made
        inode.made_link = below.made_link
        inode.population = below.population
        inode.origin = below
        below.hold()
        content = inode.content
        if content is not None:
            content.size = shown.size
            content.origin = below.content
            content.origin_size = shown.size
        return inode

    def point_of(self, inode: Inode) -> Inode | None:
        """What `inode` is mounted on, if it is the root of a file system that is mounted somewhere."""
        mounts = self.mounts
        if mounts is None or inode is not self.root:
            return None
        return mounts.point_of(self.kind)

    # Giving back.

    def forget_reclaimable(self, content: Content) -> None:
        """`content`, which is on that list, is gone, or was looked at."""
        if self.reclaimable.first is content:
            self.reclaim_position = 0
        self.reclaimable.remove(content)

    def forget_name(self, inode: Inode, entry: DirectoryEntry) -> None:
        """`entry` no longer names `inode`, which is freed unless something else keeps it."""
        inode.names -= 1
        unchain_name(inode, entry)
        if inode.names == 0:
            note_lost_name(inode, entry)
        if inode.described.is_directory:
            if inode.names == 0:
                inode.parent = None
                inode.described.links = 0
        elif inode.described.links > 0:
            inode.described.links -= 1
        inode.described.changed.set(wall_time())
        inode.hold()
        inode.drop()

    def free_inode(self, inode: Inode) -> None:
        """Give back an inode with all that belongs to it, but for what it refers to in this file system and its
        origin.
        """
        self.inodes.remove(inode)
        self.empty(inode)
        content = inode.content
        if content is not None:
            content.give_up()
        free(inode)

    def empty(self, inode: Inode) -> None:
        """Give back what belongs to an inode, but for its content, which mappings may refer to."""
        inode_gone(inode)
        forget_lost_names(inode)
        fifo = inode.fifo
        if fifo is not None:
            fifo.end_calls()
        target = inode.target
        if target is not None:
            inode.target = None
            free(target)
        extended = inode.extended
        if extended is not None:
            inode.extended = None
            extended.free()
        subject = inode.subject
        if subject is not None:
            inode.subject = None
            subject.drop()
        entries = inode.entries
        if entries is not None:
            inode.entries = None
            while forget_entries(entries):
                pass
            free(entries)

    # The end.

    def end_step(self) -> bool:
        """A step of the end of the file system, of bounded length; False when nothing is left: then `free` it.

        From the first step on nothing is made in it, and nothing read or written. Directories are emptied first: an
        inode without names is given back, and one that is referred to from elsewhere becomes a dead one.
        """
        if not self.has_ended:
            self.has_ended = True
            self.root.references -= 1
        inode = self.inodes.first
        if inode is None:
            return False
        entries = inode.entries
        if entries is not None:
            inode.described.links = 0
            if forget_entries(entries):
                return True
            inode.entries = None
            free(entries)
        if inode.names > 0:
            self.inodes.remove(inode)
            self.inodes.push_last(inode)
        else:
            self.bury(inode)
        return True

    def destroy(self) -> None:
        """All steps at once, of one that was just made."""
        while self.end_step():
            pass
        free(self)

    def bury(self, inode: Inode) -> None:
        """Give back an inode without a name; of one that is referred to, all but the inode itself.

        The pages of a file may be many, and mapped: then this is done when it has been called again and again.
        """
        origin = inode.origin
        former = inode.former
        if former is not None:
            inode.former = None
            former.directory.drop()
            free_entry(former)
        if inode.references == 0:
            self.free_inode(inode)
        else:
            content = inode.content
            if content is not None:
                if content.link.linked:
                    self.forget_reclaimable(content)
                if not content.end_step():
                    return
            self.empty(inode)
            self.inodes.remove(inode)
            inode.die(DEAD_FILES)
            DEAD_FILES.inodes.push_last(inode)
            self.survivors += 1
        if origin is not None:
            origin.drop()


ENTRIES_A_STEP = 256
"""How many entries of a directory are given back in one step of the end of a file system."""


def forget_entries(entries: Directory) -> bool:
    """Give back entries of a directory that ends; whether some may be left. Nobody looks for them by name any more."""
    entries.root = None
    for _ in range(ENTRIES_A_STEP):
        entry = entries.first
        if entry is None:
            return False
        entries.order.remove(entry)
        forget_entry(entry)
        free_entry(entry)
    return True


def forget_entry(entry: DirectoryEntry) -> None:
    """What `entry` named does not refer to it any more."""
    inode = entry.inode
    if inode is not None:
        inode.names -= 1
        unchain_name(inode, entry)
        if inode.described.is_directory:
            inode.parent = None


DEAD_FILES = RamFs()
"""The dead inodes of file systems that have ended. It owns nothing: each is charged to a container (reparent.py)."""
DEAD_FILES.account = KERNEL
DEAD_FILES.has_ended = True


@must_use
def create_file_system(
    account: Account, lower: Inode | None, kind: MountKind = MountKind.ROOT, id: u64 = 0
) -> Fallible[RamFs]:
    """A file system charged to `account`: empty, or showing the directory `lower` until it is written to. `id` is the
    number of its device if that was reserved.

    `lower` has to outlive it and is not written to: the layers of a container belong to its ancestors.
    """
    fs = account.heap.new(RamFs)
    fs.account = account
    fs.kind = kind
    if id == 0:
        COUNT.made += 1
        id = COUNT.made
    fs.id = id
    with on_error(account.heap.free, fs):
        if lower is None:
            fs.root = fs.new_inode(Kind.DIRECTORY, 0o755, 0, 0)
        else:
            fs.layer = lower.fs.layer + 1
            fs.root = fs.stand_in(lower)
            fs.root.references = 1
    fs.root.parent = fs.root
    return fs
