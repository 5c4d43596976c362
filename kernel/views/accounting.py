"""What /proc/PID tells of what threads have done and do: io, sched, schedstat, syscall, timers and others (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, i64, local, local_array, u8, u64
from kernel.base.errno import EACCES
from kernel.base.text import DECIMAL_LENGTH, format_unsigned, index_of
from kernel.base.writer import Writer
from kernel.files.inode import Inode
from kernel.machine.clock import CLOCK
from kernel.machine.trap import SYSTEM_CALL_VECTOR
from kernel.process.access import LookAs, may_look_into
from kernel.process.process import Process
from kernel.process.timers import OWN_TIMERS, ProcessTimer
from kernel.process.usage import Report, report_process, report_thread
from kernel.sched.cpu import current
from kernel.sched.policy import STANDARD_THREAD_WEIGHT
from kernel.sched.usage import Usage
from kernel.views.attributes import traced
from kernel.views.populations import LowestNumbers
from kernel.views.state import is_ready
from kernel.views.subject import number_of, process_of, thread_of
from kernel.views.text import END

LABEL_WIDTH: u64 = 45
VALUE_WIDTH: u64 = 20
NORMAL_PRIORITY: i64 = 120
MILLISECOND: u64 = 1_000_000


def fill_report(inode: Inode, report: Report) -> Fallible[None]:
    """What the thread or the process that `inode` is about has used."""
    process = process_of(inode)
    thread = thread_of(inode)
    if thread is None or process.pid == number_of(inode):
        report_process(process, report)
    else:
        report_thread(thread, report)


def write_transfers(inode: Inode, writer: Writer) -> Fallible[None]:
    """io: how many bytes were read and written, in how many calls; none goes to a disk. EACCES."""
    process = process_of(inode)
    if not may_look_into(process, LookAs.FILES):
        raise EACCES
    report = local(Report)
    fill_report(inode, report)
    used = report.used
    writer(f"rchar: {used.read_bytes}\nwchar: {used.written_bytes}\nsyscr: {used.reads}\nsyscw: {used.writes}\n")
    writer.text(b"read_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n")


def write_run_time(inode: Inode, writer: Writer) -> Fallible[None]:
    """schedstat: nanoseconds that it ran and that it waited, which nobody counts; how often it was given a
    processor.
    """
    report = local(Report)
    fill_report(inode, report)
    writer(f"{u64(CLOCK.nanoseconds_of(report.used.time))} 0 {switches(report.used)}\n")


def switches(used: Usage) -> u64:
    """How often another thread was chosen in its place."""
    return used.voluntary_switches + used.involuntary_switches


def write_schedule(inode: Inode, writer: Writer) -> Fallible[None]:
    """sched: how it is scheduled, in the words of Linux."""
    process = process_of(inode)
    thread = thread_of(inode)
    name = process.name[:] if thread is None else thread.name[:]
    writer(f"{name[0 : index_of(name, 0)]} ({number_of(inode)}, #threads: {max(u64(len(process.threads)), 1)})\n")
    writer.text(b"-------------------------------------------------------------------\n")
    report = local(Report)
    fill_report(inode, report)
    used = report.used
    run = u64(CLOCK.nanoseconds_of(used.time))
    write_label(writer, b"se.sum_exec_runtime")
    fraction = run % MILLISECOND
    write_right(writer, run // MILLISECOND, VALUE_WIDTH - 6)
    writer(f".{fraction // 100_000}{fraction // 10_000 % 10}{fraction // 1000 % 10}")
    writer(f"{fraction // 100 % 10}{fraction // 10 % 10}{fraction % 10}\n")
    write_value(writer, b"nr_switches", switches(used))
    write_value(writer, b"nr_voluntary_switches", used.voluntary_switches)
    write_value(writer, b"nr_involuntary_switches", used.involuntary_switches)
    if thread is not None:
        write_value(writer, b"se.load.weight", thread.policy.weight * 1024 * 1024 // STANDARD_THREAD_WEIGHT)
        write_value(writer, b"policy", u64(thread.policy.kind))
        write_value(writer, b"prio", u64(NORMAL_PRIORITY + i64(thread.policy.nice)))


def write_label(writer: Writer, label: Slice[u8]) -> None:
    """The name of a value, in its column."""
    writer.text(label)
    for _ in range(u64(len(label)), LABEL_WIDTH):
        writer.text(b" ")
    writer.text(b":")


def write_right(writer: Writer, value: u64, width: u64) -> None:
    """A number, ended by its column."""
    digits = local_array(u8, DECIMAL_LENGTH)
    number = digits[format_unsigned(digits, value, 10) :]
    for _ in range(u64(len(number)), width):
        writer.text(b" ")
    writer.text(number)


def write_value(writer: Writer, label: Slice[u8], value: u64) -> None:
    """A line of a name and a whole number."""
    write_label(writer, label)
    write_right(writer, value, VALUE_WIDTH + 1)
    writer.text(b"\n")


def write_call(inode: Inode, writer: Writer) -> Fallible[None]:
    """syscall: the call in which it waits, its arguments, stack pointer and instruction pointer. EPERM."""
    traced(inode)
    thread = thread_of(inode)
    if thread is None:
        writer.text(b"-1 0x0 0x0\n")
        return
    if is_ready(thread) and thread is not current():
        writer.text(b"running\n")
        return
    frame = thread.frame
    if frame.vector != SYSTEM_CALL_VECTOR:
        writer(f"-1 {frame.rsp:#x} {frame.rip:#x}\n")
        return
    writer(f"{frame.error} {frame.rdi:#x} {frame.rsi:#x} {frame.rdx:#x} {frame.r10:#x} {frame.r8:#x} {frame.r9:#x} ")
    writer(f"{frame.rsp:#x} {frame.rip:#x}\n")


def write_nothing(inode: Inode, writer: Writer) -> Fallible[None]:
    """wchan: where in the kernel it waits is told to nobody."""
    process_of(inode)
    writer.text(b"0")


def refuse_stack(inode: Inode, writer: Writer) -> Fallible[None]:
    """stack: what calls it is in within the kernel is told to nobody. EACCES."""
    process_of(inode)
    raise EACCES


def write_children(inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
    """children: the processes that it is the parent of; the first thread is the parent of all."""
    process = process_of(inode)
    if process.pid != number_of(inode):
        return END
    lowest = local(LowestNumbers)
    lowest.start = key
    for child in process.children:
        lowest.take(u64(child.pid))
    for place in range(lowest.count):
        writer(f"{lowest.numbers[place]} ")
    return END if lowest.count == 0 else lowest.numbers[lowest.count - 1] + 1


def write_timers(inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
    """timers: those of timer_create(2). The key is a number that none has that came before."""
    process = process_of(inode)
    timer = process.timers.at_or_above(key + OWN_TIMERS)
    if timer is None:
        return END
    if timer.is_ready:
        write_timer(process, timer, writer)
    return u64(timer.number) + 1


def write_timer(process: Process, timer: ProcessTimer, writer: Writer) -> None:
    """What one timer does, and to whom."""
    notify: Slice[u8] = b"none" if timer.is_silent else b"signal"
    target: Slice[u8] = b"pid" if timer.thread_id == 0 else b"tid"
    number = i64(process.pid) if timer.thread_id == 0 else i64(timer.thread_id)
    writer(f"ID: {timer.number}\nsignal: {timer.signal}/")
    writer.zero_padded(timer.entry.info.value, 16)
    writer(f"\nnotify: {notify}/{target}.{number}\nClockID: {timer.clock}\n")
