"""How one value is written: numbers, strings, structures, results."""

from __future__ import annotations

import errno
import os
import signal
import stat
import struct

from harness.strace.flags import AT_FDCWD, flag_names, flags_of, one_of

ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
KINDS = {
    stat.S_IFREG: "S_IFREG",
    stat.S_IFDIR: "S_IFDIR",
    stat.S_IFLNK: "S_IFLNK",
    stat.S_IFCHR: "S_IFCHR",
    stat.S_IFBLK: "S_IFBLK",
    stat.S_IFIFO: "S_IFIFO",
    stat.S_IFSOCK: "S_IFSOCK",
}
CODES = {0: "SI_USER", 0x80: "SI_KERNEL", -1: "SI_QUEUE", -2: "SI_TIMER", -6: "SI_TKILL"}
CHILD_CODES = dict(enumerate(("EXITED", "KILLED", "DUMPED", "TRAPPED", "STOPPED", "CONTINUED"), 1))
CHILD_CODES = {code: f"CLD_{name}" for code, name in CHILD_CODES.items()}
FAULTS = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP")
SI_KERNEL = 0x80
FIRST_REAL_TIME = 32
SA_RESTORER = 0x4000000
ACTION_FLAGS = {
    1: "SA_NOCLDSTOP",
    2: "SA_NOCLDWAIT",
    4: "SA_SIGINFO",
    SA_RESTORER: "SA_RESTORER",
    0x8000000: "SA_ONSTACK",
    0x10000000: "SA_RESTART",
    0x40000000: "SA_NODEFER",
    0x80000000: "SA_RESETHAND",
}
UNLIMITED = (1 << 64) - 1
LARGEST_ERRNO = 4095


def quoted(content: bytes, is_cut: bool = False) -> str:
    """Bytes as a string of C."""
    parts = []
    for index, byte in enumerate(content):
        if byte in ESCAPES:
            parts.append(ESCAPES[byte])
        elif 32 <= byte < 127:
            parts.append(chr(byte))
        else:
            digits_follow = content[index + 1 : index + 2].isdigit()
            parts.append(f"\\{byte:03o}" if digits_follow else f"\\{byte:o}")
    return f'"{"".join(parts)}"{"..." if is_cut else ""}'


def signed(value: int, bits: int = 32) -> int:
    """The low bits as a number with a sign."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def pointer(value: int) -> str:
    """An address."""
    return f"{value:#x}" if value else "NULL"


def number(word: str, value: int) -> str:
    """What an argument itself says."""
    if word.startswith("|"):
        return flags_of(word[1:], value)
    if word.startswith("="):
        return one_of(word[1:], value)
    match word:
        case "dirfd":
            return "AT_FDCWD" if signed(value) == AT_FDCWD else str(signed(value))
        case "fd" | "int" | "i32" | "Fd" | "Pid":
            return str(signed(value))
        case "off" | "i64":
            return str(signed(value, 64))
        case "mode":
            return f"{value & 0xFFFF_FFFF:#o}".replace("0o", "0") if value else "000"
        case "uint" | "u32":
            return str(value & 0xFFFF_FFFF)
        case "size" | "u64":
            return str(value)
        case "hex":
            return hex(value) if value else "0"
        case _:
            return pointer(value)


def structure(name: str, content: bytes) -> str:
    """A structure in braces."""
    match name:
        case "fds":
            return "[{}, {}]".format(*struct.unpack("<ii", content))
        case "status":
            return wait_status(struct.unpack("<I", content)[0])
        case "timespec":
            return "{{tv_sec={}, tv_nsec={}}}".format(*struct.unpack("<qq", content))
        case "timeval":
            return "{{tv_sec={}, tv_usec={}}}".format(*struct.unpack("<qq", content))
        case "rlimit":
            soft, hard = map(limit, struct.unpack("<QQ", content))
            return f"{{rlim_cur={soft}, rlim_max={hard}}}"
        case "sigaction":
            return signal_action(*struct.unpack("<QQQQ", content))
        case "sigset":
            return signal_set(struct.unpack("<Q", content)[0])
        case _:
            mode, size = struct.unpack_from("<I", content, 24)[0], struct.unpack_from("<q", content, 48)[0]
            device = struct.unpack_from("<Q", content, 40)[0]
            kind = KINDS.get(stat.S_IFMT(mode), hex(stat.S_IFMT(mode)))
            what = f"st_size={size}"
            if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
                what = f"st_rdev=makedev({os.major(device):#x}, {os.minor(device):#x})"
            return f"{{st_mode={kind}|{stat.S_IMODE(mode):#o}, {what}, ...}}".replace("|0o", "|0")


def limit(value: int) -> str:
    """A limit of setrlimit(2)."""
    if value == UNLIMITED:
        return "RLIM64_INFINITY"
    return f"{value // 1024}*1024" if value > 1024 and value % 1024 == 0 else str(value)


def signal_action(handler: int, flags: int, restorer: int, mask: int) -> str:
    """struct sigaction as the kernel has it."""
    shown = {0: "SIG_DFL", 1: "SIG_IGN"}.get(handler, f"{handler:#x}")
    ends = f", sa_restorer={restorer:#x}" if flags & SA_RESTORER else ""
    return f"{{sa_handler={shown}, sa_mask={signal_set(mask)}, sa_flags={flag_names(flags, ACTION_FLAGS)}{ends}}}"


def signal_set(bits: int) -> str:
    """Signals as strace lists them; of more than half of them, those that are not in it."""
    names = [signal_name(number).removeprefix("SIG") for number in range(1, 65) if bits >> (number - 1) & 1]
    if len(names) > 32:
        others = [signal_name(number).removeprefix("SIG") for number in range(1, 65) if not bits >> (number - 1) & 1]
        return f"~[{' '.join(others)}]"
    return f"[{' '.join(names)}]"


def signal_name(number: int) -> str:
    """A signal by its name; real-time ones count from 32, as strace has it."""
    if number >= FIRST_REAL_TIME:
        return "SIGRTMIN" if number == FIRST_REAL_TIME else f"SIGRT_{number - FIRST_REAL_TIME}"
    return signal.Signals(number).name


def signal_shown(number: int, code: int, word: int, value: int) -> str:
    """A signal that is taken, with what is told of it."""
    name = signal_name(number)
    codes = CHILD_CODES if name == "SIGCHLD" else CODES
    parts = [f"si_signo={name}", f"si_code={codes.get(code) or CODES.get(code) or code}"]
    if code > 0 and name in FAULTS:
        parts.append(f"si_addr={pointer(word)}")
    elif code != SI_KERNEL:
        parts += [f"si_pid={signed(word)}", f"si_uid={word >> 32}"]
        if name == "SIGCHLD" and code > 0:
            ended_by = signed(value)
            parts.append(f"si_status={ended_by if code == 1 else signal_name(ended_by)}")
    return f"--- {name} {{{', '.join(parts)}}} ---"


def wait_status(status: int) -> str:
    """As the macros of wait(2) say it."""
    if status & 0x7F == 0:
        return f"[{{WIFEXITED(s) && WEXITSTATUS(s) == {status >> 8 & 0xFF}}}]"
    if status & 0xFF == 0x7F:
        return f"[{{WIFSTOPPED(s) && WSTOPSIG(s) == {signal_name(status >> 8 & 0xFF)}}}]"
    core = " && WCOREDUMP(s)" if status & 0x80 else ""
    return f"[{{WIFSIGNALED(s) && WTERMSIG(s) == {signal_name(status & 0x7F)}{core}}}]"


def result_of(value: int, is_pointer: bool) -> str:
    """What a call gave back."""
    if -LARGEST_ERRNO <= value < 0:
        name = errno.errorcode.get(-value, str(-value))
        return f"-1 {name} ({os.strerror(-value)})"
    return f"{value & UNLIMITED:#x}" if is_pointer and value else str(value)


def ended(status: int) -> str:
    """How a thread ended."""
    if status & 0x7F == 0:
        return f"+++ exited with {status >> 8 & 0xFF} +++"
    core = " (core dumped)" if status & 0x80 else ""
    return f"+++ killed by {signal_name(status & 0x7F)}{core} +++"
