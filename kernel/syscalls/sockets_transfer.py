"""Transfers between programs and sockets, by whatever call: who sends, what waits, and the signal of a broken stream.

Interface: `send_from` and `receive_into` for the calls of sockets; `write_…` and `read_…` for those of files.
"""

from __future__ import annotations

from codegen.lang import Errno, Fallible, UserSlice, hot, i32, local, u32, u64
from kernel.base.errno import EINTR, EPIPE
from kernel.net.socket.buffer import Buffer
from kernel.net.socket.envelope import Envelope
from kernel.net.socket.kind import MSG_DONTWAIT, MSG_NOSIGNAL, SocketKind
from kernel.net.unix import rights, transfer
from kernel.net.unix.socket import UnixSocket
from kernel.process.send import send_to_thread
from kernel.process.signal_table import Signal
from kernel.sched.cpu import current
from kernel.sched.thread import Thread
from kernel.syscalls.sockets import keep_from_restart


@hot
def send_from(task: Thread, socket: UnixSocket, buffer: Buffer, envelope: Envelope) -> Fallible[u64]:
    """Send for `task`, with SIGPIPE when a stream is broken and MSG_NOSIGNAL is not set."""
    process = task.process
    if not envelope.is_explicit:
        own = process.credentials
        envelope.identity.set(process.container.id, i32(process.pid), own.real_user, own.real_group)
    try:
        return transfer.send(socket, buffer, envelope)
    except Errno as error:
        if error.code == EPIPE.code and socket.kind == SocketKind.STREAM and not envelope.has(MSG_NOSIGNAL):
            send_to_thread(task, u32(Signal.PIPE))
        if error.code == EINTR.code:
            keep_from_restart(task, socket.options.send_timeout)
        raise


@hot
def receive_into(task: Thread, socket: UnixSocket, buffer: Buffer, envelope: Envelope) -> Fallible[u64]:
    """Receive for `task`. The descriptors that come are the caller's to dispose of."""
    try:
        return transfer.receive(socket, buffer, envelope)
    except EINTR:
        keep_from_restart(task, socket.options.receive_timeout)
        raise


@hot
def write_to_socket(task: Thread, socket: UnixSocket, source: UserSlice, wait: bool) -> Fallible[u64]:
    """write(2)."""
    buffer = local(Buffer)
    buffer.over_user(source.address, source.length)
    return write_socket(task, socket, buffer, wait)


@hot
def read_from_socket(socket: UnixSocket, destination: UserSlice, wait: bool) -> Fallible[u64]:
    """read(2)."""
    buffer = local(Buffer)
    buffer.over_user(destination.address, destination.length)
    return read_socket(current(), socket, buffer, wait)


@hot
def write_socket(task: Thread, socket: UnixSocket, buffer: Buffer, wait: bool) -> Fallible[u64]:
    """write(2) and writev(2): one call sends it all."""
    envelope = local(Envelope)
    if not wait:
        envelope.flags = MSG_DONTWAIT
    return send_from(task, socket, buffer, envelope)


@hot
def read_socket(task: Thread, socket: UnixSocket, buffer: Buffer, wait: bool) -> Fallible[u64]:
    """read(2), readv(2): nothing is read into no room, and descriptors that come are closed."""
    if buffer.left == 0:
        return 0
    envelope = local(Envelope)
    if not wait:
        envelope.flags = MSG_DONTWAIT
    done = receive_into(task, socket, buffer, envelope)
    if envelope.passed is not None:
        rights.dispose(envelope.passed)
        rights.work_off()
    return done
