"""What sending and receiving have in common: waiting for room, for a message, and for one's turn to read.

Interface: `await_room` before a message is made; `await_message`, then `end_reading`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Errno, Fallible, errno_of, hot, u64
from kernel.base.errno import EAGAIN, EINVAL, EIO, ENOTCONN, EPIPE
from kernel.net.socket.envelope import Envelope
from kernel.net.socket.kind import SocketKind
from kernel.net.unix import queue, rights
from kernel.net.unix.message import Message

if TYPE_CHECKING:
    from kernel.net.unix.socket import UnixSocket


# Sending.


def check_sender(socket: UnixSocket, errors_first: bool) -> Fallible[None]:
    """EIO, EPIPE, or the error that is to be told, for who wants to send from `socket`. Its lock is held."""
    if socket.is_dead:
        raise EIO
    if not errors_first and socket.send_ended:
        raise EPIPE
    take_error(socket)
    if socket.send_ended:
        raise EPIPE


def take_error(socket: UnixSocket) -> Fallible[None]:
    """Fail with the error that is to be told once, if there is one. The lock is held."""
    code = socket.error
    if code != 0:
        socket.error = 0
        raise errno_of(code)


def has_room(socket: UnixSocket) -> bool:
    """Whether a message may be sent from `socket`: one more than fits, as on Linux (sock_alloc_send_pskb())."""
    return socket.charged.load() < socket.options.send_buffer


def await_room(socket: UnixSocket, envelope: Envelope) -> Fallible[None]:
    """Sleep until there is room for a message from `socket`. EAGAIN unless it may wait, EINTR, `check_sender`."""
    if has_room(socket):
        return
    if not envelope.may_wait:
        raise EAGAIN
    deadline = envelope.end_of_wait(socket.options.send_timeout)
    while True:
        seen = socket.senders.enter()
        try:
            with socket.lock:
                check_sender(socket, True)
            if has_room(socket):
                return
            if not socket.senders.sleep(seen, deadline):
                raise EAGAIN
        finally:
            socket.senders.leave()


def identify(message: Message, envelope: Envelope, socket: UnixSocket, target: UnixSocket) -> None:
    """Let `message` say who sends it, if one of the two wants that (maybe_add_creds()).

    A socket that waits to be accepted may want it then.
    """
    wanted = socket.options.passes_credentials or target.options.passes_credentials or target.file is None
    if wanted or envelope.is_explicit:
        message.identity.copy_from(envelope.identity)


# Receiving.


@hot
def await_message(
    socket: UnixSocket, envelope: Envelope, is_mine: bool, wants: bool, done: u64
) -> Fallible[Message | None]:
    """The first message in the queue. It is the caller's turn to read then, to be ended by `end_reading`.

    None, and no turn, when there is none and the caller has enough (not `wants`) or none will come. `is_mine` says that
    it is the caller's turn already, and `done` how many bytes it has: after some, an error is left for the next call.
    EINVAL or ENOTCONN without a connection, ECONNRESET, EAGAIN unless it may wait, EINTR, EIO.
    """
    while True:
        is_turn = True
        with socket.lock:
            if socket.kind != SocketKind.STREAM:
                take_error(socket)
            if socket.is_reading and not is_mine:
                is_turn = False
                seen = socket.turns.enter()
            else:
                message = socket.messages.first
                if message is not None and not socket.is_dead:
                    socket.is_reading = True
                    return message
                if is_mine:
                    end_turn(socket)
                    is_mine = False
                if not wants or is_over(socket, envelope, done):
                    return None
                if not envelope.may_wait:
                    if done > 0:
                        return None
                    raise EAGAIN
                seen = socket.readers.enter()
        if is_turn:
            if not sleep_for_message(socket, envelope, seen, done):
                return None
        else:
            socket.turns.queue.sleep_uninterrupted(seen)
            socket.turns.leave()


def is_over(socket: UnixSocket, envelope: Envelope, done: u64) -> Fallible[bool]:
    """Whether no message will come. The error that is to be told, EINVAL or ENOTCONN, EIO. The lock is held.

    Who does not wait at SOCK_DGRAM is not told that: there is nothing now (unix_dgram_recvmsg()).
    """
    if done > 0 and (socket.is_dead or socket.error != 0):
        return True
    if socket.kind == SocketKind.STREAM:
        if not socket.is_connected:
            raise EINVAL
    elif socket.is_unconnected or socket.is_listening:
        raise ENOTCONN
    if socket.is_dead:
        raise EIO
    take_error(socket)
    return socket.receive_ended and (envelope.may_wait or socket.kind != SocketKind.DATAGRAM)


def sleep_for_message(socket: UnixSocket, envelope: Envelope, seen: u64, done: u64) -> Fallible[bool]:
    """Sleep until something arrives. EAGAIN when it takes too long, EINTR; after some bytes (`done`) False instead."""
    try:
        if socket.readers.sleep(seen, envelope.end_of_wait(socket.options.receive_timeout)):
            return True
        raise EAGAIN
    except Errno:
        if done == 0:
            raise
        return False
    finally:
        socket.readers.leave()


@hot
def end_turn(socket: UnixSocket) -> bool:
    """Let others read. The lock is held. Whether the socket is dead by now: then it is for the caller to empty it."""
    socket.is_reading = False
    socket.turns.wake()
    return socket.is_dead


def discard_rest(socket: UnixSocket) -> None:
    """Empty the queue of a socket that died during the caller's turn."""
    queue.discard(socket)
    rights.work_off()


@hot
def end_reading(socket: UnixSocket) -> None:
    """The caller has read what it wanted: let others read, or empty the queue of a socket that is dead by now."""
    with socket.lock:
        is_dead = end_turn(socket)
    if is_dead:
        discard_rest(socket)
