"""Nodes: what the trees of /proc are made of, as data that is there from the start.

Interface: `text` `records` `link` `folder` make a `Node` for a table, at build time; `add_node` makes its inode.

A node has the whole path below the top of its tree; the folders on the way are made as they are needed.
"""

from __future__ import annotations

from collections.abc import Callable

from codegen.lang import Fallible, Slice, comptime, deferred, struct, u8, u32, u64, uninitialised
from kernel.base.writer import Writer
from kernel.files import tree
from kernel.files.attributes import Kind
from kernel.files.inode import Inode
from kernel.files.made import Guard, MadeFile, MadeLink, Population
from kernel.views.text import Binding, TextFile, take_nothing

SLASH: u8 = 0x2F
FOLDER_PERMISSIONS: u32 = 0o555


@struct
class Node:
    """A file, a link or a folder."""

    path: Slice[u8] = uninitialised()
    kind: Kind = Kind.REGULAR
    permissions: u32 = 0
    made: MadeFile | None = None
    link: MadeLink | None = None
    population: Population | None = None
    guard: Guard = Guard.NONE


@comptime
def make_node(path: bytes, kind: Kind, permissions: int) -> Node:
    """A node of whatever kind."""
    node = Node()
    node.path = path
    node.kind = kind
    node.permissions = permissions
    return node


@comptime
def text(
    path: bytes,
    write: Callable[[Inode, Writer], None],
    permissions: int = 0o444,
    take: Callable[[Inode, Slice[u8]], None] = take_nothing,
    binding: Binding = Binding.ANYTHING,
) -> Node:
    """A file whose text `write` makes in one piece, and which passes on to `take` what is written to it."""
    made = TextFile()
    made.binding = binding
    made.whole = write
    made.take = take
    return file(path, made, permissions)


@comptime
def fixed(path: bytes, content: bytes, permissions: int = 0o444) -> Node:
    """A file whose text is always the same."""
    made = TextFile()
    made.fixed = content
    made.is_fixed = True
    return file(path, made, permissions)


@comptime
def records(
    path: bytes,
    write: Callable[[Inode, Writer, u64], u64],
    permissions: int = 0o444,
    binding: Binding = Binding.ANYTHING,
) -> Node:
    """A file whose text `write` makes record by record (text.py)."""
    return file(path, make_records(write, binding), permissions)


@comptime
def make_records(write: Callable[[Inode, Writer, u64], u64], binding: Binding = Binding.ANYTHING) -> TextFile:
    """What makes such a text."""
    made = TextFile()
    made.binding = binding
    made.records = write
    return made


@comptime
def file(path: bytes, made: MadeFile, permissions: int) -> Node:
    """A file that `made` makes."""
    node = make_node(path, Kind.REGULAR, permissions)
    node.made = made
    return node


@comptime
def link(path: bytes, made: MadeLink) -> Node:
    """A link."""
    node = make_node(path, Kind.SYMLINK, 0o777)
    node.link = made
    return node


@comptime
def folder(path: bytes, permissions: int, population: Population | None, guard: Guard = Guard.NONE) -> Node:
    """A folder, whose entries `population` makes if there is one."""
    node = make_node(path, Kind.DIRECTORY, permissions)
    node.population = population
    node.guard = guard
    return node


def add_node(top: Inode, node: Node) -> Fallible[None]:
    """Make the inode of a node below `top`, with the folders on the way."""
    parent = top
    path = node.path
    start: u64 = 0
    for index in range(u64(len(path))):
        if path[index] == SLASH:
            parent = folder_in(parent, path[start:index])
            start = index + 1
    inode = add_inode(parent, path[start:], node.kind, node.permissions)
    inode.made = node.made
    inode.made_link = node.link
    inode.population = node.population
    inode.guard = node.guard


def folder_in(parent: Inode, name: Slice[u8]) -> Fallible[Inode]:
    """The folder `name` in `parent`, which is made if it is not there; it is lent."""
    entries = parent.entries
    entry = None if entries is None else entries.find(name)
    inode = None if entry is None else entry.inode
    return add_inode(parent, name, Kind.DIRECTORY, FOLDER_PERMISSIONS) if inode is None else inode


def add_inode(parent: Inode, name: Slice[u8], kind: Kind, permissions: u32) -> Fallible[Inode]:
    """Make an inode in `parent`; it is lent."""
    inode = parent.fs.new_inode(kind, permissions, 0, 0, True)
    with deferred(inode.drop):
        inode.described.is_strict = parent.described.is_strict
        tree.attach(parent, name, inode)
    return inode
