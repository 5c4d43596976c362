"""Sockets: making, naming, connecting and closing them (socket(2), bind(2), listen(2), connect(2), accept(2), ...)."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, UserAddr, deferred, i32, local, on_error, u32, u64
from kernel.base.errno import (
    EAFNOSUPPORT,
    EBADF,
    ECONNABORTED,
    EINTR,
    EINVAL,
    ENOTCONN,
    ENOTSOCK,
    EPROTONOSUPPORT,
    ESOCKTNOSUPPORT,
)
from kernel.files.file import OpenFile
from kernel.files.flags import OpenFlags
from kernel.files.path import Lookup
from kernel.memory import user
from kernel.net.socket.address import SocketAddress
from kernel.net.socket.envelope import Envelope
from kernel.net.socket.kind import (
    AF_UNIX,
    FAMILIES_END,
    MSG_DONTWAIT,
    SOCK_RAW,
    TYPE_BITS,
    TYPES_END,
    Halves,
    SocketKind,
)
from kernel.net.unix import bind as binding
from kernel.net.unix import connection, datagram, ending
from kernel.net.unix.creation import new_socket
from kernel.net.unix.peer import Caller
from kernel.net.unix.socket import UnixSocket
from kernel.net.unix.transfer import keep_from_restart
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import advance, begin_lookup

CLOSE_ON_EXEC: u32 = u32(OpenFlags.CLOSE_ON_EXEC)
NONBLOCK: u32 = u32(OpenFlags.NONBLOCK)
"""SOCK_CLOEXEC and SOCK_NONBLOCK have the numbers of O_CLOEXEC and O_NONBLOCK."""


# What the calls share.


def socket_file(task: Thread, fd: Fd) -> Fallible[OpenFile]:
    """The open file `fd`, which is a socket; the reference is the caller's. EBADF, ENOTSOCK."""
    files = task.process.files
    file = files.get(fd)
    if file.is_path_only:
        raise EBADF
    socket_behind(file)
    file.hold()
    return file


def socket_behind(file: OpenFile) -> Fallible[UnixSocket]:
    """The socket that an open file is. ENOTSOCK."""
    ops = file.ops
    if isinstance(ops, UnixSocket):
        return ops
    raise ENOTSOCK


def take_caller(task: Thread, caller: Caller) -> None:
    """What a socket may keep of the process that makes a call."""
    process = task.process
    caller.container = process.container.id
    caller.pid = i32(process.pid)
    caller.credentials = process.credentials


def take_wait(file: OpenFile, envelope: Envelope) -> None:
    """Wait, unless the open file is not to."""
    if not file.may_wait:
        envelope.flags |= MSG_DONTWAIT


# Making.


@syscall(41, missing="families other than AF_UNIX (EAFNOSUPPORT)")
def socket(task: Thread, family: i32, type_: u32, protocol: i32) -> Fallible[Fd]:
    """socket(2)."""
    process = task.process
    kind = checked_kind(family, type_, protocol)
    made = new_socket(process.container.network, kind, process.credentials)
    file = opened(made, type_)
    with deferred(file.drop):
        return process.files.install(file, type_ & CLOSE_ON_EXEC != 0)


@syscall(53, missing="families other than AF_UNIX (EAFNOSUPPORT)")
def socketpair(task: Thread, family: i32, type_: u32, protocol: i32, ends: UserAddr) -> Fallible[None]:
    """socketpair(2)."""
    process = task.process
    files = process.files
    stack = process.container.network
    check_type_flags(type_)
    user.get(u64, ends)
    kind = checked_kind(family, type_, protocol)
    caller = local(Caller)
    take_caller(task, caller)
    one = new_socket(stack, kind, process.credentials)
    with on_error(one.drop):
        other = new_socket(stack, kind, process.credentials)
    with on_error(other.drop):
        with on_error(one.drop):
            connection.join(one, other, caller)
        first_file = opened(one, type_)
    with deferred(first_file.drop):
        second_file = opened(other, type_)
        with deferred(second_file.drop):
            close_on_exec = type_ & CLOSE_ON_EXEC != 0
            first = files.install(first_file, close_on_exec)
            with on_error(files.close_if_open, first):
                second = files.install(second_file, close_on_exec)
                with on_error(files.close_if_open, second):
                    user.put(i32, ends, i32(first))
                    user.put(i32, advance(ends, 4), i32(second))


def check_type_flags(type_: u32) -> Fallible[None]:
    """EINVAL for flags that there are not."""
    if type_ & (TYPE_BITS | CLOSE_ON_EXEC | NONBLOCK) != type_:
        raise EINVAL


def checked_kind(family: i32, type_: u32, protocol: i32) -> Fallible[SocketKind]:
    """What kind of socket is asked for. The errors of __sock_create() and unix_create(), in their order."""
    check_type_flags(type_)
    wanted = type_ & TYPE_BITS
    if family < 0 or u32(family) >= FAMILIES_END:
        raise EAFNOSUPPORT
    if wanted >= TYPES_END:
        raise EINVAL
    if u32(family) != AF_UNIX:
        raise EAFNOSUPPORT
    if protocol != 0 and protocol != i32(AF_UNIX):
        raise EPROTONOSUPPORT
    if wanted == SOCK_RAW:
        return SocketKind.DATAGRAM
    if wanted == u32(SocketKind.STREAM) or wanted == u32(SocketKind.DATAGRAM) or wanted == u32(SocketKind.SEQUENCE):
        return SocketKind(wanted)
    raise ESOCKTNOSUPPORT


def opened(made: UnixSocket, flags: u32) -> Fallible[OpenFile]:
    """An open file for a new socket, which goes if that fails."""
    with on_error(ending.discard, made):
        return made.open(flags & NONBLOCK != 0)


# Addresses.


@syscall(49)
def bind(task: Thread, fd: Fd, address: UserAddr, length: i32) -> Fallible[None]:
    """bind(2)."""
    file = socket_file(task, fd)
    with deferred(file.drop):
        given = local(SocketAddress)
        given.copy_in(address, length)
        lookup = local(Lookup)
        begin_lookup(task, lookup)
        binding.bind(socket_behind(file), given, lookup, task.process.umask)


@syscall(51)
def getsockname(task: Thread, fd: Fd, address: UserAddr, length: UserAddr) -> Fallible[None]:
    """getsockname(2)."""
    file = socket_file(task, fd)
    with deferred(file.drop):
        put_name(socket_behind(file), address, length)


@syscall(52)
def getpeername(task: Thread, fd: Fd, address: UserAddr, length: UserAddr) -> Fallible[None]:
    """getpeername(2)."""
    file = socket_file(task, fd)
    with deferred(file.drop):
        peer = socket_behind(file).held_peer()
        if peer is None:
            raise ENOTCONN
        with deferred(peer.drop):
            put_name(peer, address, length)


def put_name(named: UnixSocket, address: UserAddr, length: UserAddr) -> Fallible[None]:
    """Give the address of a socket to a program: without one only the family."""
    answer = local(SocketAddress)
    name = named.name
    answer.set(AF_UNIX, b"" if name is None else name.content)
    answer.copy_out(address, length)


# Connections.


@syscall(50)
def listen(task: Thread, fd: Fd, backlog: u32) -> Fallible[None]:
    """listen(2)."""
    file = socket_file(task, fd)
    with deferred(file.drop):
        listener = socket_behind(file)
        caller = local(Caller)
        take_caller(task, caller)
        connection.listen(listener, min(u64(backlog), listener.stack.backlog_max), caller)


@syscall(42)
def connect(task: Thread, fd: Fd, address: UserAddr, length: i32) -> Fallible[None]:
    """connect(2)."""
    file = socket_file(task, fd)
    with deferred(file.drop):
        given = local(SocketAddress)
        given.copy_in(address, length)
        lookup = local(Lookup)
        begin_lookup(task, lookup)
        made = socket_behind(file)
        if made.kind == SocketKind.DATAGRAM:
            datagram.connect(made, given, lookup)
            return
        caller = local(Caller)
        take_caller(task, caller)
        envelope = local(Envelope)
        take_wait(file, envelope)
        try:
            connection.connect(made, given, lookup, envelope, caller)
        except EINTR:
            keep_from_restart(task, made.options.send_timeout)
            raise


@syscall(43)
def accept(task: Thread, fd: Fd, address: UserAddr, length: UserAddr) -> Fallible[Fd]:
    """accept(2)."""
    return accept4(task, fd, address, length, 0)


@syscall(288)
def accept4(task: Thread, fd: Fd, address: UserAddr, length: UserAddr, flags: u32) -> Fallible[Fd]:
    """accept4(2)."""
    files = task.process.files
    if not files.get(fd).is_path_only and flags & (CLOSE_ON_EXEC | NONBLOCK) != flags:
        raise EINVAL
    file = socket_file(task, fd)
    with deferred(file.drop):
        files.check_free()
        listener = socket_behind(file)
        envelope = local(Envelope)
        take_wait(file, envelope)
        try:
            accepted = connection.accept(listener, envelope, task.process.credentials, flags & NONBLOCK != 0)
        except EINTR:
            keep_from_restart(task, listener.options.receive_timeout)
            raise
        with deferred(accepted.drop):
            if u64(address) != 0:
                put_peer_name(socket_behind(accepted), address, length)
            return files.install(accepted, flags & CLOSE_ON_EXEC != 0)


def put_peer_name(accepted: UnixSocket, address: UserAddr, length: UserAddr) -> Fallible[None]:
    """Give the address of who connected. ECONNABORTED when its container is gone already."""
    peer = accepted.held_peer()
    if peer is None:
        raise ECONNABORTED
    with deferred(peer.drop):
        put_name(peer, address, length)


@syscall(48)
def shutdown(task: Thread, fd: Fd, how: i32) -> Fallible[None]:
    """shutdown(2)."""
    file = socket_file(task, fd)
    with deferred(file.drop):
        if how < 0 or how > i32(Halves.BOTH):
            raise EINVAL
        connection.shut_down(socket_behind(file), Halves(how))
