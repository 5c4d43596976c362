"""/proc/PID/ns: the namespaces of a process, which are those of its container (namespaces(7)).

A container is what other systems make of many namespaces. So all of its processes have the same ones, and those of
users and of time are everybody's, as no container has ids or clocks of its own. They can be compared, not entered.
"""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import (
    Fallible,
    Slice,
    comptime,
    deferred,
    local,
    local_array,
    struct,
    u8,
    u64,
    uninitialised,
    width,
)
from kernel.base.writer import Writer
from kernel.files.attributes import Attributes, Kind
from kernel.files.file import FileOwner
from kernel.files.inode import Inode
from kernel.files.made import Destination, MadeFile, MadeLink
from kernel.files.made_entries import find_made, keep_made
from kernel.files.operations import ALWAYS_READY, Events, FileOps
from kernel.memory.heap import free
from kernel.sched.cpu import current
from kernel.views.subject import living, looked_into

NAMESPACE_DEVICE: u64 = 4
"""The device that they are on (nsfs of Linux)."""
NAME_LENGTH: u64 = 32


@width(u8)
class Namespace(IntEnum):
    """The kinds of namespaces; the first ones are of one container."""

    MOUNTS = 0
    PROCESSES = 1
    NAMES = 2
    COMMUNICATION = 3
    NETWORK = 4
    GROUPS = 5
    USERS = 6
    TIME = 7


KINDS: u64 = 8

USERS_NUMBER: u64 = 0xEFFF_FFFD
TIME_NUMBER: u64 = 0xEFFF_FFFA
"""PROC_USER_INIT_INO and PROC_TIME_INIT_INO of Linux (include/linux/proc_ns.h)."""
FIRST_NUMBER: u64 = 0xF000_0000
"""Where the numbers of the namespaces of containers begin."""


def number_of_namespace(kind: Namespace) -> u64:
    """The inode number of a namespace of the container that asks."""
    match kind:
        case Namespace.USERS:
            return USERS_NUMBER
        case Namespace.TIME:
            return TIME_NUMBER
        case _:
            return FIRST_NUMBER + current().process.container.id * KINDS + u64(kind)


@struct
class NamespaceLink(MadeLink):
    """A link to a namespace."""

    kind: Namespace = Namespace.MOUNTS
    word: Slice[u8] = uninitialised()
    outlives: bool = False
    """A zombie is still in it."""

    def check(self, link: Inode) -> Fallible[None]:
        """EACCES for who may not look into the process; ENOENT for what a zombie has no more."""
        if self.outlives:
            looked_into(link)
        else:
            living(link)

    def read(self, link: Inode, writer: Writer) -> Fallible[None]:
        self.check(link)
        writer(f"{self.word}:[{number_of_namespace(self.kind)}]")

    def follow(self, link: Inode, destination: Destination) -> Fallible[bool]:
        self.check(link)
        destination.inode = namespace_in(link.fs.root, self)
        return True


def namespace_in(root: Inode, link: NamespaceLink) -> Fallible[Inode]:
    """The file that stands for a namespace, lent. Its name in /proc begins with a slash, so that no path
    leads to it.
    """
    name = local_array(u8, NAME_LENGTH)
    writer = local(Writer)
    writer.buffer = name
    number = number_of_namespace(link.kind)
    writer(f"/{link.word}:[{number}]")
    entry = find_made(root, name[0 : writer.length])
    found = None if entry is None else entry.inode
    if found is not None:
        return found
    inode = root.fs.new_inode(Kind.REGULAR, 0o444, 0, 0, True)
    with deferred(inode.drop):
        inode.described.number = number
        inode.described.file_system = NAMESPACE_DEVICE
        inode.made = NAMESPACE_FILE
        keep_made(root, name[0 : writer.length], inode)
    return inode


@struct
class NamespaceFile(MadeFile):
    """What stands for a namespace."""

    def open(self, inode: Inode, owner: FileOwner) -> Fallible[FileOps]:
        opened = owner.account.heap.new(OpenNamespace)
        opened.inode = inode
        return opened


NAMESPACE_FILE = NamespaceFile()


@struct
class OpenNamespace(FileOps):
    """A namespace that is open: it can only be told from others."""

    inode: Inode = uninitialised()
    """Lent by the open file."""

    def attributes(self) -> Attributes:
        return self.inode.described

    def is_seekable(self) -> bool:
        return True

    def readiness(self) -> Events:
        return ALWAYS_READY

    def closed(self) -> None:
        free(self)


@comptime
def namespace(kind: Namespace, word: bytes, outlives: bool = False) -> NamespaceLink:
    """The link to one kind of namespace."""
    made = NamespaceLink()
    made.kind = kind
    made.word = word
    made.outlives = outlives
    return made
