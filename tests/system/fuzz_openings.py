"""Calls with arguments that go together: what every round of random calls begins with, and what it also makes."""

from __future__ import annotations

import os

from tests.system.fuzz_sockets import MORE_OF_SOCKETS, OPENINGS_OF_SOCKETS
from tests.system.fuzz_values import (
    CONFIG,
    CONTAINER,
    DESCRIPTOR,
    EPOLL,
    EPOLL_EVENT,
    HANDLER,
    INT_ZERO,
    LENGTH,
    MASK,
    MODE,
    OPEN_FLAGS,
    POINTER,
    SPEC,
    TERMINAL,
    ZERO,
    Choice,
    Flags,
    Struct,
    Text,
    Wanted,
)

RECORD = Struct(
    (Choice((0, 1, 2, 3), size=2), Choice((0, 0, 1, 2), size=2), INT_ZERO, Choice((0, 1, 10, 100, (1 << 63) - 1, -1)),
     Choice((0, 1, 10, 100, (1 << 63) - 1, -1)), INT_ZERO)
)  # fmt: skip
LOCK_COMMANDS = Choice((5, 6, 6, 7, 36, 37, 38))
"""F_GETLK, F_SETLK, F_SETLKW, and those of open files (fcntl(2))."""
TERMINAL_REQUESTS = Choice((0x5401, 0x5402, 0x5403, 0x5404, 0x540B, 0x540E, 0x540F, 0x5410, 0x5413, 0x5414, 0x541B))
"""Attributes, flushing, the controlling terminal, its foreground, size, what is queued (ioctl_tty(2))."""
SETTINGS = Struct(tuple(Choice((0, 0x500, 5, 0xBF, 0x8A3B, 0x8A31, 0x1C03, 0x7F), size=4) for _ in range(11)))
TYPED = Text(("\x03", "\x04", "line\n", "some\x7fthing\x15\x16\r\n\x12", "\x1a\x11\x13", "\xff\t\n"))
SYSTEM_FILES = Text(
    tuple(f"/proc/{name}" for name in ("meminfo", "uptime", "loadavg", "stat", "cpuinfo", "filesystems", "mounts"))
    + tuple(f"/proc/sys/kernel/{name}" for name in ("hostname", "osrelease", "pid_max"))
)
PROCESS_FILES = Text(
    tuple(
        f"/proc/{who}/{name}"
        for who in ("self", "1", "3", "thread-self")
        for name in ("stat", "status", "statm", "maps", "cmdline", "comm", "mountinfo", "exe", "cwd/tmp/a",
                     "root/tmp/b", "fd", "fd/3", "fd/4", "fd/12", "task")
    )
)  # fmt: skip

MORE: tuple[tuple[str, tuple[Wanted, ...]], ...] = (
    ("fcntl", (DESCRIPTOR, LOCK_COMMANDS, RECORD)),
    ("fcntl", (DESCRIPTOR, LOCK_COMMANDS, RECORD)),
    ("open", (Text(("/tmp/fifo",)), OPEN_FLAGS, MODE)),
    ("open", (Text(("/tmp/fifo", "/tmp/a")), Flags((0, 2, os.O_NONBLOCK)), MODE)),
    ("open", (SYSTEM_FILES, ZERO, ZERO)),
    ("open", (PROCESS_FILES, Choice((0, 0, 2)), ZERO)),
    ("open", (PROCESS_FILES, Choice((0, 0, 2)), ZERO)),
    ("readlink", (PROCESS_FILES, POINTER, LENGTH)),
    ("read", (DESCRIPTOR, POINTER, Choice((1, 100, 4096)))),
    ("read", (DESCRIPTOR, POINTER, Choice((1, 100, 4096)))),
    ("write", (DESCRIPTOR, POINTER, Choice((1, 100, 4096)))),
    ("epoll_ctl", (EPOLL, Choice((1, 1, 2, 3)), DESCRIPTOR, EPOLL_EVENT)),
    ("epoll_wait", (EPOLL, POINTER, Choice((1, 5, 100)), Choice((0, 1)))),
    ("write", (TERMINAL, TYPED, Choice((1, 5, 15)))),
    ("write", (TERMINAL, TYPED, Choice((1, 5, 15)))),
    ("ioctl", (TERMINAL, TERMINAL_REQUESTS, POINTER)),
    ("ioctl", (TERMINAL, Choice((0x5402, 0x5403, 0x5404)), SETTINGS)),
    ("run_in_container", (CONTAINER, SPEC, Choice((104,)))),
    ("execve", (Text(("/bin/fuzz.sh", "/bin/busybox")), Struct((Text(("sh",)), ZERO)), ZERO)),
    ("mmap", (ZERO, LENGTH, Choice((1, 3)), Choice((1, 2)), DESCRIPTOR, ZERO)),
    *MORE_OF_SOCKETS,
)
"""Calls with arguments that go together."""

UNLOCKED = Struct((INT_ZERO,))
TIMER_ACTION = Struct((HANDLER, Choice((0x4000000,)), HANDLER, ZERO))
EVERY_TICK = Struct((ZERO, Choice((4000,)), ZERO, Choice((4000,))))
OPENINGS: tuple[tuple[str | Wanted | int, ...], ...] = (
    ("rt_sigaction", 14, TIMER_ACTION, 0, 8),
    ("rt_sigaction", 10, TIMER_ACTION, 0, 8),
    ("setitimer", 0, EVERY_TICK, 0),
    ("mkdir", Text(("/tmp/d",)), 0o700),
    ("mknod", Text(("/tmp/fifo",)), 0o010600, 0),
    ("open", Text(("/tmp/d",)), os.O_DIRECTORY, 0),
    ("open", Text(("/",)), os.O_DIRECTORY, 0),
    ("open", Text(("/tmp/a",)), os.O_CREAT | os.O_RDWR, 0o600),
    ("pipe2", POINTER, os.O_NONBLOCK),
    ("pipe2", POINTER, 0),
    ("epoll_create1", 0),
    ("signalfd4", -1, MASK, 8, os.O_NONBLOCK),
    ("eventfd2", 1, 0),
    ("timerfd_create", 1, os.O_NONBLOCK),
    ("open", Text(("/dev/ptmx",)), os.O_RDWR, 0),
    ("open", Text(("/proc/self/maps",)), 0, 0),
    ("create_container", CONFIG, 88),
    ("ioctl", 12, 0x40045431, UNLOCKED),
    ("open", Text(("/dev/pts/0",)), os.O_RDWR | os.O_NOCTTY, 0),
    *OPENINGS_OF_SOCKETS,
    ("epoll_ctl", 8, 1, DESCRIPTOR, EPOLL_EVENT),
    ("epoll_ctl", 8, 1, DESCRIPTOR, EPOLL_EVENT),
    ("fork",),
)
"""What every round begins with. Descriptor 0 alone is open before, which those named in fuzz_values.py count on."""
