"""What /proc/PID tells of how a process was started and of what it has set: environ, auxv, limits, comm and others
(proc(5)).
"""

from __future__ import annotations

from codegen.lang import Fallible, Pid, Slice, fill, local_array, struct, u8, u64
from kernel.base.errno import EACCES, EINVAL, ESRCH
from kernel.base.text import DECIMAL_LENGTH, format_unsigned, index_of
from kernel.base.writer import Writer
from kernel.files.capability import Capability
from kernel.files.inode import Inode, TextReceiver, View
from kernel.memory import frames
from kernel.memory.resident import resident_pages
from kernel.process.limits import UNLIMITED
from kernel.process.process import NAME_LENGTH, Process
from kernel.process.stack import AUXILIARY_PAIRS
from kernel.sched.cpu import current
from kernel.views.status import write_memory
from kernel.views.subject import PID_BITS, find_thread, process_of

NEWLINE: u8 = 10
PAIR: u64 = 16
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


def seen_process(inode: Inode) -> Fallible[Process]:
    """The process that `inode` is about, for what only its own user and the superuser may see. EACCES, ESRCH."""
    process = process_of(inode)
    mine = current().process.credentials
    if mine.user != process.credentials.real_user and not mine.has(Capability.SYS_PTRACE):
        raise EACCES
    return process


@struct
class Environment(View):
    """environ: the environment that the program began with, as it stands in its memory now."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        process = seen_process(inode)
        if not process.is_zombie:
            write_memory(process.space, process.space.arguments_end, process.space.environment_end, writer)


@struct
class AuxiliaryVector(View):
    """auxv: what the kernel told the program at its start (getauxval(3))."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        process = seen_process(inode)
        if not process.is_zombie:
            start = process.space.auxiliary_start
            write_memory(process.space, start, start + AUXILIARY_PAIRS * PAIR, writer)


@struct
class ResourceLimits(View):
    """limits: the soft and the hard limit of each resource."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
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


@struct
class CommandName(View, TextReceiver):
    """comm: the name of a process or, in `task`, of a thread. Threads of one process may name each other."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        process = process_of(inode)
        thread = find_thread(process, Pid(inode.subject & PID_BITS))
        name = process.name[:] if thread is None else thread.name[:]
        writer.text(name[0 : index_of(name, 0)])
        writer.text(b"\n")

    def receive(self, inode: Inode, text: Slice[u8]) -> Fallible[None]:
        process = process_of(inode)
        if process is not current().process:
            raise EINVAL
        thread = find_thread(process, Pid(inode.subject & PID_BITS))
        if thread is None:
            raise ESRCH
        name = local_array(u8, NAME_LENGTH)
        fill(name, 0)
        length: u64 = 0
        while length < min(u64(len(text)), NAME_LENGTH - 1) and text[length] != NEWLINE:
            name[length] = text[length]
            length += 1
        process.name_thread(thread, name[0:length])


@struct
class ControlGroup(View):
    """cgroup: the container is the root of what can be seen."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        process_of(inode)
        writer.text(b"0::/\n")


@struct
class OomScore(View):
    """oom_score: the thousandths of memory that the process has: who has most is killed first."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        process = process_of(inode)
        _, total = frames.counts()
        total = min(total, process.container.account.pages.limit)
        resident = 0 if process.is_zombie else resident_pages(process.space)
        writer(f"{resident * 1000 // max(total, 1)}\n")


@struct
class OomAdjustment(View):
    """oom_score_adj: nothing is added for anybody."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        process_of(inode)
        writer.text(b"0\n")


@struct
class Personality(View):
    """personality: as personality(2) tells it."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        value = process_of(inode).settings.personality
        for digit in range(8):
            writer(f"{value >> (28 - 4 * digit) & 15:x}")
        writer.text(b"\n")
