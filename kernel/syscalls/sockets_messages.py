"""Messages of sockets: send(2), sendmsg(2), sendmmsg(2), recv(2), recvmsg(2), recvmmsg(2)."""

from __future__ import annotations

from codegen.lang import (
    Errno,
    Fallible,
    Fd,
    Nanoseconds,
    UserAddr,
    UserSlice,
    address_of,
    deferred,
    i32,
    local,
    offset_of,
    size_of,
    slice_at,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EAGAIN, EINVAL, EMSGSIZE
from kernel.files.file import OpenFile
from kernel.files.path import Lookup
from kernel.memory import user
from kernel.memory.buffer import COUNT_MAX, VECTORS_MAX, Buffer
from kernel.net.socket.address import ADDRESS_MAX, SocketAddress
from kernel.net.socket.envelope import Envelope
from kernel.net.socket.kind import MSG_CMSG_CLOEXEC, MSG_DONTWAIT, MSG_WAITFORONE
from kernel.net.unix import rights
from kernel.net.unix.transfer import receive_for, send_for
from kernel.sched.preemption import Freezing, preemption_point
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER, now
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_poll import deadline_at, put_remaining
from kernel.syscalls.files_support import advance, begin_lookup
from kernel.syscalls.sockets import socket_behind, socket_file, take_wait
from kernel.syscalls.sockets_control import ControlOut, put_control, take_control

MESSAGES_MAX: u64 = 1024
"""UIO_MAXIOV: how many messages sendmmsg(2) and recvmmsg(2) transfer at most."""
RECORD: u64 = 64
"""The size of a `struct mmsghdr`: a message header, and how many bytes were transferred."""
LENGTH_OFFSET: u64 = 56
NOTHING = UserAddr(0)


@struct(size=56)
class MessageHeader:
    """`struct msghdr` (sendmsg(2))."""

    name: u64 = 0
    name_length: i32 = 0
    padding: u32 = 0
    vectors: u64 = 0
    vector_count: u64 = 0
    control: u64 = 0
    control_length: u64 = 0
    flags: u32 = 0
    more_padding: u32 = 0

    def copy_in(self, address: UserAddr, buffer: Buffer) -> Fallible[None]:
        """Take a header from a program, and let `buffer` be the places that it names. EFAULT, EINVAL, EMSGSIZE."""
        user.copy_in(slice_at(u8, address_of(self), size_of(MessageHeader)), UserSlice(address, size_of(MessageHeader)))
        if self.name_length < 0:
            raise EINVAL
        if self.vector_count > VECTORS_MAX:
            raise EMSGSIZE
        buffer.over_vectors(UserAddr(self.vectors), self.vector_count)


# Sending.


@syscall(44, missing="MSG_OOB (EOPNOTSUPP)")
def sendto(
    task: Thread, fd: Fd, content: UserAddr, length: u64, flags: u32, address: UserAddr, address_length: i32
) -> Fallible[u64]:
    """sendto(2), send(2)."""
    file = socket_file(task, fd)
    with deferred(file.drop):
        buffer = local(Buffer)
        buffer.over_user(UserSlice(content, min(length, COUNT_MAX)))
        envelope = local(Envelope)
        envelope.flags = flags
        take_wait(file, envelope)
        if address == NOTHING:
            return send_for(task, socket_behind(file), buffer, envelope)
        given = local(SocketAddress)
        given.copy_in(address, address_length)
        envelope.address = given
        lookup = local(Lookup)
        begin_lookup(task, lookup)
        envelope.lookup = lookup
        return send_for(task, socket_behind(file), buffer, envelope)


@syscall(46, missing="MSG_OOB (EOPNOTSUPP)")
def sendmsg(task: Thread, fd: Fd, message: UserAddr, flags: u32) -> Fallible[u64]:
    """sendmsg(2)."""
    file = socket_file(task, fd)
    with deferred(file.drop):
        return send_message(task, file, message, flags)


def send_message(task: Thread, file: OpenFile, message: UserAddr, flags: u32) -> Fallible[u64]:
    """Send what a message header of a program names."""
    header = local(MessageHeader)
    buffer = local(Buffer)
    header.copy_in(message, buffer)
    envelope = local(Envelope)
    envelope.flags = flags
    take_wait(file, envelope)
    given = local(SocketAddress)
    lookup = local(Lookup)
    if header.name != 0 and header.name_length > 0:
        given.copy_in(UserAddr(header.name), min(header.name_length, ADDRESS_MAX))
        envelope.address = given
        begin_lookup(task, lookup)
        envelope.lookup = lookup
    socket = socket_behind(file)
    take_control(task, socket, UserAddr(header.control), header.control_length, envelope)
    return send_for(task, socket, buffer, envelope)


@syscall(307, missing="MSG_OOB (EOPNOTSUPP)")
def sendmmsg(task: Thread, fd: Fd, messages: UserAddr, count: u32, flags: u32) -> Fallible[u64]:
    """sendmmsg(2)."""
    file = socket_file(task, fd)
    with deferred(file.drop):
        done: u64 = 0
        while done < min(u64(count), MESSAGES_MAX):
            record = advance(messages, done * RECORD)
            try:
                if done > 0:
                    preemption_point(Freezing.LATER)
                sent = send_message(task, file, record, flags)
                user.put(u32, advance(record, LENGTH_OFFSET), u32(sent))
            except Errno:
                if done == 0:
                    raise
                return done
            done += 1
        return done


# Receiving.


@syscall(45, missing="MSG_OOB, MSG_ERRQUEUE")
def recvfrom(
    task: Thread, fd: Fd, content: UserAddr, length: u64, flags: u32, address: UserAddr, address_length: UserAddr
) -> Fallible[u64]:
    """recvfrom(2), recv(2)."""
    file = socket_file(task, fd)
    with deferred(file.drop):
        buffer = local(Buffer)
        buffer.over_user(UserSlice(content, min(length, COUNT_MAX)))
        envelope = local(Envelope)
        envelope.flags = flags
        take_wait(file, envelope)
        sender = local(SocketAddress)
        if address != NOTHING:
            envelope.address = sender
        done = receive_for(task, socket_behind(file), buffer, envelope)
        with deferred(dispose, envelope):
            if address != NOTHING:
                sender.copy_out(address, address_length)
        return done


def dispose(envelope: Envelope) -> None:
    """Close the descriptors that came with a message, if there is no place to tell them."""
    if envelope.passed is not None:
        rights.dispose(envelope.passed)
        rights.work_off()


@syscall(47, missing="MSG_OOB, MSG_ERRQUEUE")
def recvmsg(task: Thread, fd: Fd, message: UserAddr, flags: u32) -> Fallible[u64]:
    """recvmsg(2)."""
    file = socket_file(task, fd)
    with deferred(file.drop):
        return receive_message(task, file, message, flags)


def receive_message(task: Thread, file: OpenFile, message: UserAddr, flags: u32) -> Fallible[u64]:
    """Receive to where a message header of a program says."""
    header = local(MessageHeader)
    buffer = local(Buffer)
    header.copy_in(message, buffer)
    envelope = local(Envelope)
    envelope.flags = flags
    take_wait(file, envelope)
    sender = local(SocketAddress)
    if header.name != 0:
        envelope.address = sender
    socket = socket_behind(file)
    done = receive_for(task, socket, buffer, envelope)
    out = local(ControlOut)
    out.begin(UserAddr(header.control), header.control_length)
    put_control(task, socket, envelope, out)
    if header.name != 0:
        sender.copy_out(UserAddr(header.name), advance(message, offset_of(MessageHeader, "name_length")))
    told = envelope.told | out.told | flags & MSG_CMSG_CLOEXEC
    user.put(u32, advance(message, offset_of(MessageHeader, "flags")), told)
    user.put(u64, advance(message, offset_of(MessageHeader, "control_length")), header.control_length - out.left)
    return done


@syscall(299, missing="MSG_OOB, MSG_ERRQUEUE; the first wait heeds no timeout, as on Linux")
def recvmmsg(task: Thread, fd: Fd, messages: UserAddr, count: u32, flags: u32, time: UserAddr) -> Fallible[u64]:
    """recvmmsg(2)."""
    deadline = deadline_at(time, 1)
    file = socket_file(task, fd)
    with deferred(file.drop):
        done = receive_messages(task, file, messages, min(u64(count), MESSAGES_MAX), flags, deadline)
    put_remaining(time, deadline, 1)
    return done


def receive_messages(
    task: Thread, file: OpenFile, messages: UserAddr, count: u64, flags: u32, deadline: Nanoseconds
) -> Fallible[u64]:
    """Receive up to `count` messages, until `deadline`. An error after the first one is left for the next call."""
    socket = socket_behind(file)
    socket.check_error()
    asked = flags & (MSG_WAITFORONE ^ 0xFFFF_FFFF)
    done: u64 = 0
    while done < count:
        record = advance(messages, done * RECORD)
        try:
            if done > 0:
                preemption_point(Freezing.LATER)
            received = receive_message(task, file, record, asked)
            user.put(u32, advance(record, LENGTH_OFFSET), u32(received))
        except Errno as error:
            if done == 0:
                raise
            if error.code != EAGAIN.code:
                socket.set_error(error.code)
            return done
        done += 1
        if flags & MSG_WAITFORONE != 0:
            asked |= MSG_DONTWAIT
        if deadline != NEVER and now() >= deadline:
            return done
    return done
