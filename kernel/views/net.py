"""What /proc tells of the network of a container: /proc/net and /proc/sys/net (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, local_array, u8, u64
from kernel.base.errno import EINTR
from kernel.base.text import format_unsigned
from kernel.base.writer import Writer
from kernel.files.inode import Inode
from kernel.net.stack import NetworkStack
from kernel.net.unix.socket import UnixSocket
from kernel.sched.cpu import current
from kernel.sched.preemption import Freezing, preemption_point
from kernel.views.columns import write_right
from kernel.views.numbers import setting_in
from kernel.views.subject import process_of

HEXADECIMAL: u64 = 16
AT: u8 = 0x40
LARGEST_SETTING: u64 = 0x7FFF_FFFF
LISTENS: u64 = 1 << 16
"""__SO_ACCEPTCON, in the column of flags."""
UNCONNECTED, CONNECTING, CONNECTED = 1, 2, 3
"""SS_*, in the column of states."""


def stack_of_reader() -> NetworkStack:
    """The network of the container that asks."""
    return current().process.container.network


def write_unix_sockets(inode: Inode, writer: Writer) -> Fallible[None]:
    """net/unix: the sockets of AF_UNIX of the container."""
    process_of(inode)
    writer.text(b"Num       RefCount Protocol Flags    Type St Inode Path\n")
    stack = stack_of_reader()
    socket = held_first(stack)
    while socket is not None:
        write_socket(socket, writer)
        following = held_after(stack, socket)
        socket.drop()
        socket = following
        try:
            preemption_point(Freezing.LATER)
        except EINTR:
            if socket is not None:
                socket.drop()
            raise


def held_first(stack: NetworkStack) -> UnixSocket | None:
    """The first socket of a stack, with a reference of the caller's."""
    with stack.lock:
        socket = stack.sockets.first
        if socket is not None:
            socket.hold()
        return socket


def held_after(stack: NetworkStack, socket: UnixSocket) -> UnixSocket | None:
    """The socket behind one, which is held, likewise."""
    with stack.lock:
        following = socket.stack_link.next
        if following is not None:
            following.hold()
        return following


def write_socket(socket: UnixSocket, writer: Writer) -> None:
    """One line, for a socket that was not closed."""
    flags: u64 = 0
    state: u64 = UNCONNECTED
    with socket.lock:
        if socket.is_dead:
            return
        if socket.is_listening:
            flags = LISTENS
        if socket.is_connected or socket.peer is not None:
            state = CONNECTED if socket.file is not None else CONNECTING
    number = socket.described.number if socket.file is not None else 0
    write_padded(writer, 0, 16)
    writer.text(b": ")
    write_padded(writer, socket.references.load(), 8)
    writer.text(b" 00000000 ")
    write_padded(writer, flags, 8)
    writer.text(b" ")
    write_padded(writer, u64(socket.kind), 4)
    writer.text(b" ")
    write_padded(writer, state, 2)
    write_right(writer, number, 10, 6)
    name = socket.name
    if name is not None:
        writer.text(b" ")
        write_name(writer, name.content)
    writer.text(b"\n")


def write_name(writer: Writer, name: Slice[u8]) -> None:
    """An address: a path without its final zero byte; of what is abstract, each zero byte as an @."""
    is_path = len(name) > 0 and name[0] != 0
    byte = local_array(u8, 1)
    for index in range(u64(len(name)) - u64(is_path)):
        byte[0] = AT if name[index] == 0 else name[index]
        writer.text(byte)


def write_padded(writer: Writer, value: u64, width: u64) -> None:
    """A number in hexadecimal, capital, with zeros before it."""
    digits = local_array(u8, HEXADECIMAL)
    start = format_unsigned(digits, value, HEXADECIMAL)
    for _ in range(HEXADECIMAL - start, width):
        writer.text(b"0")
    for index in range(start, HEXADECIMAL):
        if digits[index] >= 0x61:
            digits[index] -= 0x20
    writer.text(digits[start:])


def write_datagram_queue(inode: Inode, writer: Writer) -> Fallible[None]:
    """sys/net/unix/max_dgram_qlen."""
    writer(f"{stack_of_reader().datagram_queue}\n")


def take_datagram_queue(inode: Inode, text: Slice[u8]) -> Fallible[None]:
    """EPERM, EINVAL."""
    stack_of_reader().datagram_queue = setting_in(text, 0, LARGEST_SETTING)


def write_backlog_max(inode: Inode, writer: Writer) -> Fallible[None]:
    """sys/net/core/somaxconn."""
    writer(f"{stack_of_reader().backlog_max}\n")


def take_backlog_max(inode: Inode, text: Slice[u8]) -> Fallible[None]:
    """EPERM, EINVAL."""
    stack_of_reader().backlog_max = setting_in(text, 0, LARGEST_SETTING)
