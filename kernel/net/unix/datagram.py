"""Sending and receiving whole messages: SOCK_DGRAM, with or without a peer, and SOCK_SEQPACKET over a connection.

Interface: `send`, `receive`, and `connect` for SOCK_DGRAM. The order of errors is that of unix_dgram_sendmsg().
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from codegen.lang import Errno, Fallible, deferred, hot, on_error, u8, u64, width
from kernel.base.errno import (
    EAGAIN,
    ECONNREFUSED,
    ECONNRESET,
    EINVAL,
    EIO,
    EMSGSIZE,
    ENOTCONN,
    EOPNOTSUPP,
    EPERM,
    EPIPE,
)
from kernel.files.path import Lookup
from kernel.machine.clock import wall_time
from kernel.memory.buffer import Buffer
from kernel.net.socket.address import FAMILY_SIZE, SocketAddress
from kernel.net.socket.envelope import Envelope
from kernel.net.socket.kind import AF_UNSPEC, MSG_OOB, MSG_PEEK, MSG_TRUNC, SocketKind
from kernel.net.unix import bind, rights
from kernel.net.unix.message import Message, new_message
from kernel.net.unix.queue import dequeue, discard, enqueue, take_passed
from kernel.net.unix.stream import tell_address
from kernel.net.unix.waiting import (
    await_message,
    await_room,
    check_sender,
    discard_rest,
    end_reading,
    end_turn,
    identify,
    take_error,
)

if TYPE_CHECKING:
    from kernel.net.unix.socket import UnixSocket

RESERVE: u64 = 32
"""A message is at least so much smaller than the send buffer."""


@width(u8)
class Delivery(IntEnum):
    """What became of an attempt to put a message into a queue."""

    DONE = 0
    DEAD = 1
    """The socket was closed."""
    FULL = 2
    FORBIDDEN = 3
    """It has another peer."""
    ENDED = 4
    """It receives no more."""


# Sending.


@hot
def send(socket: UnixSocket, buffer: Buffer, envelope: Envelope) -> Fallible[u64]:
    """Send what is left in `buffer` as one message, to the address of the envelope or to the peer. How much that is.

    ENOTCONN, ECONNREFUSED, ECONNRESET, EPIPE, EMSGSIZE, EPERM, EAGAIN, EINTR, ENOMEM, EFAULT, EIO.
    """
    if envelope.has(MSG_OOB):
        raise EOPNOTSUPP
    length = buffer.left
    address = destination_in(socket, envelope)
    target = begin(socket, address is None, length)
    try:
        if socket.options.passes_credentials and socket.name is None:
            bind.bind_automatically(socket)
        await_room(socket, envelope)
        message = new_message(socket, buffer, length)
        with on_error(message.free):
            message.passed = envelope.passed
            while True:
                if target is None:
                    target = destination_of(socket, address, envelope)
                if post(socket, target, message, envelope, address is None):
                    envelope.passed = None
                    return length
                target.drop()
                target = None
    finally:
        if target is not None:
            target.drop()


def destination_in(socket: UnixSocket, envelope: Envelope) -> Fallible[SocketAddress | None]:
    """The address to send to, None for the peer. EINVAL."""
    address = envelope.address
    if address is None or address.length == 0 or socket.kind == SocketKind.SEQUENCE:
        return None
    bind.check(address)
    return address


@hot
def begin(socket: UnixSocket, is_to_peer: bool, length: u64) -> Fallible[UnixSocket | None]:
    """Whether so many bytes may be sent; the peer, held, if it is to get them. ENOTCONN, EMSGSIZE, `check_sender`."""
    with socket.lock:
        peer = socket.peer
        if socket.kind == SocketKind.SEQUENCE:
            take_error(socket)
            if not socket.is_connected:
                raise ENOTCONN
        elif is_to_peer and peer is None:
            raise ENOTCONN
        if length + RESERVE > socket.options.send_buffer:
            raise EMSGSIZE
        check_sender(socket, True)
        if not is_to_peer or peer is None:
            return None
        peer.hold()
        return peer


def destination_of(socket: UnixSocket, address: SocketAddress | None, envelope: Envelope) -> Fallible[UnixSocket]:
    """The socket to send to, held. ECONNRESET when the peer has gone since, and what finding an address fails with."""
    lookup = envelope.lookup
    if address is not None and lookup is not None:
        return bind.find(socket, address, lookup)
    with socket.lock:
        peer = socket.peer
        if socket.is_dead:
            raise EIO
        if peer is None:
            raise EPIPE if socket.kind == SocketKind.SEQUENCE else ECONNRESET
        peer.hold()
        return peer


@hot
def post(socket: UnixSocket, target: UnixSocket, message: Message, envelope: Envelope, is_peer: bool) -> Fallible[bool]:
    """Put the message into the queue of `target`. False when it is to be found and tried again."""
    identify(message, envelope, socket, target)
    if target.options.passes_time != 0:
        message.sent = wall_time()
    seen: u64 = 0
    with target.lock:
        result = deliver(socket, target, message)
        if result == Delivery.FULL and envelope.may_wait:
            seen = target.visitors.enter()
    match result:
        case Delivery.DONE:
            target.tell_message()
            return True
        case Delivery.FORBIDDEN:
            raise EPERM
        case Delivery.ENDED:
            raise EPIPE
        case Delivery.DEAD:
            if is_peer:
                forget_dead_peer(socket, target)
            return False
        case Delivery.FULL:
            if not envelope.may_wait:
                raise EAGAIN
            with deferred(target.visitors.leave):
                if not target.visitors.sleep(seen, envelope.end_of_wait(socket.options.send_timeout)):
                    raise EAGAIN
            return False


def deliver(socket: UnixSocket, target: UnixSocket, message: Message) -> Delivery:
    """Put the message into the queue of `target`, whose lock is held, if that may be and there is room."""
    other = target.peer
    if other is not None and other is not socket:
        return Delivery.FORBIDDEN
    if target.is_dead:
        return Delivery.DEAD
    if target.receive_ended:
        return Delivery.ENDED
    if other is not socket and target is not socket and target.messages.count > target.queue_limit:
        return Delivery.FULL
    enqueue(target, message)
    return Delivery.DONE


def forget_dead_peer(socket: UnixSocket, peer: UnixSocket) -> Fallible[None]:
    """The peer was closed: SOCK_DGRAM has none from now on (ECONNREFUSED), a connection is over (EPIPE)."""
    if socket.kind == SocketKind.SEQUENCE:
        raise EPIPE
    with socket.lock:
        had = socket.peer is peer
        if had:
            socket.peer = None
    if had:
        disconnected(socket, peer)
        peer.drop()
        raise ECONNREFUSED


def disconnected(socket: UnixSocket, peer: UnixSocket) -> None:
    """`socket` has another peer than `peer`, or none: what it got is lost, which `peer` learns, if it had this one."""
    with socket.lock:
        had_messages = not socket.messages.is_empty
    if not had_messages:
        return
    discard(socket)
    rights.work_off()
    with peer.lock:
        is_told = peer.peer is socket and not peer.is_dead
    if is_told:
        peer.end(False, False, True)


# Receiving.


@hot
def receive(socket: UnixSocket, buffer: Buffer, envelope: Envelope) -> Fallible[u64]:
    """Receive the first message, as much of it as fits; the rest is lost. How much that is, with MSG_TRUNC all of it.

    0 at the end of what the other side sends. ENOTCONN, EOPNOTSUPP, ECONNRESET, EAGAIN, EINTR, EFAULT, EIO.
    """
    if envelope.has(MSG_OOB):
        raise EOPNOTSUPP
    message = await_message(socket, envelope, False, True, 0)
    if message is None:
        return 0
    if envelope.has(MSG_PEEK):
        with deferred(end_reading, socket):
            count = give_message(message, buffer, envelope)
            passed = message.passed
            if passed is not None:
                envelope.passed = rights.duplicate(socket, passed)
            return count
    with socket.lock:
        take_passed(message, envelope)
        dequeue(socket, message)
        is_dead = end_turn(socket)
    if is_dead:
        discard_rest(socket)
    with deferred(message.free):
        return give_message(message, buffer, envelope)


def give_message(message: Message, buffer: Buffer, envelope: Envelope) -> Fallible[u64]:
    """Copy what fits of a message, and tell what came with it. EFAULT: nothing is told."""
    count = min(message.length, buffer.left)
    try:
        message.give(0, count, buffer)
    except Errno:
        rights.dispose(envelope.passed)
        envelope.passed = None
        rights.work_off()
        raise
    tell_address(message, envelope)
    envelope.identity.copy_from(message.identity)
    envelope.is_explicit = True
    envelope.sent = message.sent
    if count < message.length:
        envelope.told |= MSG_TRUNC
    return message.length if envelope.has(MSG_TRUNC) else count


# A peer.


def connect(socket: UnixSocket, address: SocketAddress, lookup: Lookup) -> Fallible[None]:
    """connect(2) of SOCK_DGRAM: send to `address` from now on, and receive from there only; AF_UNSPEC ends that.

    EINVAL, EPERM when the other one has another peer, EIO, and what finding the address fails with.
    """
    if address.length < FAMILY_SIZE:
        raise EINVAL
    target: UnixSocket | None = None
    if address.family != AF_UNSPEC:
        bind.check(address)
        if socket.options.passes_credentials and socket.name is None:
            bind.bind_automatically(socket)
        target = find_peer(socket, address, lookup)
    with socket.lock:
        is_dead = socket.is_dead
        before = target
        if not is_dead:
            before = socket.peer
            socket.peer = target
    if not is_dead:
        poll_both(socket, target)
        socket.tell_changed()
        if before is not None and before is not target:
            disconnected(socket, before)
    if before is not None:
        before.drop()
    if is_dead:
        raise EIO


def poll_both(socket: UnixSocket, peer: UnixSocket | None) -> None:
    """What poll(2) finds at `socket` also depends on the queue of `peer` from now on."""
    file = socket.file
    if file is not None:
        file.source = socket.source if peer is None else socket.source | peer.source


def find_peer(socket: UnixSocket, address: SocketAddress, lookup: Lookup) -> Fallible[UnixSocket]:
    """The socket at `address`, held, if it has no other peer than `socket`. EPERM."""
    while True:
        target = bind.find(socket, address, lookup)
        with on_error(target.drop), target.lock:
            is_dead = target.is_dead
            other = target.peer
            if not is_dead and other is not None and other is not socket:
                raise EPERM
        if not is_dead:
            return target
        target.drop()
