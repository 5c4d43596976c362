"""SocketName: the address of a socket, and where it is found by it: as a file, or by an abstract name (unix(7)).

Interface: `new_name`; `register` enters it, `forget` takes it out; `find_abstract` and `find_by_inode`.

A name belongs to one socket and lives as long as that; a socket that was accepted has a copy of its listener's, which
is entered nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import (
    Array,
    Fallible,
    Slice,
    address_of,
    array,
    copy,
    field_offset,
    inline,
    must_use,
    struct,
    u8,
    u64,
    uninitialised,
    wrapping_mul,
)
from kernel.base.errno import EADDRINUSE
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.base.tree import Tree, TreeNode
from kernel.net.socket.kind import SocketKind
from kernel.net.stack import NetworkStack

if TYPE_CHECKING:
    from kernel.files.inode import Inode
    from kernel.net.unix.socket import UnixSocket

PATH_LENGTH: u64 = 108
"""The size of sun_path."""
NAME_LENGTH: u64 = 109
"""A path that fills it all is told with a final zero byte beyond."""


@struct
class SocketName:
    """One address: the bytes of sun_path that count, for a path with its final zero byte."""

    node: TreeNode[SocketName] = inline()
    socket: UnixSocket = uninitialised()
    inode: Inode | None = None
    """The file that the name is a path of; it is held."""
    is_registered: bool = False
    length: u64 = 0
    text: Array[u8] = array(NAME_LENGTH)

    @property
    def content(self) -> Slice[u8]:
        """The bytes."""
        return self.text[0 : self.length]


@struct
class PathTable:
    """Sockets by the inode that their path names: one table for all, since who finds the file may connect."""

    lock: SpinLock = inline(SpinLock(LockRank.SOCKET_TABLE))
    names: Tree[SocketName] = inline(Tree(SocketName.node))


PATHS = PathTable()


@must_use
def new_name(socket: UnixSocket, content: Slice[u8]) -> Fallible[SocketName]:
    """A name for `socket`, charged to its container, and entered nowhere. ENOMEM."""
    name = socket.stack.account.heap.new(SocketName)
    name.socket = socket
    name.length = u64(len(content))
    copy(name.text[0 : name.length], content)
    return name


def hash_of(content: Slice[u8], kind: SocketKind) -> u64:
    """FNV-1a over a name and the kind of its socket: names of different kinds are different."""
    result: u64 = 0xCBF2_9CE4_8422_2325
    for byte in content:
        result = wrapping_mul(u64, result ^ byte, 0x100_0000_01B3)
    return wrapping_mul(u64, result ^ u64(kind), 0x100_0000_01B3)


def register(name: SocketName) -> Fallible[None]:
    """Let the socket be found by `name`: EADDRINUSE if another one is.

    Two abstract names with one hash cannot both be there; who finds such ones only keeps itself from using them.
    """
    socket = name.socket
    inode = name.inode
    if inode is not None:
        with PATHS.lock:
            PATHS.names.insert(name, address_of(inode))
            name.is_registered = True
        return
    stack = socket.stack
    key = hash_of(name.content, socket.kind)
    with stack.lock:
        stack.abstract.offset = field_offset(SocketName.node)
        if holder_of(stack, key) is not None:
            raise EADDRINUSE
        stack.abstract.insert(name, key)
        name.is_registered = True


def holder_of(stack: NetworkStack, key: u64) -> SocketName | None:
    """The abstract name with this hash. The lock of the stack is held."""
    found = stack.abstract.at_or_below(key)
    return found if found is not None and found.node.key == key else None


def forget(name: SocketName) -> None:
    """The socket is found by `name` no more, if it was."""
    if name.inode is not None:
        with PATHS.lock:
            if name.is_registered:
                PATHS.names.remove(name)
                name.is_registered = False
        return
    stack = name.socket.stack
    with stack.lock:
        if name.is_registered:
            stack.abstract.remove(name)
            name.is_registered = False


def find_abstract(stack: NetworkStack, content: Slice[u8], kind: SocketKind) -> UnixSocket | None:
    """The socket with an abstract name, held."""
    key = hash_of(content, kind)
    with stack.lock:
        name = holder_of(stack, key)
        if name is None or name.content != content:
            return None
        name.socket.hold()
        return name.socket


def find_by_inode(inode: Inode) -> UnixSocket | None:
    """The socket whose path names `inode`, held."""
    key = address_of(inode)
    with PATHS.lock:
        name = PATHS.names.at_or_below(key)
        if name is None or name.node.key != key:
            return None
        name.socket.hold()
        return name.socket
