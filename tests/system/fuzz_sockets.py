"""What the arguments of calls of sockets and of System V shared memory may be, for random calls."""

from __future__ import annotations

from tests.system.fuzz_values import (
    ADDRESS,
    DESCRIPTOR,
    INT_DESCRIPTOR,
    INT_ZERO,
    LENGTH,
    POINTER,
    RECENT,
    TIME,
    VECTOR_FIELDS,
    ZERO,
    Choice,
    Flags,
    Struct,
    Text,
    Wanted,
)

SOCKET = Choice((16, 16, 17, 17, 18, 19, 19, 3))
"""What every round opens: a pair, a socket for datagrams with a name, and one that listens (fuzz_openings.py)."""
FAMILY = Choice((1, 1, 1, 1, 1, 0, 2, 10, 16, 45, 46, -1))
SOCKET_TYPE = Flags((1, 1, 2, 2, 5, 5, 3, 0o4000, 0o2000000, 11))


def name_of(text: str) -> int:
    """The first 8 bytes of a name."""
    return int.from_bytes(text.encode().ljust(8, b"\0")[:8], "little")


NAMES = tuple(name_of(text) for text in ("/tmp/s", "/tmp/t", "\0one", "\0two", "/tmp/a", "/tmp/d/s", "", "named"))
SOCKET_ADDRESS = Struct((Choice((1, 1, 1, 1, 1, 0, 2), size=2), Choice(NAMES), Choice((0, 0, 0, NAMES[0]))))
ADDRESS_LENGTH = Choice((18, 10, 10, 10, 8, 6, 6, 2, 2, 3, 1, 0, 110, 111, -1))
LENGTH_PLACE = Struct((Choice((110, 18, 2, 0, 1, -1), size=4), INT_ZERO))
CONTROL = Struct(
    (Choice((20, 20, 24, 28, 16, 12, 0, 1 << 40)), Choice((1, 1, 1, 0), size=4), Choice((1, 1, 1, 2, 3), size=4),
     INT_DESCRIPTOR, INT_DESCRIPTOR, INT_DESCRIPTOR, INT_ZERO, Choice((20, 28, 0)), Choice((1,), size=4),
     Choice((1, 2), size=4), INT_DESCRIPTOR, INT_ZERO)
)  # fmt: skip
CONTROL_LENGTH = Choice((24, 24, 24, 40, 64, 0, 8, 16, 17, 1 << 30))
MESSAGE_FIELDS: tuple[Wanted, ...] = (
    Choice((0,)), Choice((0, 0, 10, -1), size=4), INT_ZERO, Struct(VECTOR_FIELDS * 3), Choice((1, 1, 0, 2, 3, 1025)),
    CONTROL, CONTROL_LENGTH, INT_ZERO, INT_ZERO,
)  # fmt: skip
MESSAGE = Struct(MESSAGE_FIELDS)
NAMED_MESSAGE = Struct((SOCKET_ADDRESS, ADDRESS_LENGTH, *MESSAGE_FIELDS[3:]))
MESSAGES = Struct((*MESSAGE_FIELDS, ZERO, *MESSAGE_FIELDS, ZERO))
MESSAGE_FLAGS = Flags((0, 0, 1, 2, 0x20, 0x40, 0x40, 0x40, 0x100, 0x4000, 0x10000, 0x40000000))
OPTION = Choice((*range(1, 20), *range(26, 84), 16, 16, 7, 8, 20, 21))
SEGMENT = Choice((0, 0, 1, 2, 3, 64, 32768, 1 << 16, -1))
KEY = Choice((0, 0, 1, 2, 3))

SOCKET_FILES = Text(("/proc/net/unix", "/proc/sysvipc/shm", "/proc/sys/kernel/shmmni", "/proc/sys/net/core/somaxconn"))
"""What /proc tells of them."""

SOCKETS: dict[tuple[str, str], Wanted] = {
    ("socket", "family"): FAMILY,
    ("socket", "type_"): SOCKET_TYPE,
    ("socket", "protocol"): Choice((0, 0, 0, 1, 17, -1)),
    ("socketpair", "family"): FAMILY,
    ("socketpair", "type_"): SOCKET_TYPE,
    ("socketpair", "protocol"): Choice((0, 0, 0, 1, -1)),
    ("bind", "address"): SOCKET_ADDRESS,
    ("bind", "length"): ADDRESS_LENGTH,
    ("connect", "address"): SOCKET_ADDRESS,
    ("connect", "length"): ADDRESS_LENGTH,
    ("listen", "backlog"): Choice((0, 1, 5, 1000, -1)),
    ("accept", "address"): POINTER,
    ("accept", "length"): LENGTH_PLACE,
    ("accept4", "address"): POINTER,
    ("accept4", "length"): LENGTH_PLACE,
    ("accept4", "flags"): Flags((0, 0o4000, 0o4000, 0o2000000, 1)),
    ("getsockname", "address"): POINTER,
    ("getsockname", "length"): LENGTH_PLACE,
    ("getpeername", "address"): POINTER,
    ("getpeername", "length"): LENGTH_PLACE,
    ("shutdown", "how"): Choice((0, 1, 2, 3, -1)),
    ("sendto", "address"): SOCKET_ADDRESS,
    ("sendto", "address_length"): ADDRESS_LENGTH,
    ("sendto", "flags"): MESSAGE_FLAGS,
    ("recvfrom", "address"): POINTER,
    ("recvfrom", "address_length"): LENGTH_PLACE,
    ("recvfrom", "flags"): MESSAGE_FLAGS,
    ("sendmsg", "message"): MESSAGE,
    ("sendmsg", "flags"): MESSAGE_FLAGS,
    ("recvmsg", "message"): MESSAGE,
    ("recvmsg", "flags"): MESSAGE_FLAGS,
    ("sendmmsg", "messages"): MESSAGES,
    ("sendmmsg", "count"): Choice((1, 2, 2, 0, -1)),
    ("sendmmsg", "flags"): MESSAGE_FLAGS,
    ("recvmmsg", "messages"): MESSAGES,
    ("recvmmsg", "count"): Choice((1, 2, 2, 0, -1)),
    ("recvmmsg", "flags"): MESSAGE_FLAGS,
    ("recvmmsg", "time"): TIME,
    ("setsockopt", "level"): Choice((1, 1, 1, 1, 0, 6)),
    ("setsockopt", "option"): OPTION,
    ("setsockopt", "value"): Struct((Choice((0, 1, 4096, 1 << 20, 0x7FFFFFFF, -1)), Choice((0, 1000, -1)))),
    ("setsockopt", "length"): Choice((4, 4, 16, 0, 1, -1)),
    ("getsockopt", "level"): Choice((1, 1, 1, 1, 0, 6)),
    ("getsockopt", "option"): OPTION,
    ("getsockopt", "length"): LENGTH_PLACE,
    ("shmget", "key"): KEY,
    ("shmget", "flags"): Flags((0o1000, 0o1000, 0o2000, 0o666, 0o4000, 0o10000)),
    ("shmat", "id"): SEGMENT,
    ("shmat", "address"): Choice((0, 0, 0x1000_0000, 0x1000_1000, 0x1000_5123, 1 << 46, -4096)),
    ("shmat", "flags"): Flags((0, 0o10000, 0o20000, 0o40000, 0o100000)),
    ("shmdt", "address"): RECENT,
    ("shmctl", "id"): SEGMENT,
    ("shmctl", "command"): Choice((0, 0, 1, 2, 3, 11, 12, 13, 14, 15, 0x100, -1)),
    ("shmctl", "argument"): POINTER,
}
"""By call and parameter."""

MORE_OF_SOCKETS: tuple[tuple[str, tuple[Wanted, ...]], ...] = (
    ("sendmsg", (SOCKET, MESSAGE, MESSAGE_FLAGS)),
    ("sendmsg", (SOCKET, MESSAGE, Choice((0x40,)))),
    ("sendmsg", (SOCKET, NAMED_MESSAGE, MESSAGE_FLAGS)),
    ("recvmsg", (SOCKET, MESSAGE, MESSAGE_FLAGS)),
    ("recvmsg", (SOCKET, MESSAGE, Choice((0x40, 0x42)))),
    ("sendto", (SOCKET, POINTER, LENGTH, MESSAGE_FLAGS, SOCKET_ADDRESS, ADDRESS_LENGTH)),
    ("write", (SOCKET, POINTER, LENGTH)),
    ("read", (SOCKET, POINTER, LENGTH)),
    ("socket", (Choice((1,)), SOCKET_TYPE, ZERO)),
    ("bind", (DESCRIPTOR, SOCKET_ADDRESS, Choice((10, 8, 2)))),
    ("connect", (DESCRIPTOR, SOCKET_ADDRESS, Choice((10, 8, 2)))),
    ("accept4", (Choice((19, 19, 18)), POINTER, LENGTH_PLACE, Choice((0o4000,)))),
    ("ioctl", (SOCKET, Choice((0x541B, 0x5411, 0x5421, 0x5452)), POINTER)),
    ("shmget", (KEY, LENGTH, Choice((0o1666,)))),
    ("shmat", (SEGMENT, Choice((0, 0, 0x1000_2000)), Flags((0o40000, 0o10000)))),
    ("munmap", (ADDRESS, LENGTH)),
    ("shmctl", (SEGMENT, Choice((0, 0, 2)), POINTER)),
    ("open", (SOCKET_FILES, Choice((0, 0, 2)), ZERO)),
)
"""Calls with arguments that go together."""

OPENINGS_OF_SOCKETS: tuple[tuple[str | Wanted | int, ...], ...] = (
    ("socketpair", 1, 1, 0, POINTER),
    ("socket", 1, 2 | 0o4000, 0),
    ("socket", 1, 1 | 0o4000, 0),
    ("bind", 18, Struct((Choice((1,), size=2), Choice((name_of("/tmp/s"),)))), 10),
    ("bind", 19, Struct((Choice((1,), size=2), Choice((name_of("\0one"),)))), 6),
    ("listen", 19, 3),
)
"""The descriptors are 16 to 19."""
