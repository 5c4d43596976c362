"""Sending to and receiving from a socket, whatever its kind.

Interface: `send` and `receive`; `read_kernel` and `write_kernel` for memory of the kernel. The caller holds the open
file of the socket, and with it the socket, even if its container ends meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Fallible, MutableSlice, Slice, hot, local, u8, u64
from kernel.net.socket.buffer import Buffer
from kernel.net.socket.envelope import Envelope
from kernel.net.socket.kind import MSG_DONTWAIT, SocketKind
from kernel.net.unix import datagram, rights, stream

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


def read_kernel(socket: UnixSocket, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
    """read(2) into memory of the kernel."""
    buffer = local(Buffer)
    buffer.over_kernel(destination)
    envelope = local(Envelope)
    if not wait:
        envelope.flags = MSG_DONTWAIT
    done = receive(socket, buffer, envelope)
    rights.dispose(envelope.passed)
    rights.work_off()
    return done


def write_kernel(socket: UnixSocket, source: Slice[u8], wait: bool) -> Fallible[u64]:
    """write(2) out of memory of the kernel."""
    buffer = local(Buffer)
    buffer.over_kernel(source)
    envelope = local(Envelope)
    if not wait:
        envelope.flags = MSG_DONTWAIT
    return send(socket, buffer, envelope)
