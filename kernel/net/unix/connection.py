"""Connections of SOCK_STREAM and SOCK_SEQPACKET: listen(2), connect(2), accept(2), shutdown(2), socketpair(2).

Interface: `listen`, `connect`, `accept`, `shut_down`, `join`.

connect(2) makes the socket of the other end, which waits on the list of the listener: both can send at once, and a
connection that is not accepted yet costs the listener one socket. The lists are as long as their listeners asked for,
and one more, as on Linux.
"""

from __future__ import annotations

from codegen.lang import Fallible, deferred, field_offset, local, on_error, u64
from kernel.base.errno import EAGAIN, EALREADY, ECONNREFUSED, EINVAL, EIO, EISCONN, EOPNOTSUPP
from kernel.files.credentials import Credentials
from kernel.files.file import OpenFile
from kernel.files.path import Lookup
from kernel.net.socket.address import SocketAddress
from kernel.net.socket.envelope import Envelope
from kernel.net.socket.kind import Halves, SocketKind
from kernel.net.unix import bind, ending, name
from kernel.net.unix.creation import new_socket
from kernel.net.unix.peer import Caller, PeerIdentity
from kernel.net.unix.rights import IN_FLIGHT
from kernel.net.unix.socket import State, UnixSocket


def listen(socket: UnixSocket, backlog: u64, caller: Caller) -> Fallible[None]:
    """Take connections, of which `backlog` and one more may wait. EOPNOTSUPP, EINVAL without an address, ENOMEM."""
    if socket.kind == SocketKind.DATAGRAM:
        raise EOPNOTSUPP
    if socket.name is None:
        raise EINVAL
    heap = socket.stack.account.heap
    identity = local(PeerIdentity)
    identity.set(caller, heap)
    with deferred(identity.release), socket.lock:
        if socket.is_dead:
            raise EIO
        if socket.state != State.UNCONNECTED and socket.state != State.LISTENING:
            raise EINVAL
        socket.backlog = backlog
        socket.state = State.LISTENING
        socket.peer_identity.exchange(identity)
    socket.visitors.wake()


# connect.


def connect(
    socket: UnixSocket, address: SocketAddress, lookup: Lookup, envelope: Envelope, caller: Caller
) -> Fallible[None]:
    """Connect to the socket at `address`, which has to be listening.

    ECONNREFUSED, EISCONN, EALREADY while another thread does, EINVAL, EAGAIN when the list of the listener is full and
    the call may not wait, EINTR, ENOMEM, EIO, and what finding the address fails with.
    """
    bind.check(address)
    if socket.options.passes_credentials and socket.name is None:
        bind.bind_automatically(socket)
    socket.hold()
    with deferred(socket.drop):
        while True:
            listener = bind.find(socket, address, lookup)
            with deferred(listener.drop):
                if await_place(socket, listener, envelope) and connect_to(socket, listener, caller):
                    return


def await_place(socket: UnixSocket, listener: UnixSocket, envelope: Envelope) -> Fallible[bool]:
    """Sleep until there is room on the list of `listener`. False when it is to be found and asked again."""
    with listener.lock:
        if listener.is_dead:
            return False
        if not listener.is_listening or listener.receive_ended:
            raise ECONNREFUSED
        if has_place(listener):
            return True
        if not envelope.may_wait:
            raise EAGAIN
        seen = listener.visitors.enter()
    with deferred(listener.visitors.leave):
        if not listener.visitors.sleep(seen, envelope.end_of_wait(socket.options.send_timeout)):
            raise EAGAIN
    return False


def has_place(listener: UnixSocket) -> bool:
    """Whether one more connection may wait. The lock is held."""
    return listener.pending.count <= listener.backlog


def connect_to(socket: UnixSocket, listener: UnixSocket, caller: Caller) -> Fallible[bool]:
    """Put a new other end on the list of `listener`. False when there is no place any more, or it was closed."""
    begin(socket)
    with on_error(set_back, socket):
        other = new_end(socket, listener, caller)
        identity = local(PeerIdentity)
        with on_error(discard_end, other):
            is_placed = place(other, listener, identity, socket)
    if not is_placed:
        discard_end(other)
        set_back(socket)
        return False
    with socket.lock:
        socket.state = State.CONNECTED
        is_dead = socket.is_dead
        if not is_dead:
            socket.peer = other
        socket.peer_identity.exchange(identity)
    identity.release()
    listener.tell_connection()
    if is_dead:
        other.end(True, True, True)
        other.drop()
        raise EIO
    return True


def begin(socket: UnixSocket) -> Fallible[None]:
    """Let no other thread connect the socket meanwhile. EISCONN, EALREADY, EINVAL, EIO."""
    with socket.lock:
        if socket.is_dead:
            raise EIO
        match socket.state:
            case State.UNCONNECTED:
                socket.state = State.CONNECTING
            case State.CONNECTING:
                raise EALREADY
            case State.CONNECTED:
                raise EISCONN
            case State.LISTENING:
                raise EINVAL


def set_back(socket: UnixSocket) -> None:
    """It is not connected after all."""
    with socket.lock:
        socket.state = State.UNCONNECTED


def new_end(socket: UnixSocket, listener: UnixSocket, caller: Caller) -> Fallible[UnixSocket]:
    """What will be the socket of the listener's side, charged to its container, with `socket` as its peer. ENOMEM."""
    credentials = caller.credentials
    assert credentials is not None, "a caller has credentials"
    other = new_socket(listener.stack, socket.kind, credentials)
    with on_error(other.drop):
        shown = listener.name
        if shown is not None:
            other.name = name.new_name(other, shown.content)
        with other.lock:
            other.peer_identity.set(caller, other.stack.account.heap)
            other.state = State.CONNECTED
            socket.hold()
            other.peer = socket
    return other


def discard_end(other: UnixSocket) -> None:
    """The other end of a connection that did not come to be goes again."""
    with other.lock:
        peer = other.peer
        other.peer = None
    if peer is not None:
        peer.drop()
    other.drop()


def place(other: UnixSocket, listener: UnixSocket, identity: PeerIdentity, socket: UnixSocket) -> Fallible[bool]:
    """Let `other` wait to be accepted; `identity` becomes that of the listener. ENOMEM; False without a place."""
    with listener.lock:
        if listener.is_dead or not listener.is_listening or listener.receive_ended or not has_place(listener):
            return False
        identity.copy_from(listener.peer_identity, socket.stack.account.heap)
        with IN_FLIGHT.lock:
            other.listener = listener
        other.hold()
        listener.pending.offset = field_offset(UnixSocket.pending_link)
        listener.pending.push_last(other)
        return True


# accept.


def accept(socket: UnixSocket, envelope: Envelope, credentials: Credentials, nonblocking: bool) -> Fallible[OpenFile]:
    """The first connection that waits, as an open file with one reference, which belongs to the listener's container.

    EOPNOTSUPP, EINVAL for what does not listen or no more, EAGAIN unless it may wait, EINTR, ENOMEM, EIO.
    """
    if socket.kind == SocketKind.DATAGRAM:
        raise EOPNOTSUPP
    socket.hold()
    with deferred(socket.drop):
        other = await_connection(socket, envelope)
        other.options.inherit(socket.options)
        other.described.user = credentials.user
        other.described.group = credentials.group
        with on_error(wait_again, socket, other):
            file = other.open(nonblocking)
        with IN_FLIGHT.lock:
            other.listener = None
        socket.vacancies.fetch_add(1)
        socket.visitors.wake()
        return file


def await_connection(socket: UnixSocket, envelope: Envelope) -> Fallible[UnixSocket]:
    """Take the first connection off the list; the reference is the caller's."""
    while True:
        with socket.lock:
            if socket.is_dead:
                raise EIO
            if not socket.is_listening:
                raise EINVAL
            other = socket.pending.pop_first()
            if other is not None:
                return other
            if socket.receive_ended:
                raise EINVAL
            if not envelope.may_wait:
                raise EAGAIN
            seen = socket.readers.enter()
        with deferred(socket.readers.leave):
            if not socket.readers.sleep(seen, envelope.end_of_wait(socket.options.receive_timeout)):
                raise EAGAIN


def wait_again(socket: UnixSocket, other: UnixSocket) -> None:
    """There was no memory for an open file: the connection waits for the next one that accepts it."""
    with socket.lock:
        is_dead = socket.is_dead
        if not is_dead:
            socket.pending.push_first(other)
    if is_dead:
        ending.leave_list(other)


# Both.


def shut_down(socket: UnixSocket, halves: Halves) -> None:
    """shutdown(2): of a connection, the other end learns it. As on Linux, nothing has to be connected for it."""
    receiving = halves != Halves.SENDING
    sending = halves != Halves.RECEIVING
    peer = None if socket.kind == SocketKind.DATAGRAM else socket.held_peer()
    socket.end(receiving, sending, False)
    if peer is not None:
        peer.end(sending, receiving, False)
        peer.drop()


def join(first: UnixSocket, second: UnixSocket, caller: Caller) -> Fallible[None]:
    """Connect two new sockets of one container with each other (socketpair(2)). ENOMEM."""
    heap = first.stack.account.heap
    with first.lock:
        first.peer_identity.set(caller, heap)
    with second.lock:
        second.peer_identity.set(caller, heap)
        second.state = State.CONNECTED
        second.peer = first
        first.hold()
    with first.lock:
        first.state = State.CONNECTED
        first.peer = second
        second.hold()
