"""Addresses of sockets: giving one to a socket, and finding the socket that has one (unix(7), "Address format").

Interface: `bind`, `bind_automatically`, `find`. A path is resolved for the caller by the `Lookup` that it prepares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Fallible, MutableSlice, Slice, copy, deferred, local_array, on_error, u8, u32, u64
from kernel.base.errno import (
    EADDRINUSE,
    ECONNREFUSED,
    EEXIST,
    EINVAL,
    EIO,
    ENOSPC,
    EPROTOTYPE,
)
from kernel.base.text import index_of
from kernel.files import tree
from kernel.files.attributes import Access, Kind
from kernel.files.flags import Resolve
from kernel.files.path import Lookup, resolve, walk
from kernel.files.path_buffer import PATH_BUFFERS
from kernel.memory.heap import free
from kernel.net.socket.address import FAMILY_SIZE, SocketAddress
from kernel.net.socket.kind import AF_UNIX
from kernel.net.unix import name
from kernel.net.unix.name import PATH_LENGTH, SocketName
from kernel.sched.preemption import Freezing, preemption_point

if TYPE_CHECKING:
    from kernel.net.unix.socket import UnixSocket

AUTOMATIC_DIGITS: u64 = 5
AUTOMATIC_NAMES: u64 = 1 << 20
"""How many names there are that the kernel chooses: a zero byte and 5 hexadecimal digits."""
HEXADECIMAL = b"0123456789abcdef"


def check(address: SocketAddress) -> Fallible[None]:
    """EINVAL for what is no address of a socket of this family."""
    if not FAMILY_SIZE < address.length <= FAMILY_SIZE + PATH_LENGTH or address.family != AF_UNIX:
        raise EINVAL


def is_abstract(address: SocketAddress) -> bool:
    """Whether a checked address is not a path."""
    return address.data[0] == 0


def path_in(address: SocketAddress) -> Slice[u8]:
    """The path that a checked address is, up to its first zero byte or the end."""
    data = address.data
    return data[0 : index_of(data, 0)]


# Giving one.


def bind(socket: UnixSocket, address: SocketAddress, lookup: Lookup, umask: u32) -> Fallible[None]:
    """bind(2): EADDRINUSE, EINVAL when the socket has an address, and what making a file fails with."""
    if address.length == FAMILY_SIZE and address.family == AF_UNIX:
        bind_automatically(socket)
        return
    check(address)
    if is_abstract(address):
        begin(socket)
        with deferred(finish, socket):
            enter(socket, name.new_name(socket, address.data))
    else:
        bind_path(socket, path_in(address), lookup, umask)


def begin(socket: UnixSocket) -> Fallible[None]:
    """Keep others from giving it an address meanwhile. EINVAL when it has one, or is about to get one; EIO."""
    with socket.lock:
        if socket.is_dead:
            raise EIO
        if socket.name is not None or socket.is_binding:
            raise EINVAL
        socket.is_binding = True


def finish(socket: UnixSocket) -> None:
    """It has an address, or others may try."""
    with socket.lock:
        socket.is_binding = False


def enter(socket: UnixSocket, made: SocketName) -> Fallible[None]:
    """Let the socket be found by its new name, which is freed if that fails. EADDRINUSE."""
    with on_error(free, made):
        name.register(made)
    socket.name = made


def bind_path(socket: UnixSocket, path: Slice[u8], lookup: Lookup, umask: u32) -> Fallible[None]:
    """Make a file for the socket. It is made first and taken back if the socket has an address, as on Linux."""
    buffer = PATH_BUFFERS.take()
    with deferred(PATH_BUFFERS.give_back, buffer):
        buffer.set(path)
        walk(lookup, buffer, Resolve.PARENT)
    try:
        inode = tree.create(lookup, Kind.SOCKET, socket.described.permissions & (umask ^ 0o7777))
    except EEXIST:
        raise EADDRINUSE from None
    with on_error(inode.drop), on_error(tree.take_back, lookup, inode):
        begin(socket)
        with deferred(finish, socket):
            text = local_array(u8, PATH_LENGTH + 1)
            length = u64(len(path))
            copy(text[0:length], path)
            text[length] = 0
            made = name.new_name(socket, text[0 : length + 1])
            made.inode = inode
            enter(socket, made)


def bind_automatically(socket: UnixSocket) -> Fallible[None]:
    """Give it an abstract name that nobody has, unless it has an address. ENOSPC."""
    if socket.name is not None:
        return
    begin(socket)
    with deferred(finish, socket):
        text = local_array(u8, AUTOMATIC_DIGITS + 1)
        for _ in range(AUTOMATIC_NAMES):
            write_number(text, next_number(socket))
            try:
                enter(socket, name.new_name(socket, text))
                return
            except EADDRINUSE:
                preemption_point(Freezing.LATER)
        raise ENOSPC


def next_number(socket: UnixSocket) -> u64:
    """The number after the one that was tried last in the socket's stack."""
    stack = socket.stack
    with stack.lock:
        stack.last_autobound = (stack.last_autobound + 1) % AUTOMATIC_NAMES
        return stack.last_autobound


def write_number(text: MutableSlice[u8], number: u64) -> None:
    """An automatic name: a zero byte and the digits of `number`."""
    text[0] = 0
    for index in range(AUTOMATIC_DIGITS):
        text[AUTOMATIC_DIGITS - index] = HEXADECIMAL[(number >> index * 4) % 16]


# Finding.


def find(socket: UnixSocket, address: SocketAddress, lookup: Lookup) -> Fallible[UnixSocket]:
    """The socket that a checked address leads `socket` to, held.

    ECONNREFUSED when there is none, EPROTOTYPE when it is of another kind, EACCES without the right to write to its
    file, and what resolving a path fails with.
    """
    if is_abstract(address):
        found = name.find_abstract(socket.stack, address.data, socket.kind)
        if found is None:
            raise ECONNREFUSED
        return found
    inode = resolve(lookup, path_in(address), Resolve.FOLLOW)
    with deferred(inode.drop):
        inode.check(lookup.credentials, Access.WRITE)
        bound = name.find_by_inode(inode) if inode.described.kind == Kind.SOCKET else None
    if bound is None:
        raise ECONNREFUSED
    if bound.kind != socket.kind:
        bound.drop()
        raise EPROTOTYPE
    return bound
