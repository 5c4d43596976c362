"""SocketOptions: what setsockopt(2) sets at the level of sockets, whatever their family (socket(7))."""

from __future__ import annotations

from codegen.lang import Nanoseconds, struct, u32, u64
from kernel.sched.timer import NEVER, after

SO_TIMESTAMP: u32 = 29
SO_TIMESTAMPNS: u32 = 35
SO_TIMESTAMP_NEW: u32 = 63
SO_TIMESTAMPNS_NEW: u32 = 64
"""Which times are told, and in which form (asm-generic/socket.h)."""

BUFFER_DEFAULT: u64 = 212_992
"""net.core.wmem_default and rmem_default, which are also the most that may be asked for (wmem_max, rmem_max)."""
SEND_BUFFER_MIN: u64 = 4608
RECEIVE_BUFFER_MIN: u64 = 2304
"""SOCK_MIN_SNDBUF and SOCK_MIN_RCVBUF."""


@struct
class SocketOptions:
    """The values of one socket. Each is a single word, so that to read one needs no lock."""

    flags: u64 = 0
    """Options that are on or off and change nothing here, a bit each, by their numbers."""
    send_buffer: u64 = BUFFER_DEFAULT
    """SO_SNDBUF: how much memory messages may take that were sent and not received."""
    receive_buffer: u64 = BUFFER_DEFAULT
    """SO_RCVBUF, which AF_UNIX does not heed."""
    low_water: u64 = 1
    """SO_RCVLOWAT: how many bytes a stream waits for."""
    receive_timeout: Nanoseconds = NEVER
    send_timeout: Nanoseconds = NEVER
    """SO_RCVTIMEO and SO_SNDTIMEO: how long a call waits."""
    passes_credentials: bool = False
    """SO_PASSCRED: who receives wants to know who sent."""
    passes_time: u32 = 0
    """SO_TIMESTAMP and its likes: the number of the one that is on."""
    lingers: bool = False
    linger_seconds: u32 = 0
    """SO_LINGER, which AF_UNIX does not heed."""
    priority: u32 = 0
    mark: u32 = 0
    buffer_locks: u32 = 0
    """SO_BUF_LOCK: which of the two sizes was set."""

    def inherit(self, listener: SocketOptions) -> None:
        """What a connection that is accepted has from its listener, for AF_UNIX."""
        self.passes_credentials = listener.passes_credentials


def deadline_of(timeout: Nanoseconds) -> Nanoseconds:
    """When a call that begins now and may wait for `timeout` has to end."""
    return NEVER if timeout == NEVER else after(timeout)
