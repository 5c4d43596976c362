"""What the arguments of system calls may be, for random calls: by the names of parameters, or of call and parameter.

Numbers are those of x86-64 Linux, as its manual pages name them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from user.fuzz.kinds import Kind


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One value; `size` counts when it is a field of a struct."""

    kind: Kind
    size: int = 8


@dataclass(frozen=True)
class Plain(Wanted):
    """A value of a kind that says all."""


@dataclass(frozen=True)
class Choice(Wanted):
    """One of some words."""

    words: Sequence[int]
    kind: Kind = field(default=Kind.CHOICE, kw_only=True)


@dataclass(frozen=True)
class Flags(Choice):
    """Some of some words."""

    kind: Kind = field(default=Kind.FLAGS, kw_only=True)


@dataclass(frozen=True)
class Text(Wanted):
    """One of some texts."""

    texts: Sequence[str]
    kind: Kind = field(default=Kind.TEXT, kw_only=True)


@dataclass(frozen=True)
class Struct(Wanted):
    """Some values in memory."""

    fields: Sequence[Wanted]
    kind: Kind = field(default=Kind.STRUCT, kw_only=True)


ANY = Plain(kind=Kind.ANY)
DESCRIPTOR, INT_DESCRIPTOR = Plain(kind=Kind.DESCRIPTOR), Plain(kind=Kind.DESCRIPTOR, size=4)
RECENT = Plain(kind=Kind.RECENT)
ADDRESS, POINTER, LENGTH = Plain(kind=Kind.ADDRESS), Plain(kind=Kind.POINTER), Plain(kind=Kind.LENGTH)
HANDLER, STACK = Plain(kind=Kind.HANDLER), Plain(kind=Kind.STACK)
ZERO, INT_ZERO = Choice((0,)), Choice((0,), size=4)
EPOLL, TERMINAL, CONTAINER = Choice((8, 8, 8, 3)), Choice((12, 15)), Choice((14, 14, 14, 5))
"""What every round opens first (fuzz_openings.py): an epoll file, both ends of a terminal, a container."""
CURRENT = -100
"""AT_FDCWD."""
AREA = 0x1000_0000
"""Where the pages are that the calls map and unmap (user/fuzz/arguments.py)."""

PATH = Text(
    (
        "/", ".", "..", "/tmp/a", "/tmp/b", "/tmp/d", "/tmp/d/e", "/tmp/d/f", "/tmp/l", "/tmp/l/x", "/tmp/fifo", "d",
        "/dev/null", "/dev/tty", "/dev/zero", "/dev/ptmx", "/dev/pts/0", "/proc/self/maps", "/proc/self/fd", "/proc",
        "/proc/self/fd/5", "/proc/1/status", "/bin/fuzz", "/bin/busybox", "/bin", "a/", "/tmp/d/..", "",
    )
)  # fmt: skip
SIGNAL = Choice((*range(32), 33, 34, 63, 64, 65, 14, 14, 10, 17))
PROCESS = Choice((0, 1, 2, 3, 4, 5, 6, -1, -2, -3))
MODE = Choice((0, 0o600, 0o644, 0o777, 0o1777, 0o4755, 0o10000, 0o20600, 0o40000, 0o100600))
TIMES = Choice((0, 0, 0, 1, 2, -1, 1 << 32, 1 << 62, (1 << 63) - 1, 18_446_744_073))
FRACTIONS = Choice(
    (0, 1000, 500_000, 999_999, 1_000_000, 999_999_999, 1_000_000_000, -1, 1 << 62, 0x3FFFFFFF, 0x3FFFFFFE)
)
TIME = Struct((TIMES, FRACTIONS))
TWO_TIMES = Struct((TIMES, FRACTIONS, TIMES, FRACTIONS))
MASK = Struct((Choice((0, 1 << 13, 1 << 16, 1 << 9, 1 << 8, 1 << 63, -1)),))
VECTOR_FIELDS = (POINTER, LENGTH)
POLL_FIELDS = (INT_DESCRIPTOR, Choice((1, 2, 4, 0x3F, 0x2000, -1), size=2), Choice((0,), size=2))
OPEN_FLAGS = Flags(
    (0, 1, 2, os.O_CREAT, os.O_EXCL, os.O_TRUNC, os.O_APPEND, os.O_NONBLOCK, os.O_DIRECTORY, os.O_NOFOLLOW,
     os.O_CLOEXEC, os.O_PATH, os.O_NOCTTY, os.O_TMPFILE, os.O_CREAT | 2, os.O_CREAT | 2)
)  # fmt: skip
AT_FLAGS = Flags((0, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000))
CLONE_FLAGS = Flags(
    (17, 0x3D0F00, 0x3D0F00, 0x100, 0x200, 0x400, 0x800, 0x4000 | 0x100, 0x8000, 0x10000, 0x80000, 0x100000, 0x200000,
     0x1000000, 0x1000, 0x20000000)
)  # fmt: skip
CLOCK = Choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, -1, -2, -6))
CREATION_FLAGS = Flags((0, os.O_NONBLOCK, os.O_CLOEXEC, 1, os.O_DIRECT))
EPOLL_EVENT = Struct((Flags((1, 4, 8, 0x10, 0x2000, 1 << 28, 1 << 30, 1 << 31), size=4), ANY))
LIMITS = Choice((0, 1, 3, 20, 100, 1 << 40, (1 << 64) - 1))
SIGEVENT = Struct((ANY, Choice((10, 14, 34, 64, 0, 65), size=4), Choice((0, 1, 2, 4, 3), size=4), Choice((0, 1, 2, 3))))

CONFIG = Struct(
    (Choice((88, 88, 88, 96, 4096, 0)), Choice((1, 1, 1, 0), size=4), Choice((0, 0, 0, 1), size=4), Text(("box",)),
     Choice((0, 3, 64)), Text(("/", "/tmp")), Choice((1, 1, 1, 4)), Text(("host",)), Choice((0, 4, 65)), LIMITS, LIMITS,
     Choice((0, 1, 100, 1 << 40)))
)  # fmt: skip
SPEC = Struct(
    (Choice((104, 104, 104, 112, 0)), Choice((1, 1, 1, 2), size=4), Choice((0, 0, 0, 1, 2), size=4),
     Text(("/bin/busybox",)), Choice((12, 12, 12, 5)), POINTER, Choice((0, 0, 0, 1, 4097)), POINTER,
     Choice((0, 0, 1, 1 << 60)), Text(("/", "/tmp")), Choice((0, 1, 4)), Choice((0, 0, 1000), size=4),
     Choice((0, 0, 1000), size=4), POINTER, Choice((0, 0, 1, 2, 1 << 61)))
)  # fmt: skip
CLONE_ARGUMENTS = Struct(
    (Choice((0x100000, 0x3D0F00, 0, 0x100, 0x4100, 0x1000)), POINTER, POINTER, POINTER, Choice((0, 17, 17, 64)),
     Choice((0, 0, AREA)), Choice((0, 0, 4096)), ZERO, Choice((0, 0, AREA)), Choice((0, 0, 1, 33)), ZERO)
)  # fmt: skip

BY_NAME: dict[tuple[str, str], Wanted] = {
    ("path", ""): PATH,
    ("old", "UserAddr"): PATH,
    ("new", "UserAddr"): PATH,
    ("target", ""): PATH,
    ("directory", "i32"): Choice((CURRENT, CURRENT, 3, 4, 5, -1)),
    ("old_directory", ""): Choice((CURRENT, CURRENT, 3, 4, -1)),
    ("new_directory", ""): Choice((CURRENT, CURRENT, 3, 4, -1)),
    ("pid", ""): PROCESS,
    ("thread_id", ""): PROCESS,
    ("process_id", ""): PROCESS,
    ("signal", ""): SIGNAL,
    ("mode", "u32"): MODE,
    ("size", ""): LENGTH,
    ("length", ""): LENGTH,
    ("old_length", ""): LENGTH,
    ("new_length", ""): LENGTH,
    ("count", ""): LENGTH,
    ("room", ""): LENGTH,
    ("mask_size", ""): Choice((8, 8, 8, 0, 16)),
    ("address", "UserAddr"): ADDRESS,
    ("time", ""): TIME,
    ("times", ""): TWO_TIMES,
    ("timeout", "UserAddr"): TIME,
    ("duration", ""): TIME,
    ("timeout", "i32"): Choice((0, 1, 5, -1, 0x7FFFFFFF)),
    ("mask", "UserAddr"): MASK,
    ("wanted", ""): MASK,
    ("flags", "u32"): Flags((0, 1, 2, 4, os.O_NONBLOCK, os.O_CLOEXEC)),
    ("clock", ""): CLOCK,
    ("user_id", ""): Choice((0, 0, 1000, -1, -2)),
    ("group_id", ""): Choice((0, 0, 1000, -1)),
    ("records", ""): Struct(POLL_FIELDS * 4),
    ("vectors", ""): Struct(VECTOR_FIELDS * 5),
    ("events", ""): POINTER,
    ("protection", ""): Flags((0, 1, 2, 3, 4, 1, 3)),
    ("number", "i32"): Choice((0, 1, 2, 3, -1)),
    ("which", ""): Choice((0, 1, 2, 3, -1)),
    ("resource", ""): Choice(range(17)),
    ("options", ""): Flags((1, 2, 4, 8, 0x1000000, 0x20000000, 0x40000000, 0x80000000, 1, 1)),
    ("event", ""): EPOLL_EVENT,
    ("information", "UserAddr"): Struct((Choice((10, 34, 17, 0), size=4), INT_ZERO, Choice((-1, -6, 0), size=4), ANY)),
    ("argv", ""): Struct((Text(("sh",)), Text(("-c",)), Text((":", "exit 3", "kill -9 0", "/bin/fuzz &")), ZERO)),
    ("envp", ""): Struct((Text(("A=b",)), ZERO)),
    ("policy", ""): Choice(range(8)),
    ("word", ""): Choice((AREA, AREA + 4, AREA + 4096, AREA + 4094)),
    ("second", ""): Choice((AREA, AREA + 4, AREA + 4096, AREA + 4094)),
    ("third", "u32"): Choice((0, 1, 0xFFFF, 1 << 31)),
    ("value", "u32"): Choice((0, 0, 1, 2, 0x7FFFFFFF, 1 << 31, 0xFFFFFFFF)),
    ("offset", "i64"): Choice((0, 1, 4096, 100_000, -1, 1 << 62, (1 << 63) - 1)),
    ("offset", "u64"): Choice((0, 4096, 8192, 1, 1 << 62, -4096)),
}  # fmt: skip
BY_TYPE: dict[str, Wanted] = {"Fd": DESCRIPTOR, "UserAddr": POINTER, "Pid": PROCESS}

SPECIAL: dict[tuple[str, str], Wanted] = {
    ("open", "flags"): OPEN_FLAGS,
    ("openat", "flags"): OPEN_FLAGS,
    ("mmap", "address"): Choice((0, AREA, AREA + 4096, AREA + 8 * 4096, AREA + 100, 1 << 46)),
    ("mmap", "flags"): Flags(
        (1, 2, 3, 0x22, 0x21, 0x32, 0x12, 0x11, 0x8000, 0x100000, 0x40, 0x100, 0x4000, 0x2000, 0x40000)
    ),
    ("mmap", "fd"): DESCRIPTOR,
    ("mremap", "flags"): Flags((0, 1, 1, 1, 2, 3, 4)),
    ("mremap", "wanted"): ADDRESS,
    ("mprotect", "protection"): Flags((0, 1, 2, 3, 4, 1, 3, 8, 1 << 24, 1 << 25)),
    ("process_vm_readv", "mine"): Struct(VECTOR_FIELDS * 3),
    ("process_vm_readv", "theirs"): Struct((ADDRESS, LENGTH) * 3),
    ("process_vm_writev", "mine"): Struct((ADDRESS, LENGTH) * 3),
    ("process_vm_writev", "theirs"): Struct((ADDRESS, LENGTH) * 3),
    ("process_vm_readv", "count"): Choice((0, 1, 2, 3, 3)),
    ("process_vm_readv", "other_count"): Choice((0, 1, 2, 3, 3)),
    ("process_vm_writev", "count"): Choice((0, 1, 2, 3, 3)),
    ("process_vm_writev", "other_count"): Choice((0, 1, 2, 3, 3)),
    ("process_vm_readv", "flags"): Choice((0, 0, 0, 0, 1)),
    ("process_vm_writev", "flags"): Choice((0, 0, 0, 0, 1)),
    ("mremap", "address"): ADDRESS,
    ("msync", "flags"): Flags((1, 2, 4)),
    ("madvise", "advice"): Choice((*range(26), 100)),
    ("lseek", "whence"): Choice(range(6)),
    ("brk", "address"): RECENT,
    ("rt_sigaction", "new"): Struct(
        (Choice((0, 1, 1 << 40)), Flags((0x4000000, 4, 1 << 28, 1 << 30, 1 << 31, 1, 2)), ZERO, MASK.fields[0])
    ),
    ("rt_sigaction", "old"): POINTER,
    ("rt_sigaction", "size"): Choice((8, 8, 8, 16)),
    ("rt_sigprocmask", "size"): Choice((8, 8, 8, 16)),
    ("rt_sigprocmask", "how"): Choice((0, 1, 2, 3)),
    ("rt_sigprocmask", "new"): MASK,
    ("rt_sigprocmask", "old"): POINTER,
    ("rt_sigsuspend", "size"): Choice((8, 8, 8, 16)),
    ("rt_sigtimedwait", "size"): Choice((8, 8, 8, 16)),
    ("rt_sigpending", "size"): Choice((8, 8, 4, 16)),
    ("signalfd", "size"): Choice((8, 8, 8, 16)),
    ("signalfd4", "size"): Choice((8, 8, 8, 16)),
    ("signalfd4", "fd"): Choice((-1, -1, 9, 5)),
    ("sigaltstack", "new"): Struct((ADDRESS, Choice((0, 1, 2, 4)), LENGTH)),
    ("sigaltstack", "old"): POINTER,
    ("setitimer", "new"): TWO_TIMES,
    ("setitimer", "old"): POINTER,
    ("timer_settime", "new"): TWO_TIMES,
    ("timer_settime", "old"): POINTER,
    ("timerfd_settime", "new"): TWO_TIMES,
    ("timerfd_settime", "old"): POINTER,
    ("timer_create", "event"): SIGEVENT,
    ("prlimit64", "new"): Struct((ANY, ANY)),
    ("prlimit64", "old"): POINTER,
    ("ioctl", "request"): Choice(
        (*range(0x5401, 0x5430), 0x80045430, 0x40045431, 0x80045439, 0x5441, 0x5450, 0x5451, 0x541B, 0x5421)
    ),
    ("ioctl", "argument"): POINTER,
    ("fcntl", "command"): Choice((*range(17), *range(1024, 1037))),
    ("fcntl", "argument"): Choice((0, 1, 2, 10, 1000, os.O_NONBLOCK, os.O_APPEND, 4096, 1 << 20, -1, 1 << 31)),
    ("prctl", "option"): Choice((*range(1, 66), 0x53564D41, 0x59616D61)),
    ("arch_prctl", "code"): Choice((0x1001, 0x1002, 0x1003, 0x1004, 0x1011, 0x1012)),
    ("arch_prctl", "address"): POINTER,
    ("clone", "flags"): CLONE_FLAGS,
    ("clone", "stack"): STACK,
    ("clone3", "arguments"): CLONE_ARGUMENTS,
    ("clone3", "size"): Choice((88, 88, 64, 80, 96, 0)),
    ("futex", "operation"): Flags((*range(14), 128, 256)),
    ("epoll_ctl", "operation"): Choice((1, 2, 3, 4)),
    ("epoll_ctl", "epoll"): EPOLL,
    ("epoll_wait", "fd"): EPOLL,
    ("epoll_pwait", "fd"): EPOLL,
    ("epoll_pwait2", "fd"): EPOLL,
    ("waitid", "kind"): Choice((0, 1, 2, 3, 4)),
    ("waitid", "id"): Choice((0, 1, 2, 3, 16)),
    ("pselect6", "mask"): Struct((POINTER, Choice((8,)))),
    ("pselect6", "count"): Choice((0, 1, 8, 64, 65, 1024, 1 << 30, -1)),
    ("select", "count"): Choice((0, 1, 8, 64, 65, 1024, 1 << 30, -1)),
    ("clock_nanosleep", "remaining"): POINTER,
    ("statx", "flags"): AT_FLAGS,
    ("newfstatat", "flags"): AT_FLAGS,
    ("unlinkat", "flags"): AT_FLAGS,
    ("linkat", "flags"): AT_FLAGS,
    ("fchownat", "flags"): AT_FLAGS,
    ("faccessat2", "flags"): AT_FLAGS,
    ("utimensat", "flags"): AT_FLAGS,
    ("access", "mode"): Choice(range(9)),
    ("faccessat", "mode"): Choice(range(9)),
    ("faccessat2", "mode"): Choice(range(9)),
    ("setpgid", "group"): PROCESS,
    ("create_container", "config"): CONFIG,
    ("create_container", "size"): Choice((88, 88, 88, 96, 8, 1 << 40)),
    ("run_in_container", "spec"): SPEC,
    ("run_in_container", "size"): Choice((104, 104, 104, 112, 8, 1 << 40)),
    ("control_container", "operation"): Choice((0, 1, 2, 3, 4, 5)),
    ("control_container", "argument"): SIGNAL,
    ("run_in_container", "fd"): CONTAINER,
    ("destroy_container", "fd"): CONTAINER,
    ("control_container", "fd"): CONTAINER,
    ("query_container", "fd"): CONTAINER,
    ("update_container", "fd"): CONTAINER,
    ("update_container", "pages"): LIMITS,
    ("update_container", "processes"): LIMITS,
    ("update_container", "weight"): Choice((0, 1, 1000, 10_000, 1 << 40)),
    ("open_container", "id"): Choice(range(12)),
}  # fmt: skip
