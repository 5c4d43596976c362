"""Sending to and receiving from a stream socket: bytes in order, of which messages are not kept apart (SOCK_STREAM).

Interface: `send` and `receive`. What comes with bytes is kept apart, though: a receive ends behind the bytes that
descriptors came with, and with SO_PASSCRED where those of another sender begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Errno, Fallible, hot, u64
from kernel.base.errno import EINVAL, EIO, EISCONN, ENOTCONN, EOPNOTSUPP, EPIPE
from kernel.memory.buffer import Buffer
from kernel.net.socket.envelope import Envelope
from kernel.net.socket.kind import AF_UNIX, MSG_OOB, MSG_PEEK, MSG_WAITALL
from kernel.net.unix import rights
from kernel.net.unix.message import Message, new_message
from kernel.net.unix.queue import dequeue, enqueue, following, take_passed
from kernel.net.unix.waiting import (
    await_message,
    await_room,
    discard_rest,
    end_reading,
    end_turn,
    identify,
    take_error,
)
from kernel.sched.preemption import Freezing, preemption_point

if TYPE_CHECKING:
    from kernel.net.unix.socket import UnixSocket

PIECE: u64 = 65_536
"""What is queued of a long send at once."""


# Sending.


@hot
def send(socket: UnixSocket, buffer: Buffer, envelope: Envelope) -> Fallible[u64]:
    """Send all bytes, in pieces; an error after the first piece ends a shorter transfer.

    ENOTCONN, EISCONN or EOPNOTSUPP with an address, EPIPE, ECONNRESET, EAGAIN, EINTR, ENOMEM, EFAULT, EIO.
    """
    if envelope.address is not None or envelope.has(MSG_OOB):
        check_odd_send(socket, envelope)
    total = buffer.left
    if total == 0:
        peer_of(socket, False).drop()
    done: u64 = 0
    while done < total:
        length = min(total - done, PIECE)
        try:
            if done > 0:
                preemption_point(Freezing.LATER)
            send_piece(socket, buffer, envelope, length, done > 0)
        except Errno:
            if done == 0:
                raise
            break
        done += length
    return done


def check_odd_send(socket: UnixSocket, envelope: Envelope) -> Fallible[None]:
    """EOPNOTSUPP for urgent data; EISCONN or EOPNOTSUPP for an address."""
    if envelope.has(MSG_OOB):
        raise EOPNOTSUPP
    address = envelope.address
    with socket.lock:
        if address is not None and address.length > 0:
            if socket.is_connected:
                raise EISCONN
            raise EOPNOTSUPP


@hot
def peer_of(socket: UnixSocket, goes_on: bool) -> Fallible[UnixSocket]:
    """The socket at the other end, held, when bytes may be sent to it. ENOTCONN, EPIPE, the error to be told, EIO.

    A send that goes on is told of an error first (sock_alloc_send_pskb()).
    """
    with socket.lock:
        if not socket.is_connected:
            raise ENOTCONN
        if socket.is_dead:
            raise EIO
        if socket.send_ended and not goes_on:
            raise EPIPE
        take_error(socket)
        peer = socket.peer
        if socket.send_ended or peer is None:
            raise EPIPE
        peer.hold()
        return peer


@hot
def send_piece(socket: UnixSocket, buffer: Buffer, envelope: Envelope, length: u64, goes_on: bool) -> Fallible[None]:
    """Put the next `length` bytes into the queue of the peer, with the descriptors of the envelope."""
    peer = peer_of(socket, goes_on)
    try:
        await_room(socket, envelope)
        message = new_message(socket, buffer, length)
        identify(message, envelope, socket, peer)
        message.passed = envelope.passed
        with peer.lock:
            is_gone = peer.is_dead or peer.receive_ended
            if not is_gone:
                enqueue(peer, message)
        if is_gone:
            message.free()
            raise EPIPE
        envelope.passed = None
        peer.tell_message()
    finally:
        peer.drop()


# Receiving.


@hot
def receive(socket: UnixSocket, buffer: Buffer, envelope: Envelope) -> Fallible[u64]:
    """Receive bytes, as many as there are and fit; with MSG_WAITALL as many as fit, if nothing comes in between.

    0 at the end of what the other side sends. EINVAL without a connection, EOPNOTSUPP for urgent data, ECONNRESET,
    EAGAIN, EINTR, EFAULT, EIO.
    """
    if envelope.has(MSG_OOB):
        check_urgent(socket)
    total = buffer.left
    target = max(total if envelope.has(MSG_WAITALL) else min(socket.options.low_water, total), 1)
    done: u64 = 0
    is_mine = False
    while True:
        message = await_message(socket, envelope, is_mine, done < target, done)
        if message is None:
            return done
        is_mine = True
        if not belongs(message, envelope, socket, done):
            break
        if envelope.has(MSG_PEEK):
            done = peek(socket, message, buffer, envelope)
            break
        count = min(message.left, buffer.left)
        try:
            message.give(message.taken, count, buffer)
        except Errno:
            if done == 0:
                end_reading(socket)
                raise
            break
        done += count
        if take(socket, message, count, envelope, buffer.left == 0):
            return done
    end_reading(socket)
    return done


def check_urgent(socket: UnixSocket) -> Fallible[None]:
    """EOPNOTSUPP for urgent data, EINVAL without a connection."""
    with socket.lock:
        if not socket.is_connected:
            raise EINVAL
    raise EOPNOTSUPP


def belongs(message: Message, envelope: Envelope, socket: UnixSocket, done: u64) -> bool:
    """Whether `message` may be received together with what came before; notes its sender if that was nothing."""
    if done == 0:
        tell_address(message, envelope)
        if socket.options.passes_credentials:
            envelope.identity.copy_from(message.identity)
            envelope.is_explicit = True
        return True
    return not envelope.is_explicit or envelope.identity.is_same(message.identity)


def tell_address(message: Message, envelope: Envelope) -> None:
    """Put the address of the sender where it is wanted."""
    address = envelope.address
    name = message.sender.name
    if address is not None and name is not None:
        address.set(AF_UNIX, name.content)


@hot
def take(socket: UnixSocket, message: Message, count: u64, envelope: Envelope, is_enough: bool) -> bool:
    """`count` bytes of the first message were received, with what came with them.

    Whether that ends the receive, and the turn with it: it does if it `is_enough`.
    """
    with socket.lock:
        message.taken += count
        socket.queued -= count
        take_passed(message, envelope)
        is_used_up = message.left == 0
        if is_used_up:
            dequeue(socket, message)
        is_end = is_enough or not is_used_up or envelope.passed is not None
        is_dead = is_end and end_turn(socket)
    if is_used_up:
        message.free()
    if is_dead:
        discard_rest(socket)
    return is_end


def peek(socket: UnixSocket, first: Message, buffer: Buffer, envelope: Envelope) -> Fallible[u64]:
    """MSG_PEEK: receive from `first` on, and leave all where it is. It is the caller's turn to read."""
    done: u64 = 0
    message = first
    while True:
        count = min(message.left, buffer.left)
        try:
            message.give(message.taken, count, buffer)
        except Errno:
            if done == 0:
                end_reading(socket)
                raise
            return done
        done += count
        passed = message.passed
        if passed is not None:
            envelope.passed = rights.duplicate(socket, passed)
            return done
        after = following(socket, message)
        if buffer.left == 0 or after is None or not belongs(after, envelope, socket, done):
            return done
        message = after
