"""What a socket is ready for (poll(2), epoll(7)), as unix_poll() and unix_dgram_poll() of Linux have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import u32, u64
from kernel.files.operations import Events
from kernel.net.socket.kind import SocketKind

if TYPE_CHECKING:
    from kernel.net.unix.socket import UnixSocket

READABLE = Events.INPUT | Events.READ_NORMAL
WRITABLE = Events.OUTPUT | Events.WRITE_NORMAL | Events.WRITE_BAND
FOR_WRITERS = u32(WRITABLE)
FOR_READERS = u32(READABLE | Events.PRIORITY | Events.READ_BAND | Events.READ_HANG_UP)


def events_of(socket: UnixSocket) -> Events:
    """What the socket is ready for now."""
    events = Events.NONE
    visited: UnixSocket | None = None
    with socket.lock:
        if socket.error != 0 or socket.is_dead:
            events = events | Events.ERROR
        if socket.receive_ended:
            events = events | READABLE | Events.READ_HANG_UP
            if socket.send_ended:
                events = events | Events.HANG_UP
        if not socket.messages.is_empty or not socket.pending.is_empty:
            events = events | READABLE
        if socket.is_unconnected:
            events = events | Events.HANG_UP
        writable = not socket.is_listening and socket.charged.load() * 4 <= socket.options.send_buffer
        if writable and socket.kind == SocketKind.DATAGRAM:
            visited = socket.peer
            if visited is not None:
                visited.hold()
    if visited is not None:
        writable = not visited.is_full_for(socket)
        visited.drop()
    return events | WRITABLE if writable else events


def changes_of(socket: UnixSocket, events: u32) -> u64:
    """A number that is another one after each event at the socket that who asks for `events` is to be told of."""
    count: u64 = 0
    if events & FOR_WRITERS != 0:
        count = socket.departures.load()
        with socket.lock:
            peer = socket.peer
            if socket.kind == SocketKind.DATAGRAM and peer is not None:
                count += peer.vacancies.load()
    if events & FOR_WRITERS == 0 or events & FOR_READERS != 0:
        count += socket.arrivals.load()
    return count
