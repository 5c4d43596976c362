"""The queue of a socket: the messages that it has received and its program has not.

Interface: `enqueue` and `dequeue` under the lock of the socket; `discard`, `recall` and `discard_all` for messages that
nobody will receive, after which `rights.work_off` is to be called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.files.poll import readiness_changed
from kernel.net.socket.envelope import Envelope
from kernel.net.socket.kind import SocketKind
from kernel.net.stack import NetworkStack
from kernel.net.unix import rights
from kernel.net.unix.message import Message

if TYPE_CHECKING:
    from kernel.net.unix.socket import UnixSocket


def enqueue(socket: UnixSocket, message: Message) -> None:
    """Put a message at the end. The lock is held, and nobody has been told yet."""
    socket.messages.push_last(message)
    socket.queued += message.length
    passed = message.passed
    if passed is not None:
        rights.launch(passed, socket)
    message.launch(socket)


def dequeue(socket: UnixSocket, message: Message) -> None:
    """Take a message out. The lock is held."""
    socket.messages.remove(message)
    socket.queued -= message.left
    passed = message.passed
    if passed is not None:
        rights.land(passed)
    message.land(socket)
    if socket.kind == SocketKind.DATAGRAM:
        socket.vacancies.fetch_add(1)
        socket.visitors.wake()
        readiness_changed(socket.source)


def take_passed(message: Message, envelope: Envelope) -> None:
    """Take the descriptors off a message in a queue, for who receives it. The lock of the socket is held."""
    passed = message.passed
    if passed is not None:
        rights.land(passed)
        envelope.passed = passed
        message.passed = None


def following(socket: UnixSocket, message: Message) -> Message | None:
    """The message behind one in the queue."""
    with socket.lock:
        return message.link.next


def discard(socket: UnixSocket) -> None:
    """Empty the queue, unless somebody is reading: who does so empties it, where it has to be (`end_reading`)."""
    while True:
        with socket.lock:
            message = None if socket.is_reading else socket.messages.first
            if message is None:
                return
            dequeue(socket, message)
        discard_message(message)


def recall(socket: UnixSocket, stack: NetworkStack) -> bool:
    """Take what was sent from `stack` out of the queue, but for what is just being read; whether there was anything."""
    found = False
    while True:
        with socket.lock:
            message = first_from(socket, stack)
            if message is None:
                return found
            dequeue(socket, message)
        discard_message(message)
        found = True


def first_from(socket: UnixSocket, stack: NetworkStack) -> Message | None:
    """The first message in the queue from `stack` that is not being read. The lock is held."""
    for message in socket.messages:
        is_read = socket.is_reading and message is socket.messages.first
        if message.sender.stack is stack and not is_read:
            return message
    return None


def discard_message(message: Message) -> None:
    """Give back a message that is in no queue."""
    rights.dispose(message.passed)
    message.free()


def discard_all(socket: UnixSocket) -> None:
    """Nobody can receive from `socket`: empty its queue, and those of connections that wait to be accepted."""
    discard(socket)
    with socket.lock:
        count = socket.pending.count
    for _ in range(count):
        with socket.lock:
            waiting = socket.pending.pop_first()
            if waiting is None:
                return
            socket.pending.push_last(waiting)
            waiting.hold()
        discard(waiting)
        waiting.drop()
