"""ioctl(2) on sockets of AF_UNIX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Fallible, UserAddr, i64, u32, u64
from kernel.base.errno import EINVAL, ENODEV, ENOTTY
from kernel.files.operations import FIONREAD
from kernel.memory import user
from kernel.net.socket.kind import SocketKind

if TYPE_CHECKING:
    from kernel.net.unix.socket import UnixSocket

SIOCOUTQ: u32 = 0x5411
SIOCGIFCONF: u32 = 0x8912
INTERFACE_REQUESTS = (0x8910, 0x8913, 0x8914, 0x8915, 0x8916, 0x8919, 0x891B, 0x8921, 0x8922, 0x8927, 0x8933, 0x8942)
"""SIOC[GS]IF*: about one interface by name or number (netdevice(7)); a container has none yet."""
HIGHEST: u64 = 0x7FFF_FFFF


def control(socket: UnixSocket, request: u32, argument: UserAddr) -> Fallible[i64]:
    """How much can be received (SIOCINQ, which is FIONREAD), and how much was sent and has not been (SIOCOUTQ)."""
    if request == FIONREAD:
        user.put(u32, argument, u32(min(receivable(socket), HIGHEST)))
        return 0
    if request == SIOCOUTQ:
        user.put(u32, argument, u32(min(socket.charged.load(), HIGHEST)))
        return 0
    if request == SIOCGIFCONF:
        user.put(u32, argument, 0)  # ifc_len: there is no interface to tell of
        return 0
    for known in INTERFACE_REQUESTS:
        if request == known:
            user.get(u64, argument)
            raise ENODEV
    raise ENOTTY


def receivable(socket: UnixSocket) -> Fallible[u64]:
    """The bytes in the queue, of SOCK_DGRAM those of the first message. EINVAL for what listens."""
    with socket.lock:
        if socket.is_listening:
            raise EINVAL
        if socket.kind != SocketKind.DATAGRAM:
            return socket.queued
        first = socket.messages.first
        return 0 if first is None else first.length
