"""System calls as data: made in any order on Linux and in the guest, with comparable answers.

Descriptors, addresses and names come from small sets, so that calls meet each other's objects. No call waits: pipes are
made with O_NONBLOCK and keep it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from hypothesis import strategies

from harness.agent_protocol import Buffer, both, into, out, text

AREA = 1 << 40
PAGE = 4096
PAGES = 6
FIRST_FREE = 4
NUMBERS = {
    "read": 0, "write": 1, "open": 2, "close": 3, "fstat": 5, "poll": 7, "lseek": 8, "mmap": 9, "mprotect": 10,
    "munmap": 11, "rt_sigaction": 13, "rt_sigprocmask": 14, "pread64": 17, "pwrite64": 18, "access": 21, "madvise": 28,
    "dup": 32, "dup2": 33, "fcntl": 72, "ftruncate": 77, "getcwd": 79, "chdir": 80, "rename": 82, "mkdir": 83,
    "rmdir": 84, "link": 86, "unlink": 87, "symlink": 88, "readlink": 89, "chmod": 90, "umask": 95, "getuid": 102,
    "rt_sigpending": 127, "mincore": 27, "dup3": 292, "pipe2": 293, "close_range": 436, "lstat": 6, "mremap": 25,
    "mknod": 133, "flock": 73, "memfd_create": 319, "fallocate": 285, "renameat2": 316, "linkat": 265, "openat2": 437,
    "copy_file_range": 326, "sync_file_range": 277, "readahead": 187, "fsync": 74, "fdatasync": 75, "truncate": 76,
    "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "getxattr": 191, "lgetxattr": 192, "fgetxattr": 193,
    "listxattr": 194, "llistxattr": 195, "flistxattr": 196, "removexattr": 197, "lremovexattr": 198,
    "fremovexattr": 199, "nanosleep": 35, "clock_getres": 229, "eventfd2": 290, "faccessat": 269, "sendfile": 40,
    "chown": 92, "lchown": 94, "fchown": 93, "fchmod": 91, "readv": 19, "writev": 20, "preadv": 295, "pwritev": 296,
}  # fmt: skip
"""Numbers of x86-64 Linux, written down here so that the test does not ask what it tests."""


@dataclass(frozen=True)
class Both:
    """A buffer that goes in and comes back."""

    content: bytes


@dataclass(frozen=True)
class Out:
    """A buffer of zeros that comes back."""

    length: int


@dataclass(frozen=True)
class PathName:
    """A NUL-terminated name."""

    name: str


Argument: TypeAlias = int | bytes | Both | Out | PathName


@dataclass(frozen=True)
class Call:
    """One call: integers, bytes that go in, and `Out`, `Both`, `PathName` for what is a buffer."""

    name: str
    arguments: tuple[Argument, ...]


Make = Callable[..., Awaitable[int]]

descriptors = strategies.integers(FIRST_FREE, FIRST_FREE + 5) | strategies.sampled_from([-1, 1023, 5000])
addresses = strategies.integers(0, PAGES - 1).map(lambda page: AREA + page * PAGE) | strategies.just(AREA + 100)
lengths = strategies.sampled_from([0, 1, PAGE, 2 * PAGE, 3 * PAGE, 100])
names = strategies.sampled_from(["a", "b", "d", "d/a", "d/e", "a/x", "d/", ".", "..", "nothing/x", "", "l"]).map(
    PathName
)
offsets = strategies.sampled_from([0, 1, 10, PAGE, 5000, -1, -10, 20000])
starts = offsets | strategies.sampled_from([(1 << 63) - 1, (1 << 63) - 5, -(1 << 63)])
start_places = strategies.just(0) | starts.map(lambda start: Both(struct.pack("<q", start)))
"""Where an offset comes from and goes to: the position of the file, or a place in memory."""
sizes = strategies.sampled_from([0, 1, 10, PAGE, 5000])
counts = sizes | strategies.sampled_from([-1, (1 << 63) - 1, 1 << 62])
owners = strategies.sampled_from([-1, 0, 5, 1000])
protections = strategies.sampled_from([0, 1, 3, 5, 1, 3])
modes = strategies.sampled_from([0, 0o644, 0o700, 0o4755, 0o6755, 0o2640])
flags = strategies.sampled_from(
    [os.O_RDONLY, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_CREAT | os.O_EXCL, os.O_RDWR | os.O_TRUNC, os.O_DIRECTORY,
     os.O_RDWR | os.O_APPEND | os.O_CREAT, os.O_RDONLY | os.O_NOFOLLOW, os.O_PATH, os.O_WRONLY | os.O_CLOEXEC]
)  # fmt: skip
signal_sets = strategies.sampled_from([0, 1 << 9, 1 << 11 | 1 << 8, 1 << 18, (1 << 64) - 1]).map(
    lambda value: struct.pack("<Q", value)
)
fifo = strategies.just(PathName("f"))
"""Only opened with O_NONBLOCK, and only under this name."""
fifo_flags = strategies.sampled_from([os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC]).map(
    lambda value: value | os.O_NONBLOCK
)
node_modes = strategies.sampled_from([0o010600, 0o140600, 0o100644, 0o600, 0o040700, 0o120700, 0o170000])
record_locks = strategies.tuples(
    strategies.sampled_from([0, 1, 1, 2, 2, 3]),
    strategies.sampled_from([0, 0, 1, 2, 7]),
    strategies.sampled_from([0, 1, 5, 10, 100, -1, -10, (1 << 63) - 1]),
    strategies.sampled_from([0, 1, 10, 20, -1, -5, (1 << 63) - 1]),
    strategies.sampled_from([0, 0, 0, 5]),
).map(lambda parts: Both(struct.pack("<hh4xqqi4x", *parts)))
ATTRIBUTES = ("user.a", "user.b", "user.aa", "trusted.a", "security.a")
WRONG_ATTRIBUTES = ("user.", "other.a", "", "user", "user." + "n" * 251)
attribute_names = strategies.sampled_from(ATTRIBUTES + WRONG_ATTRIBUTES).map(PathName)
hows = strategies.tuples(flags, modes, strategies.sampled_from([0, 0, 2, 4, 8, 16, 24, 64])).map(
    lambda parts: struct.pack("<QQQ", *parts)
)
vectors = strategies.lists(strategies.tuples(addresses, counts), min_size=3, max_size=3).map(
    lambda parts: b"".join(struct.pack("<QQ", address, length % (1 << 64)) for address, length in parts)
)
"""Three parts of the area."""
data = strategies.sampled_from([b"", b"x", b"hello world", b"y" * 5000])
outs = strategies.sampled_from([0, 1, 20, 6000]).map(Out)


def call(name: str, *parts: strategies.SearchStrategy[Argument]) -> strategies.SearchStrategy[Call]:
    """Calls of one name."""
    return strategies.tuples(*parts).map(lambda arguments: Call(name, arguments))


def just(value: int | Out | PathName) -> strategies.SearchStrategy[Argument]:
    """One constant argument."""
    return strategies.just(value)


def polled(numbers: list[int]) -> bytes:
    """An array of struct pollfd that asks for everything."""
    return b"".join(struct.pack("<ihh", number, 0x3F, 0) for number in numbers)


def with_length(name: str, extra: tuple[int, ...] = ()) -> strategies.SearchStrategy[Call]:
    """Calls with a descriptor and bytes, whose length follows."""
    return strategies.tuples(descriptors, data).map(lambda pair: Call(name, (pair[0], pair[1], len(pair[1]), *extra)))


def reads(name: str, extra: tuple[int, ...] = ()) -> strategies.SearchStrategy[Call]:
    """Calls with a descriptor and a buffer, whose length follows."""
    return strategies.tuples(descriptors, outs).map(lambda pair: Call(name, (pair[0], pair[1], pair[1].length, *extra)))


def set_attributes(name: str, target: strategies.SearchStrategy[Argument]) -> strategies.SearchStrategy[Call]:
    """Calls that set an extended attribute."""
    value = strategies.sampled_from([b"", b"x", b"value"])
    flag = strategies.sampled_from([0, 0, 1, 2, 4])
    return strategies.tuples(target, attribute_names, value, flag).map(
        lambda parts: Call(name, (parts[0], parts[1], parts[2], len(parts[2]), parts[3]))
    )


def get_attributes(name: str, target: strategies.SearchStrategy[Argument]) -> strategies.SearchStrategy[Call]:
    """Calls that tell one."""
    return call(name, target, attribute_names, just(Out(8)), strategies.sampled_from([0, 2, 8]))


calls = strategies.one_of(
    call("open", names, flags, modes), call("open", names, flags, modes),
    call("pipe2", just(Out(8)), just(os.O_NONBLOCK)),
    call("pipe2", just(Out(8)), just(os.O_NONBLOCK | os.O_DIRECT)),
    call("fcntl", descriptors, just(1031), strategies.sampled_from([0, 1, PAGE, 5000, 2 * PAGE, 65536, 1 << 20, -1])),
    call("fcntl", descriptors, just(1032), just(0)),
    call("readv", descriptors, vectors, strategies.integers(0, 3)),
    call("writev", descriptors, vectors, strategies.integers(0, 3)),
    call("pwritev", descriptors, vectors, strategies.integers(0, 3), starts),
    call("preadv", descriptors, vectors, strategies.integers(0, 3), starts),
    reads("read"), with_length("write"), reads("pread64", (3,)), with_length("pwrite64", (7,)),
    reads("pread64", (-1,)), with_length("write"), reads("read"),
    call("pread64", descriptors, addresses, counts, starts), call("read", descriptors, addresses, counts),
    call("pwrite64", descriptors, addresses, sizes, offsets), call("write", descriptors, addresses, counts),
    call("read", descriptors, addresses, sizes), call("write", descriptors, addresses, sizes),
    call("close", descriptors), call("lseek", descriptors, offsets, strategies.integers(0, 5)),
    call("ftruncate", descriptors, offsets), call("dup", descriptors), call("dup2", descriptors, descriptors),
    call("dup3", descriptors, descriptors, strategies.sampled_from([0, os.O_CLOEXEC, 1])),
    call("fcntl", descriptors, strategies.sampled_from([1, 3]), just(0)),
    call("fcntl", descriptors, strategies.sampled_from([0, 1030]), strategies.sampled_from([0, 6, 2000, -1])),
    call("fcntl", descriptors, just(2), strategies.integers(0, 1)),
    call("fcntl", descriptors, just(4), strategies.sampled_from([os.O_NONBLOCK, os.O_NONBLOCK | os.O_APPEND])),
    call("mmap", addresses, lengths, protections, strategies.sampled_from([0x32, 0x31, 0x100022, 0x10]), just(-1),
         just(0)),
    call("mmap", addresses, lengths, protections, strategies.sampled_from([0x12, 0x11]), descriptors,
         strategies.sampled_from([0, PAGE, 1])),
    call("munmap", addresses, lengths), call("mprotect", addresses, lengths, protections),
    call("madvise", addresses, lengths, strategies.sampled_from([0, 4, 3])),
    call("mkdir", names, modes), call("rmdir", names), call("unlink", names), call("rename", names, names),
    call("link", names, names), call("symlink", names, names), call("access", names, strategies.integers(0, 8)),
    call("readlink", names, just(Out(20)), strategies.sampled_from([0, 3, 20])), call("chmod", names, modes),
    call("umask", strategies.sampled_from([0, 0o22, 0o777])), call("getuid"),
    call("rt_sigprocmask", strategies.integers(0, 3), signal_sets, just(Out(8)), strategies.sampled_from([8, 4])),
    call("rt_sigpending", just(Out(8)), just(8)),
    strategies.lists(descriptors, max_size=3).map(lambda numbers: Call("poll", (polled(numbers), len(numbers), 0))),
    call("close_range", strategies.integers(5, 9), strategies.integers(4, 9), strategies.sampled_from([0, 4, 8])),
    call("nanosleep", strategies.sampled_from([struct.pack("<qq", 0, 1), struct.pack("<qq", 0, 10**9),
                                               struct.pack("<qq", -1, 0)]), just(0)),
    call("mknod", names, node_modes.filter(lambda mode: mode >> 12 != 1), just(0)),
    call("mknod", fifo, just(0o010644), just(0)), call("unlink", fifo),
    call("open", fifo, fifo_flags, modes), call("open", fifo, fifo_flags, modes),
    call("open", names, just(os.O_TMPFILE | os.O_RDWR), modes),
    call("openat2", just(-100), names, hows, strategies.sampled_from([24, 24, 24, 16])),
    call("flock", descriptors, strategies.sampled_from([1, 2, 8, 1, 2, 3, 0]).map(lambda operation: operation | 4)),
    call("fcntl", descriptors, strategies.sampled_from([5, 6, 36, 37, 6, 37]), record_locks),
    call("fcntl", descriptors, strategies.sampled_from([5, 6, 36, 37, 6, 37]), record_locks),
    call("fcntl", descriptors, just(1034), just(0)),
    call("fcntl", descriptors, just(1033), strategies.sampled_from([0, 1, 2, 4, 8, 16, 6, 0x400])),
    call("memfd_create", names, strategies.sampled_from([0, 1, 2, 3, 2, 0x400])),
    call("fallocate", descriptors, strategies.sampled_from([0, 1, 3, 3, 2, 16]), offsets,
         strategies.sampled_from([0, 1, PAGE, 20000, -1])),
    call("renameat2", just(-100), names, just(-100), names, strategies.sampled_from([0, 1, 2, 2, 3, 8])),
    call("linkat", descriptors, just(PathName("")), just(-100), names, just(0x1000)),
    call("copy_file_range", descriptors, start_places, descriptors, start_places, counts,
         strategies.sampled_from([0, 0, 0, 1])),
    call("sendfile", descriptors, descriptors, start_places, counts),
    call("chown", names, owners, owners), call("lchown", names, owners, owners),
    call("fchown", descriptors, owners, owners), call("fchmod", descriptors, modes),
    call("sync_file_range", descriptors, offsets, offsets, strategies.integers(0, 9)),
    call("readahead", descriptors, offsets, sizes), call("fsync", descriptors), call("fdatasync", descriptors),
    call("truncate", names, offsets),
    set_attributes("setxattr", names), set_attributes("lsetxattr", names), set_attributes("fsetxattr", descriptors),
    get_attributes("getxattr", names), get_attributes("lgetxattr", names), get_attributes("fgetxattr", descriptors),
    call("listxattr", names, just(Out(40)), strategies.sampled_from([0, 5, 40])),
    call("flistxattr", descriptors, just(Out(40)), strategies.sampled_from([0, 5, 40])),
    call("llistxattr", names, just(Out(40)), just(40)),
    call("removexattr", names, attribute_names), call("lremovexattr", names, attribute_names),
    call("fremovexattr", descriptors, attribute_names),
    call("clock_getres", strategies.sampled_from([0, 1, 99, -1]), just(0)),
)  # fmt: skip
"""Any call."""

sequences = strategies.lists(calls, min_size=3, max_size=20)


def clean_up() -> list[Call]:
    """The calls after which the next sequence finds nothing of this one."""
    files = ("d/a", "d/l", "d/b", "d/d", "a", "b", "d", "l", "d/e", "f")
    removals = [Call("unlink", (PathName(name),)) for name in files]
    folders = [Call("rmdir", (PathName(name),)) for name in ("d/e", "d/d", "d/a", "d/b", "d", "a", "b", "l")]
    return [
        Call("close_range", (FIRST_FREE, 0xFFFFFFFF, 0)),
        Call("munmap", (AREA, 16 * PAGE)),
        Call("umask", (0o22,)),
        Call("rt_sigprocmask", (2, bytes(8), 0, 8)),
        *(Call("removexattr", (PathName(kept), PathName(name))) for kept in (".", "..") for name in ATTRIBUTES),
        *removals,
        *folders,
        *removals,
        *folders,
    ]


def prepare() -> list[Call]:
    """The first calls of an agent: SIGPIPE does not end it."""
    return [Call("rt_sigaction", (13, struct.pack("<QQQQ", 1, 0, 0, 0), 0, 8))]


@dataclass(frozen=True)
class Answer:
    """What a call did: its result, and the buffers that came back."""

    name: str
    result: int
    returned: tuple[bytes, ...]


async def answers(made: list[Call], make: Make) -> list[Answer]:
    """The answer of each call."""
    told = []
    for one in made:
        returned: list[Buffer] = []
        arguments: list[int | Buffer] = []
        for argument in one.arguments:
            if isinstance(argument, int):
                arguments.append(argument)
                continue
            buffer = buffer_for(one.name, argument)
            arguments.append(buffer)
            if isinstance(argument, Out | Both) or one.name == "poll":
                returned.append(buffer)
        result = await make(NUMBERS[one.name], *arguments)
        told.append(Answer(one.name, result, tuple(buffer.content for buffer in returned)))
    return told


def buffer_for(name: str, argument: bytes | Both | Out | PathName) -> Buffer:
    """The memory of the agent that an argument stands for."""
    if isinstance(argument, Out):
        return out(argument.length)
    if isinstance(argument, Both):
        return both(argument.content)
    if isinstance(argument, PathName):
        return text(argument.name)
    return both(argument) if name == "poll" else into(argument)
