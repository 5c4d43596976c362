"""What kinds of sockets there are, and the numbers by which programs ask for them (socket(2), send(2), recv(2))."""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import u8, u32, width

AF_UNSPEC: u32 = 0
AF_UNIX: u32 = 1
FAMILIES_END: u32 = 46
"""NPROTO: the numbers of families are below (linux/socket.h)."""
TYPES_END: u32 = 11
"""SOCK_MAX, likewise of types."""
TYPE_BITS: u32 = 0xF
"""The type in the second argument of socket(2); the other bits are flags."""
SOCK_RAW: u32 = 3
"""The same as SOCK_DGRAM, for AF_UNIX."""

MSG_OOB: u32 = 0x1
MSG_PEEK: u32 = 0x2
MSG_CTRUNC: u32 = 0x8
MSG_TRUNC: u32 = 0x20
MSG_DONTWAIT: u32 = 0x40
MSG_WAITALL: u32 = 0x100
MSG_NOSIGNAL: u32 = 0x4000
MSG_WAITFORONE: u32 = 0x1_0000
MSG_CMSG_CLOEXEC: u32 = 0x4000_0000
"""The flags of send(2) and recv(2) that mean something here; others change nothing."""


@width(u8)
class SocketKind(IntEnum):
    """SOCK_*: how what is sent is cut, and whether sockets are connected."""

    STREAM = 1
    DATAGRAM = 2
    SEQUENCE = 5
    """SOCK_SEQPACKET: messages over a connection."""


@width(u8)
class Halves(IntEnum):
    """What shutdown(2) ends: SHUT_RD, SHUT_WR, SHUT_RDWR."""

    RECEIVING = 0
    SENDING = 1
    BOTH = 2
