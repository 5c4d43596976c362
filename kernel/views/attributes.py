"""What /proc/PID tells of what a process has set, or others for it: limits, comm, personality and others (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, fill, i64, local_array, u8, u32, u64
from kernel.base.errno import EINVAL, EPERM, ESRCH
from kernel.base.text import DECIMAL_LENGTH, format_unsigned, index_of
from kernel.base.writer import Writer
from kernel.files.capability import Capability
from kernel.files.inode import Inode
from kernel.process.access import LookAs, may_look_into
from kernel.process.limits import UNLIMITED
from kernel.process.process import NAME_LENGTH, Process
from kernel.process.settings import NO_LOGIN
from kernel.sched.cpu import current
from kernel.sched.policy import DEFAULT_SLACK
from kernel.sched.thread import Thread
from kernel.views.numbers import NEWLINE, taken_signed, taken_unsigned
from kernel.views.subject import process_of, thread_of

LIMITS = (
    (0, b"Max cpu time", b"seconds"),
    (1, b"Max file size", b"bytes"),
    (2, b"Max data size", b"bytes"),
    (3, b"Max stack size", b"bytes"),
    (4, b"Max core file size", b"bytes"),
    (5, b"Max resident set", b"bytes"),
    (6, b"Max processes", b"processes"),
    (7, b"Max open files", b"files"),
    (8, b"Max locked memory", b"bytes"),
    (9, b"Max address space", b"bytes"),
    (10, b"Max file locks", b"locks"),
    (11, b"Max pending signals", b"signals"),
    (12, b"Max msgqueue size", b"bytes"),
    (13, b"Max nice priority", b""),
    (14, b"Max realtime priority", b""),
    (15, b"Max realtime timeout", b"us"),
)
"""Resources by number, with name and unit (Linux, fs/proc/base.c)."""

CORE_FILTER_BITS: u64 = 0x1FF
"""The kinds of mappings that a core dump may have (core(5))."""


# Limits and names.


def write_limits(inode: Inode, writer: Writer) -> Fallible[None]:
    """limits: the soft and the hard limit of each resource."""
    limits = process_of(inode).settings.limits
    writer.text(b"Limit                     Soft Limit           Hard Limit           Units     \n")
    for number, name, unit in LIMITS:
        write_column(writer, name, 26)
        write_limit(writer, limits.soft[number])
        write_limit(writer, limits.hard[number])
        if len(unit) > 0:
            write_column(writer, unit, 10)
        writer.text(b"\n")


def write_limit(writer: Writer, value: u64) -> None:
    """One limit, as a column."""
    digits = local_array(u8, DECIMAL_LENGTH)
    if value == UNLIMITED:
        write_column(writer, b"unlimited", 21)
    else:
        write_column(writer, digits[format_unsigned(digits, value, 10) :], 21)


def write_column(writer: Writer, text: Slice[u8], width: u64) -> None:
    """`text` and spaces."""
    writer.text(text)
    for _ in range(u64(len(text)), width):
        writer.text(b" ")


def write_name(inode: Inode, writer: Writer) -> Fallible[None]:
    """comm: the name of a process or, in `task`, of a thread."""
    process = process_of(inode)
    thread = thread_of(inode)
    name = process.name[:] if thread is None else thread.name[:]
    writer.text(name[0 : index_of(name, 0)])
    writer.text(b"\n")


def take_name(inode: Inode, text: Slice[u8]) -> Fallible[None]:
    """Threads of one process may name each other. EINVAL."""
    process = process_of(inode)
    if process is not current().process:
        raise EINVAL
    thread = thread_of(inode)
    if thread is None:
        raise ESRCH
    name = local_array(u8, NAME_LENGTH)
    fill(name, 0)
    length: u64 = 0
    while length < min(u64(len(text)), NAME_LENGTH - 1) and text[length] != NEWLINE:
        name[length] = text[length]
        length += 1
    process.name_thread(thread, name[0:length])


# Settings.


def write_personality(inode: Inode, writer: Writer) -> Fallible[None]:
    """personality: as personality(2) tells it. EPERM for who may not look into the process."""
    write_hexadecimal(writer, traced(inode).settings.personality)


def write_hexadecimal(writer: Writer, value: u32) -> None:
    """A line of eight digits."""
    for digit in range(8):
        writer(f"{value >> (28 - 4 * digit) & 15:x}")
    writer.text(b"\n")


def traced(inode: Inode) -> Fallible[Process]:
    """The process that `inode` is about, for who may trace it (lock_trace() of Linux). EPERM, ESRCH."""
    process = process_of(inode)
    if not may_look_into(process, LookAs.FILES):
        raise EPERM
    return process


def write_core_filter(inode: Inode, writer: Writer) -> Fallible[None]:
    """coredump_filter: which mappings a core dump has; it is kept and inherited, but there are no core dumps."""
    process = process_of(inode)
    if not process.is_zombie:
        write_hexadecimal(writer, process.settings.core_filter)


def take_core_filter(inode: Inode, text: Slice[u8]) -> Fallible[None]:
    """EINVAL for what is no number."""
    process_of(inode).settings.core_filter = u32(taken_unsigned(text) & CORE_FILTER_BITS)


def write_timer_slack(inode: Inode, writer: Writer) -> Fallible[None]:
    """timerslack_ns: as prctl(2) sets it. EPERM for those of others without CAP_SYS_NICE."""
    writer(f"{slack_owner(inode).policy.timer_slack}\n")


def take_timer_slack(inode: Inode, text: Slice[u8]) -> Fallible[None]:
    """0 is the value that a process begins with. EPERM, EINVAL."""
    thread = slack_owner(inode)
    value = taken_unsigned(text)
    thread.policy.timer_slack = DEFAULT_SLACK if value == 0 else value


def slack_owner(inode: Inode) -> Fallible[Thread]:
    """The thread whose slack it is, if the running one may see and set it (CAP_SYS_NICE). EPERM, ESRCH."""
    process = process_of(inode)
    if process is not current().process and not current().process.credentials.has(Capability.SYS_NICE):
        raise EPERM
    thread = thread_of(inode)
    if thread is None:
        raise ESRCH
    return thread


def write_login(inode: Inode, writer: Writer) -> Fallible[None]:
    """loginuid: as whom somebody logged in to start it, or the highest number."""
    writer(f"{process_of(inode).settings.login_user}")


def take_login(inode: Inode, text: Slice[u8]) -> Fallible[None]:
    """A process sets its own, with CAP_AUDIT_CONTROL. EPERM, EINVAL."""
    process = process_of(inode)
    if process is not current().process or not process.credentials.has(Capability.AUDIT_CONTROL):
        raise EPERM
    process.settings.login_user = u32(taken_signed(text, -1, i64(NO_LOGIN)) & i64(NO_LOGIN))


def write_set_groups(inode: Inode, writer: Writer) -> Fallible[None]:
    """setgroups: setgroups(2) is not forbidden."""
    process_of(inode)
    writer.text(b"allow\n")


def take_id_map(inode: Inode, text: Slice[u8]) -> Fallible[None]:
    """uid_map and its like: they were written already, as those of the first user namespace of Linux. EPERM."""
    process_of(inode)
    raise EPERM


def write_id_map(inode: Inode, writer: Writer) -> Fallible[None]:
    """uid_map, gid_map and projid_map: every id is itself."""
    process_of(inode)
    writer.text(b"         0          0 4294967295\n")
