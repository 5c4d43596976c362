"""Names of flags and numbers of x86-64 Linux, as the manual pages have them."""

from __future__ import annotations

import fcntl
import os
import resource
import signal

AT_FDCWD = -100


def named(module: object, *prefixes: str) -> dict[int, str]:
    """The constants of a module of Python whose names begin so; of several with one number the first."""
    found: dict[int, str] = {}
    for prefix in prefixes:
        for name in dir(module):
            value = getattr(module, name)
            if name.startswith(prefix) and isinstance(value, int):
                found.setdefault(int(value), name)
    return found


def table(text: str, prefix: str = "") -> dict[int, str]:
    """Names from 0 on; a number instead of a name goes on from there, in hexadecimal with 0x."""
    found: dict[int, str] = {}
    number = 0
    for word in text.split():
        if word.isdigit() or word.startswith("0x"):
            number = int(word, 0)
        else:
            found[number] = prefix + word
            number += 1
    return found


def bits(text: str, prefix: str = "") -> dict[int, str]:
    """Names of bits: from 1 on, each twice the one before; a number instead goes on from there."""
    found: dict[int, str] = {}
    number = 1
    for word in text.split():
        if word.isdigit() or word.startswith("0x"):
            number = int(word, 0)
        else:
            found[number] = prefix + word
            number *= 2
    return found


OPEN = {
    0o20000000 | 0o200000: "O_TMPFILE",
    0o4000000 | 0o10000: "O_SYNC",
    **bits(
        "0x40 O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_DSYNC O_ASYNC O_DIRECT 0x10000 O_DIRECTORY "
        "O_NOFOLLOW O_NOATIME O_CLOEXEC 0x200000 O_PATH"
    ),
}
FLAGS: dict[str, dict[int, str]] = {
    "open": OPEN,
    "prot": bits("READ WRITE EXEC 0x01000000 GROWSDOWN GROWSUP", "PROT_"),
    "map": {
        **bits("0x10 FIXED ANONYMOUS 32BIT 0x100 GROWSDOWN 0x800 DENYWRITE EXECUTABLE LOCKED", "MAP_"),
        **bits("0x4000 NORESERVE POPULATE NONBLOCK STACK HUGETLB SYNC FIXED_NOREPLACE", "MAP_"),
    },
    "at": bits("0x100 SYMLINK_NOFOLLOW REMOVEDIR SYMLINK_FOLLOW NO_AUTOMOUNT EMPTY_PATH", "AT_"),
    "access": bits("X_OK W_OK R_OK"),
    "mremap": bits("MAYMOVE FIXED DONTUNMAP", "MREMAP_"),
    "msg": {
        **bits("OOB PEEK DONTROUTE CTRUNC 0x20 TRUNC DONTWAIT EOR WAITALL 0x4000 NOSIGNAL MORE", "MSG_"),
        0x40000000: "MSG_CMSG_CLOEXEC",
    },
    "wait": {**bits("WNOHANG WSTOPPED WEXITED WCONTINUED 0x01000000 WNOWAIT"), 0x80000000: "__WCLONE"},
    "clone": bits(
        "0x100 VM FS FILES SIGHAND PIDFD PTRACE VFORK PARENT THREAD NEWNS SYSVSEM SETTLS PARENT_SETTID CHILD_CLEARTID "
        "DETACHED UNTRACED CHILD_SETTID NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET IO",
        "CLONE_",
    ),
    "pipe": {0x800: "O_NONBLOCK", 0x4000: "O_DIRECT", 0x80000: "O_CLOEXEC"},
    "efd": {1: "EFD_SEMAPHORE", 0x800: "EFD_NONBLOCK", 0x80000: "EFD_CLOEXEC"},
    "tfd": {0x800: "TFD_NONBLOCK", 0x80000: "TFD_CLOEXEC"},
    "epoll": {0x80000: "EPOLL_CLOEXEC"},
    "inotify": {0x800: "IN_NONBLOCK", 0x80000: "IN_CLOEXEC"},
    "random": {1: "GRND_NONBLOCK", 2: "GRND_RANDOM", 4: "GRND_INSECURE"},
    "socket": {0x800: "SOCK_NONBLOCK", 0x80000: "SOCK_CLOEXEC"},
}
ONE_OF: dict[str, dict[int, str]] = {
    "whence": table("SET CUR END DATA HOLE", "SEEK_"),
    "signal": {int(one): one.name for one in signal.Signals},
    "sigmask": table("BLOCK UNBLOCK SETMASK", "SIG_"),
    "clock": table(
        "REALTIME MONOTONIC PROCESS_CPUTIME_ID THREAD_CPUTIME_ID MONOTONIC_RAW REALTIME_COARSE MONOTONIC_COARSE "
        "BOOTTIME REALTIME_ALARM BOOTTIME_ALARM 11 TAI",
        "CLOCK_",
    ),
    "family": table("UNSPEC UNIX INET 10 INET6 16 NETLINK PACKET", "AF_"),
    "fcntl": {**named(fcntl, "F_DUPFD", "F_GET", "F_SET"), 1030: "F_DUPFD_CLOEXEC"},
    "rlimit": named(resource, "RLIMIT_"),
    "advice": table(
        "NORMAL RANDOM SEQUENTIAL WILLNEED DONTNEED 8 FREE REMOVE DONTFORK DOFORK MERGEABLE UNMERGEABLE HUGEPAGE "
        "NOHUGEPAGE DONTDUMP DODUMP WIPEONFORK KEEPONFORK COLD PAGEOUT",
        "MADV_",
    ),
    "futex": table(
        "WAIT WAKE FD REQUEUE CMP_REQUEUE WAKE_OP LOCK_PI UNLOCK_PI TRYLOCK_PI WAIT_BITSET WAKE_BITSET "
        "WAIT_REQUEUE_PI CMP_REQUEUE_PI LOCK_PI2",
        "FUTEX_",
    ),
    "epoll": table("1 ADD DEL MOD", "EPOLL_CTL_"),
    "arch": {0x1001: "ARCH_SET_GS", 0x1002: "ARCH_SET_FS", 0x1003: "ARCH_GET_FS", 0x1004: "ARCH_GET_GS"},
    "prctl": table(
        "1 SET_PDEATHSIG GET_PDEATHSIG GET_DUMPABLE SET_DUMPABLE 7 GET_KEEPCAPS SET_KEEPCAPS 15 SET_NAME GET_NAME "
        "21 GET_SECCOMP SET_SECCOMP CAPBSET_READ CAPBSET_DROP 36 SET_CHILD_SUBREAPER GET_CHILD_SUBREAPER "
        "SET_NO_NEW_PRIVS GET_NO_NEW_PRIVS 47 CAP_AMBIENT",
        "PR_",
    ),
    "ioctl": {
        0x5401: "TCGETS",
        0x5402: "TCSETS",
        0x5403: "TCSETSW",
        0x5404: "TCSETSF",
        0x540E: "TIOCSCTTY",
        0x540F: "TIOCGPGRP",
        0x5410: "TIOCSPGRP",
        0x5413: "TIOCGWINSZ",
        0x5414: "TIOCSWINSZ",
        0x541B: "FIONREAD",
        0x5421: "FIONBIO",
        0x5450: "FIONCLEX",
        0x5451: "FIOCLEX",
    },
}
SOCKET_TYPES = table("1 STREAM DGRAM RAW RDM SEQPACKET", "SOCK_")
MAP_TYPES = table("1 SHARED PRIVATE SHARED_VALIDATE", "MAP_")
OPEN_MODES = ("O_RDONLY", "O_WRONLY", "O_RDWR")
FUTEX_PRIVATE, FUTEX_REALTIME = 128, 256


def flag_names(value: int, names: dict[int, str], zero: str = "0") -> str:
    """Flags as the manual writes them, and what is left as a number."""
    found = []
    left = value
    for bit, name in names.items():
        if bit & left == bit:
            found.append(name)
            left &= ~bit
    if left:
        found.append(f"{left:#x}")
    return "|".join(found) or zero


def flags_of(kind: str, value: int) -> str:
    """Flags of one kind, with the numbers that some kinds have in their low bits."""
    value &= 0xFFFF_FFFF
    match kind:
        case "open":
            mode = OPEN_MODES[value & 3] if value & 3 < 3 else "O_ACCMODE"
            rest = value & ~(os.O_ACCMODE | 0o100000)  # O_LARGEFILE means nothing on x86-64
            return mode if rest == 0 else f"{mode}|{flag_names(rest, OPEN)}"
        case "map":
            kinds = MAP_TYPES.get(value & 3, "0")
            rest = value & ~3
            return kinds if rest == 0 else f"{kinds}|{flag_names(rest, FLAGS['map'])}"
        case "socket":
            kinds = SOCKET_TYPES.get(value & 0xF, str(value & 0xF))
            rest = value & ~0xF
            return kinds if rest == 0 else f"{kinds}|{flag_names(rest, FLAGS['socket'])}"
        case "clone":
            ends = ONE_OF["signal"].get(value & 0xFF, "")
            names = flag_names(value & ~0xFF, FLAGS["clone"], "")
            return "|".join(part for part in (names, ends) if part) or "0"
        case "prot":
            return flag_names(value, FLAGS["prot"], "PROT_NONE")
        case "access":
            return flag_names(value, FLAGS["access"], "F_OK")
        case _:
            return flag_names(value, FLAGS[kind])


def one_of(kind: str, value: int) -> str:
    """A number by its name."""
    value &= 0xFFFF_FFFF
    if kind == "futex":
        name = ONE_OF["futex"].get(value & 127, hex(value & 127))
        private = "_PRIVATE" if value & FUTEX_PRIVATE else ""
        return f"{name}{private}{'|FUTEX_CLOCK_REALTIME' if value & FUTEX_REALTIME else ''}"
    return ONE_OF[kind].get(value, hex(value) if value > 9 else str(value))
