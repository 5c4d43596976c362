"""The end of a socket: whoever waits at it or is connected with it learns it, and nothing is left in its queue.

Interface: `close` for one with an open file; `leave_list` for one that waited to be accepted; `discard` for one that
never was anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.memory.heap import free
from kernel.net.socket.kind import SocketKind
from kernel.net.unix import name, queue, rights
from kernel.net.unix.rights import IN_FLIGHT

if TYPE_CHECKING:
    from kernel.net.unix.socket import UnixSocket


def leave(socket: UnixSocket, was_pending: bool) -> bool:
    """It is dead from now on. A connection that `was_pending` or has not received all is reset (ECONNRESET).

    Whether there are connections that wait to be accepted: they are left on its list. False if it was dead before.
    """
    own_name = socket.name
    if own_name is not None:
        name.forget(own_name)
    with socket.lock:
        if socket.is_dead:
            return False
        socket.is_dead = True
        socket.receive_ended = True
        socket.send_ended = True
        has_messages = not socket.messages.is_empty
        has_pending = not socket.pending.is_empty
        peer = socket.peer
        socket.peer = None
        spare = socket.spare
        socket.spare = None
    socket.tell_changed()
    if spare is not None:
        free(spare)
    if peer is not None:
        if socket.kind != SocketKind.DATAGRAM:
            peer.end(True, True, was_pending or has_messages)
        peer.drop()
    if has_messages:
        queue.discard(socket)
        rights.work_off()
    if own_name is not None:
        inode = own_name.inode
        if inode is not None:
            own_name.inode = None
            inode.drop()
    return has_pending


def close(socket: UnixSocket) -> None:
    """`leave`, and refuse those that wait to be accepted."""
    if not leave(socket, False):
        return
    while True:
        with socket.lock:
            waiting = socket.pending.pop_first()
        if waiting is None:
            return
        leave_list(waiting)


def leave_list(socket: UnixSocket) -> None:
    """It waited to be accepted, and has been taken off the list of its listener: nobody will."""
    with IN_FLIGHT.lock:
        socket.listener = None
    leave(socket, True)
    socket.drop()


def discard(socket: UnixSocket) -> None:
    """A socket that never had a file goes."""
    leave(socket, False)
    socket.drop()
