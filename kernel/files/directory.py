"""Directory: the entries of one directory in one layer, by name and in order.

Names are found through a hash trie: each entry has four branches, and two bits of the name's hash after
another say which one to follow. It needs no resizing, and its depth is the logarithm of the number of
entries. The order of getdents64(2) is that of the cookies, which grow with each entry that is added and are
never used twice; a tree by cookie finds where a listing goes on.

An entry without an inode is a whiteout: it hides a name of the layer below. An entry with `shadows` stands
for an entry of the layer below that was looked up; it does not change what a listing of the directory shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import (
    Array,
    Fallible,
    MutableSlice,
    Slice,
    array,
    copy,
    inline,
    on_error,
    panic,
    struct,
    u8,
    u64,
    uninitialised,
    wrapping_mul,
    wrapping_shl,
)
from kernel.base.tree import Tree, TreeNode
from kernel.files.flags import NAME_MAX
from kernel.memory.heap import free

if TYPE_CHECKING:
    from kernel.files.inode import Inode
    from kernel.memory.heap import Heap

SHORT_NAME = 32
BRANCHES = 4
FIRST_COOKIE: u64 = 3
"""Cookies 1 and 2 are those of `.` and `..`."""


@struct
class LongName:
    """The place for a name that does not fit into the entry."""

    text: Array[u8] = array(NAME_MAX)


@struct
class DirectoryEntry:
    """A name in a directory, and the inode that it names."""

    hash: u64 = 0
    inode: Inode | None = None
    shadows: bool = False
    directory: Inode = uninitialised()
    name_length: u64 = 0
    short_name: Array[u8] = array(SHORT_NAME)
    long_name: LongName | None = None
    branches: Array[DirectoryEntry | None] = array(BRANCHES)
    order_node: TreeNode[DirectoryEntry] = inline()
    older_name: DirectoryEntry | None = None
    """Another name of the same inode (name_chain.py); `newer_name`: the one that came after this."""
    newer_name: DirectoryEntry | None = None

    @property
    def cookie(self) -> u64:
        """Its place in the order of its directory."""
        return self.order_node.key

    @property
    def name(self) -> MutableSlice[u8]:
        """The name, without a zero byte."""
        long_name = self.long_name
        if long_name is not None:
            return long_name.text[0 : self.name_length]
        return self.short_name[0 : self.name_length]


@struct
class Directory:
    """The entries of one directory. Changes nothing in the inodes that they name."""

    root: DirectoryEntry | None = None
    order: Tree[DirectoryEntry] = inline(Tree(DirectoryEntry.order_node))
    next_cookie: u64 = FIRST_COOKIE

    def find(self, name: Slice[u8]) -> DirectoryEntry | None:
        """The entry called `name`, a whiteout included."""
        hashed = hash_of(name)
        bits = hashed
        entry = self.root
        while entry is not None:
            if entry.hash == hashed and entry.name == name:
                return entry
            entry = entry.branches[bits >> 62]
            bits = wrapping_shl(u64, bits, 2)
        return None

    def insert(self, entry: DirectoryEntry) -> None:
        """Add an entry whose name is not here yet."""
        self.order.insert(entry, self.take_cookie())
        bits = entry.hash
        root = self.root
        if root is None:
            self.root = entry
            return
        above: DirectoryEntry = root
        while True:
            branch = bits >> 62
            following = above.branches[branch]
            if following is None:
                above.branches[branch] = entry
                return
            above = following
            bits = wrapping_shl(u64, bits, 2)

    def remove(self, entry: DirectoryEntry) -> None:
        """Take an entry out; it may be freed afterwards.

        Its place goes to some leaf below it: every entry of a subtree has the hash bits that lead there.
        """
        self.order.remove(entry)
        heir = self.take_leaf(entry)
        if heir is not None:
            for branch in range(BRANCHES):
                heir.branches[branch] = entry.branches[branch]
                entry.branches[branch] = None
        self.put_in_place_of(entry, heir)

    def take_leaf(self, top: DirectoryEntry) -> DirectoryEntry | None:
        """Cut off a leaf below `top` and return it; None if `top` is a leaf itself."""
        above = top
        while True:
            branch = first_branch(above)
            if branch == BRANCHES:
                return None
            leaf = above.branches[branch]
            assert leaf is not None, "the branch is in use"
            if first_branch(leaf) == BRANCHES:
                above.branches[branch] = None
                return leaf
            above = leaf

    def put_in_place_of(self, entry: DirectoryEntry, heir: DirectoryEntry | None) -> None:
        """Let what refers to `entry` in the trie refer to `heir`."""
        if self.root is entry:
            self.root = heir
            return
        bits = entry.hash
        above = self.root
        while above is not None:
            branch = bits >> 62
            following = above.branches[branch]
            if following is entry:
                above.branches[branch] = heir
                return
            above = following
            bits = wrapping_shl(u64, bits, 2)
        panic("the entry is not in this directory")

    def take_cookie(self) -> u64:
        """The next position in the order."""
        cookie = self.next_cookie
        self.next_cookie += 1
        return cookie

    def renew(self, entry: DirectoryEntry, inode: Inode | None) -> None:
        """Let an entry name something else, of this layer; a listing in progress sees it as new."""
        entry.inode = inode
        entry.shadows = False
        self.move_last(entry)

    def move_last(self, entry: DirectoryEntry) -> None:
        """Let an entry be the newest one."""
        self.order.remove(entry)
        self.order.insert(entry, self.take_cookie())

    @property
    def first(self) -> DirectoryEntry | None:
        """The first entry in the order."""
        return self.order.at_or_above(0)

    def after(self, cookie: u64) -> DirectoryEntry | None:
        """The first entry whose cookie is higher."""
        return self.order.at_or_above(cookie + 1)


def first_branch(entry: DirectoryEntry) -> u64:
    """The first branch in use, or BRANCHES."""
    for branch in range(BRANCHES):
        if entry.branches[branch] is not None:
            return branch
    return BRANCHES


def new_entry(heap: Heap, directory: Inode, name: Slice[u8], inode: Inode | None) -> Fallible[DirectoryEntry]:
    """An entry that is in no directory yet. `name` has 1 to NAME_MAX bytes."""
    entry = heap.new(DirectoryEntry)
    length = u64(len(name))
    if length > SHORT_NAME:
        with on_error(heap.free, entry):
            entry.long_name = heap.new(LongName)
    entry.hash = hash_of(name)
    entry.directory = directory
    entry.inode = inode
    entry.name_length = length
    copy(entry.name, name)
    return entry


def free_entry(entry: DirectoryEntry) -> None:
    """Free an entry that is in no directory."""
    long_name = entry.long_name
    if long_name is not None:
        free(long_name)
    free(entry)


def hash_of(name: Slice[u8]) -> u64:
    """A 64-bit hash whose high bits depend on every byte: FNV-1a, then the finaliser of MurmurHash3."""
    value: u64 = 0xCBF29CE484222325
    for byte in name:
        value = wrapping_mul(u64, value ^ byte, 0x100000001B3)
    value = wrapping_mul(u64, value ^ (value >> 33), 0xFF51AFD7ED558CCD)
    return value ^ (value >> 33)
