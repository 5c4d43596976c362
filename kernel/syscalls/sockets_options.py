"""setsockopt(2) and getsockopt(2) at the level of sockets (socket(7)); AF_UNIX has none of its own.

An option that changes nothing here is kept and told. One that is not here is ENOPROTOOPT, as where Linux was built
without it.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Fd,
    MutableSlice,
    Nanoseconds,
    Slice,
    UserAddr,
    copy,
    deferred,
    fill,
    i32,
    i64,
    invert,
    local,
    local_array,
    store,
    truncate,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EDOM, EINVAL, ENODATA, ENOPROTOOPT, ENOTCONN, EOPNOTSUPP, EPERM, ERANGE
from kernel.files.capability import Capability
from kernel.files.credentials import GROUPS_MAX
from kernel.memory import user
from kernel.net.socket.address import SocketAddress
from kernel.net.socket.kind import AF_UNIX
from kernel.net.socket.options import (
    BUFFER_DEFAULT,
    RECEIVE_BUFFER_MIN,
    SEND_BUFFER_MIN,
    SO_TIMESTAMP,
    SO_TIMESTAMP_NEW,
    SO_TIMESTAMPNS,
    SO_TIMESTAMPNS_NEW,
    SocketOptions,
)
from kernel.net.unix.socket import UnixSocket
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import advance, put_bytes
from kernel.syscalls.sockets import socket_behind, socket_file
from kernel.syscalls.sockets_control import CREDENTIALS_SIZE

SOL_SOCKET: u32 = 1
SO_TYPE: u32 = 3
SO_ERROR: u32 = 4
SO_SNDBUF: u32 = 7
SO_RCVBUF: u32 = 8
SO_PRIORITY: u32 = 12
SO_LINGER: u32 = 13
SO_REUSEPORT: u32 = 15
SO_PASSCRED: u32 = 16
SO_PEERCRED: u32 = 17
SO_RCVLOWAT: u32 = 18
SO_SNDLOWAT: u32 = 19
SO_RCVTIMEO: u32 = 20
SO_SNDTIMEO: u32 = 21
SO_BINDTODEVICE: u32 = 25
SO_PEERNAME: u32 = 28
SO_ACCEPTCONN: u32 = 30
SO_SNDBUFFORCE: u32 = 32
SO_RCVBUFFORCE: u32 = 33
SO_MARK: u32 = 36
SO_PROTOCOL: u32 = 38
SO_DOMAIN: u32 = 39
SO_COOKIE: u32 = 57
SO_PEERGROUPS: u32 = 59
SO_RCVTIMEO_NEW: u32 = 66
SO_SNDTIMEO_NEW: u32 = 67
SO_BUF_LOCK: u32 = 72
"""The numbers of options (asm-generic/socket.h)."""

SWITCHES = (1, 2, 5, 6, 9, 10, 11, 34, 40, 41, 45)
"""SO_DEBUG REUSEADDR DONTROUTE BROADCAST KEEPALIVE OOBINLINE NO_CHECK PASSSEC RXQ_OVFL WIFI_STATUS SELECT_ERR_QUEUE: on
or off, and without a meaning here."""
TIMES = (SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW)
INT_SIZE: u64 = 4
LINGER_SIZE: u64 = 8
TIME_SIZE: u64 = 16
"""A `struct timeval`: seconds and microseconds."""
SECOND: u64 = 1_000_000_000
MICROSECONDS: i64 = 1_000_000
LONGEST: u64 = 9_000_000_000
"""Seconds: a longer timeout is none."""
LARGEST: u64 = 0x7FFF_FFFF
SEND_LOCK: u32 = 1
RECEIVE_LOCK: u32 = 2
PRIORITY_MAX: u32 = 6
"""The highest priority for who is not user 0."""


@syscall(54, missing="levels other than SOL_SOCKET; filters, busy polling, SO_TIMESTAMPING, SO_PEEK_OFF (ENOPROTOOPT)")
def setsockopt(task: Thread, fd: Fd, level: u32, option: u32, value: UserAddr, length: i32) -> Fallible[None]:
    """setsockopt(2)."""
    file = socket_file(task, fd)
    with deferred(file.drop):
        if length < 0:
            raise EINVAL
        if level != SOL_SOCKET:
            raise EOPNOTSUPP
        if u64(length) < INT_SIZE:
            raise EINVAL
        set_option(task, socket_behind(file).options, option, value, u64(length))


def set_option(task: Thread, options: SocketOptions, option: u32, value: UserAddr, length: u64) -> Fallible[None]:
    """Set one option: its value is an int, but for times and SO_LINGER."""
    number = user.get(i32, value)
    may_force = task.process.credentials.has(Capability.NET_ADMIN)
    if is_switch(option):
        set_bit(options, option, number != 0)
    elif is_time_option(option):
        set_time_option(options, option, number != 0)
    elif option == SO_SNDBUF or (option == SO_SNDBUFFORCE and may_force):
        options.send_buffer = buffer_size(number, option == SO_SNDBUFFORCE, SEND_BUFFER_MIN)
        options.buffer_locks |= SEND_LOCK
    elif option == SO_RCVBUF or (option == SO_RCVBUFFORCE and may_force):
        options.receive_buffer = buffer_size(number, option == SO_RCVBUFFORCE, RECEIVE_BUFFER_MIN)
        options.buffer_locks |= RECEIVE_LOCK
    elif option == SO_PASSCRED:
        options.passes_credentials = number != 0
    elif option == SO_RCVLOWAT:
        options.low_water = LARGEST if number < 0 else max(u64(number), 1)
    elif option == SO_RCVTIMEO or option == SO_RCVTIMEO_NEW:
        options.receive_timeout = take_timeout(value, length)
    elif option == SO_SNDTIMEO or option == SO_SNDTIMEO_NEW:
        options.send_timeout = take_timeout(value, length)
    elif option == SO_LINGER:
        if length < LINGER_SIZE:
            raise EINVAL
        options.linger_seconds = user.get(u32, advance(value, INT_SIZE))
        options.lingers = number != 0
    else:
        set_rare_option(options, option, number, may_force)


def set_rare_option(options: SocketOptions, option: u32, number: i32, may_force: bool) -> Fallible[None]:
    """The options that few programs set. EPERM for what only user 0 may."""
    if option == SO_PRIORITY:
        if not may_force and not 0 <= number <= PRIORITY_MAX:
            raise EPERM
        options.priority = truncate(u32, number)
    elif option == SO_MARK or option == SO_SNDBUFFORCE or option == SO_RCVBUFFORCE:
        if not may_force:
            raise EPERM
        options.mark = truncate(u32, number)
    elif option == SO_REUSEPORT:
        if number != 0:
            raise EOPNOTSUPP
    elif option == SO_BUF_LOCK:
        if number & i32(SEND_LOCK | RECEIVE_LOCK) != number:
            raise EINVAL
        options.buffer_locks = u32(number)
    else:
        raise ENOPROTOOPT


def is_switch(option: u32) -> bool:
    """Whether an option is on or off and nothing else."""
    for known in SWITCHES:
        if option == known:
            return True
    return False


def is_time_option(option: u32) -> bool:
    """Whether an option lets times be told."""
    for known in TIMES:
        if option == known:
            return True
    return False


def set_bit(options: SocketOptions, option: u32, is_on: bool) -> None:
    """Note one of the options that are on or off."""
    bit = u64(1) << option
    options.flags = options.flags | bit if is_on else options.flags & invert(u64, bit)


def set_time_option(options: SocketOptions, option: u32, is_on: bool) -> None:
    """Tell times in this form, or in none."""
    options.passes_time = option if is_on else 0


def buffer_size(number: i32, forced: bool, least: u64) -> u64:
    """What SO_SNDBUF or SO_RCVBUF make of a value: twice as much, as Linux counts its own records, too."""
    wanted = truncate(u32, number) if not forced else u32(max(number, 0))
    limit = LARGEST // 2 if forced else BUFFER_DEFAULT
    return max(min(u64(wanted), limit) * 2, least)


def take_timeout(value: UserAddr, length: u64) -> Fallible[Nanoseconds]:
    """How long a `struct timeval` lets calls wait: 0 for ever, less not at all. EINVAL, EDOM, EFAULT."""
    if length < TIME_SIZE:
        raise EINVAL
    seconds, rest = user.get(i64, value), user.get(i64, advance(value, 8))
    if not 0 <= rest < MICROSECONDS:
        raise EDOM
    if seconds < 0:
        return Nanoseconds(0)
    if (seconds == 0 and rest == 0) or u64(seconds) >= LONGEST:
        return NEVER
    return Nanoseconds(u64(seconds) * SECOND + u64(rest) * 1000)


@syscall(55, missing="levels other than SOL_SOCKET; filters, SO_TIMESTAMPING, SO_PEEK_OFF, SO_PEERSEC (ENOPROTOOPT)")
def getsockopt(task: Thread, fd: Fd, level: u32, option: u32, value: UserAddr, length: UserAddr) -> Fallible[None]:
    """getsockopt(2)."""
    file = socket_file(task, fd)
    with deferred(file.drop):
        room = user.get(i32, length)
        if level != SOL_SOCKET:
            raise EOPNOTSUPP
        if room < 0:
            raise EINVAL
        socket = socket_behind(file)
        if option == SO_PEERGROUPS:
            put_groups(socket, value, length, u64(room))
        elif option == SO_PEERNAME:
            put_peer_name(socket, value, length, u64(room))
        else:
            answer = local_array(u8, TIME_SIZE)
            fill(answer, 0)
            size = fill_option(task, socket, option, answer)
            if option == SO_COOKIE and u64(room) < size:
                raise EINVAL
            put_answer(value, length, answer[0 : min(u64(room), size)])


def put_answer(value: UserAddr, length: UserAddr, answer: Slice[u8]) -> Fallible[None]:
    """Give a program the value of an option, and its length."""
    put_bytes(value, answer)
    user.put(u32, length, u32(len(answer)))


def fill_option(task: Thread, socket: UnixSocket, option: u32, answer: MutableSlice[u8]) -> Fallible[u64]:
    """Write the value of an option; how many bytes it has."""
    options = socket.options
    if option == SO_RCVTIMEO or option == SO_RCVTIMEO_NEW:
        return fill_timeout(options.receive_timeout, answer)
    if option == SO_SNDTIMEO or option == SO_SNDTIMEO_NEW:
        return fill_timeout(options.send_timeout, answer)
    if option == SO_LINGER:
        store(u32, answer, 0, u32(options.lingers))
        store(u32, answer, INT_SIZE, options.linger_seconds)
        return LINGER_SIZE
    if option == SO_PEERCRED:
        return fill_peer(task, socket, answer)
    if option == SO_COOKIE:
        store(u64, answer, 0, socket.described.number)
        return 8
    if option == SO_BINDTODEVICE:
        return 0
    store(u32, answer, 0, number_of(socket, option))
    return INT_SIZE


def number_of(socket: UnixSocket, option: u32) -> Fallible[u32]:
    """The value of an option that is an int. ENOPROTOOPT."""
    options = socket.options
    if is_switch(option):
        return u32(options.flags >> option & 1)
    if is_time_option(option):
        return u32(options.passes_time == option)
    if option == SO_TYPE:
        return u32(socket.kind)
    if option == SO_DOMAIN:
        return AF_UNIX
    if option == SO_ERROR:
        return u32(socket.take_error_code())
    if option == SO_ACCEPTCONN:
        with socket.lock:
            return u32(socket.is_listening)
    if option == SO_SNDBUF:
        return u32(options.send_buffer)
    if option == SO_RCVBUF:
        return u32(options.receive_buffer)
    if option == SO_PASSCRED:
        return u32(options.passes_credentials)
    if option == SO_RCVLOWAT:
        return u32(options.low_water)
    if option == SO_SNDLOWAT:
        return 1
    if option == SO_PRIORITY:
        return options.priority
    if option == SO_MARK:
        return options.mark
    if option == SO_BUF_LOCK:
        return options.buffer_locks
    if option == SO_PROTOCOL or option == SO_REUSEPORT:
        return 0
    raise ENOPROTOOPT


def fill_timeout(timeout: Nanoseconds, answer: MutableSlice[u8]) -> u64:
    """A timeout as a `struct timeval`: 0 for none."""
    time = 0 if timeout == NEVER else u64(timeout)
    store(u64, answer, 0, time // SECOND)
    store(u64, answer, 8, time % SECOND // 1000)
    return TIME_SIZE


def fill_peer(task: Thread, socket: UnixSocket, answer: MutableSlice[u8]) -> u64:
    """SO_PEERCRED: a `struct ucred`. A process of another container has no number here."""
    with socket.lock:
        peer = socket.peer_identity
        store(i32, answer, 0, peer.pid if peer.container == task.process.container.id else 0)
        store(u32, answer, 4, peer.user)
        store(u32, answer, 8, peer.group)
    return CREDENTIALS_SIZE


def put_groups(socket: UnixSocket, value: UserAddr, length: UserAddr, room: u64) -> Fallible[None]:
    """SO_PEERGROUPS. ENODATA without a peer, ERANGE, and how long it is, where it does not fit."""
    groups = local_array(u8, GROUPS_MAX * INT_SIZE)
    with socket.lock:
        peer = socket.peer_identity
        is_known = peer.container != 0
        size = peer.group_count * INT_SIZE
        copy(groups[0:size], peer.group_bytes)
    if not is_known:
        raise ENODATA
    if room < size:
        user.put(u32, length, u32(size))
        raise ERANGE
    put_answer(value, length, groups[0:size])


def put_peer_name(socket: UnixSocket, value: UserAddr, length: UserAddr, room: u64) -> Fallible[None]:
    """SO_PEERNAME: as getpeername(2), but EINVAL for more room than the name takes."""
    peer = socket.held_peer()
    if peer is None:
        raise ENOTCONN
    with deferred(peer.drop):
        answer = local(SocketAddress)
        name = peer.name
        answer.set(AF_UNIX, b"" if name is None else name.content)
        if answer.length < room:
            raise EINVAL
        put_answer(value, length, answer.content[0:room])
