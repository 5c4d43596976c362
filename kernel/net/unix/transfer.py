"""Sending to and receiving from a socket, whatever its kind.

Interface: `send_for` and `receive_for` for the calls of sockets, `write` and `read` for those of files. The caller
holds the open file of the socket, and with it the socket, even if its container ends meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Errno, Fallible, Nanoseconds, hot, i32, local, u32, u64
from kernel.base.errno import EINTR, EPIPE
from kernel.machine.trap import NO_CALL
from kernel.memory.buffer import Buffer
from kernel.net.socket.envelope import Envelope
from kernel.net.socket.kind import MSG_DONTWAIT, MSG_NOSIGNAL, SocketKind
from kernel.net.unix import datagram, rights, stream
from kernel.process.send import send_to_thread
from kernel.process.signal_table import Signal
from kernel.sched.cpu import current
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER

if TYPE_CHECKING:
    from kernel.net.unix.socket import UnixSocket


@hot
def send(socket: UnixSocket, buffer: Buffer, envelope: Envelope) -> Fallible[u64]:
    """Send all that is left in `buffer`; how much was sent. The descriptors in the envelope are given away.

    EPIPE when nobody can receive it: of a stream, the caller is to get SIGPIPE (send(2)).
    """
    try:
        if socket.kind == SocketKind.STREAM:
            return stream.send(socket, buffer, envelope)
        return datagram.send(socket, buffer, envelope)
    finally:
        if envelope.passed is not None:
            rights.dispose(envelope.passed)
            envelope.passed = None
            rights.work_off()


@hot
def receive(socket: UnixSocket, buffer: Buffer, envelope: Envelope) -> Fallible[u64]:
    """Receive into `buffer`; how much was received. Descriptors that have come are the caller's to dispose of."""
    if socket.kind == SocketKind.STREAM:
        return stream.receive(socket, buffer, envelope)
    return datagram.receive(socket, buffer, envelope)


@hot
def send_for(thread: Thread, socket: UnixSocket, buffer: Buffer, envelope: Envelope) -> Fallible[u64]:
    """Send for `thread`, the running one, with SIGPIPE when a stream is broken and MSG_NOSIGNAL is not set."""
    process = thread.process
    if not envelope.is_explicit:
        own = process.credentials
        envelope.identity.set(process.container.id, i32(process.pid), own.real_user, own.real_group)
    try:
        return send(socket, buffer, envelope)
    except Errno as error:
        if error.code == EPIPE.code and socket.kind == SocketKind.STREAM and not envelope.has(MSG_NOSIGNAL):
            send_to_thread(thread, u32(Signal.PIPE))
        if error.code == EINTR.code:
            keep_from_restart(thread, socket.options.send_timeout)
        raise


@hot
def receive_for(thread: Thread, socket: UnixSocket, buffer: Buffer, envelope: Envelope) -> Fallible[u64]:
    """Receive for `thread`, the running one. The descriptors that come are the caller's to dispose of."""
    try:
        return receive(socket, buffer, envelope)
    except EINTR:
        keep_from_restart(thread, socket.options.receive_timeout)
        raise


def keep_from_restart(thread: Thread, timeout: Nanoseconds) -> None:
    """A call that was interrupted is not made again after the handler, if there was a timeout for it (signal(7))."""
    if timeout != NEVER:
        thread.frame.error = NO_CALL


@hot
def write(socket: UnixSocket, buffer: Buffer, wait: bool) -> Fallible[u64]:
    """write(2) and writev(2): one call sends it all."""
    envelope = local(Envelope)
    if not wait:
        envelope.flags = MSG_DONTWAIT
    return send_for(current(), socket, buffer, envelope)


@hot
def read(socket: UnixSocket, buffer: Buffer, wait: bool) -> Fallible[u64]:
    """read(2), readv(2): nothing is read into no room, and descriptors that come are closed."""
    if buffer.left == 0:
        return 0
    envelope = local(Envelope)
    if not wait:
        envelope.flags = MSG_DONTWAIT
    done = receive_for(current(), socket, buffer, envelope)
    if envelope.passed is not None:
        rights.dispose(envelope.passed)
        rights.work_off()
    return done
