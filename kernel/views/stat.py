"""/proc/PID/stat and statm: a process in one line of numbers (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, i64, local, u64
from kernel.base.text import index_of
from kernel.base.writer import Writer
from kernel.files.inode import Inode
from kernel.machine.layout import PAGE_SIZE
from kernel.process.access import LookAs, may_look_into
from kernel.process.limits import Resource
from kernel.process.process import Process
from kernel.process.session import session_of
from kernel.process.usage import Report, report_process, report_thread
from kernel.sched.thread import Thread
from kernel.views.memory_counts import MemoryCounts, count_memory
from kernel.views.state import is_running, signals_caught, signals_ignored, state_letter
from kernel.views.subject import number_of, process_of, thread_of

HUNDREDTH: u64 = 10_000_000
"""A tick of the clock as programs know it: sysconf(_SC_CLK_TCK) is 100."""
TERMINAL_MAJOR: u64 = 136
"""UNIX98 pseudo-terminals (Linux, Documentation/admin-guide/devices.txt)."""
LOW_SIGNALS: u64 = 0x7FFF_FFFF
"""Those that the fields 31 to 34 tell."""

NEVER_EXECUTED: u64 = 0x40
EXITING: u64 = 0x4
"""PF_FORKNOEXEC and PF_EXITING, of field 9 (include/linux/sched.h)."""


def write_stat(inode: Inode, writer: Writer) -> Fallible[None]:
    """stat: the 52 fields of proc(5). Addresses are for those who may look into the process; others see 0, or 1."""
    process = process_of(inode)
    thread = thread_of(inode)
    name = process.name[:] if thread is None else thread.name[:]
    writer(f"{number_of(inode)} ({name[0 : index_of(name, 0)]}) {state_letter(process, thread)} ")
    parent = process.parent
    parent_id: i64 = 0 if parent is None else i64(parent.pid)
    writer(f"{parent_id} {process.group_id} {process.session_id} ")
    write_terminal(process, writer)
    write_times(process, thread, writer)
    write_memory(process, writer)
    write_rest(process, thread, writer)


def write_terminal(process: Process, writer: Writer) -> None:
    """Fields 7 and 8: the controlling terminal as a device number, and its group in the foreground; 0 and -1 without
    one.
    """
    session = session_of(process)
    terminal = None if session is None else session.terminal
    if session is None or terminal is None:
        writer.text(b"0 -1 ")
    else:
        writer(f"{TERMINAL_MAJOR << 8 | terminal.number} {session.foreground} ")


def write_times(process: Process, thread: Thread | None, writer: Writer) -> None:
    """Fields 9 to 22: flags, faults, processor time, priorities, threads, start."""
    report = local(Report)
    if thread is None or thread.id == process.pid:
        report_process(process, report)
    else:
        report_thread(thread, report)
    children = process.used_by_children
    flags = (0 if process.executed else NEVER_EXECUTED) | (EXITING if process.is_zombie else 0)
    writer(f"{flags} {report.used.faults} {children.used.faults} 0 0 ")
    writer(f"{report.split.user // HUNDREDTH} {report.split.kernel // HUNDREDTH} ")
    writer(f"{children.split.user // HUNDREDTH} {children.split.kernel // HUNDREDTH} ")
    nice: i64 = 0 if thread is None else i64(thread.policy.nice)
    threads = max(u64(len(process.threads)), 1)
    writer(f"{20 + nice} {nice} {threads} 0 {u64(process.started) // HUNDREDTH} ")


def write_memory(process: Process, writer: Writer) -> None:
    """Fields 23 to 30: size, pages in memory and their limit, where the code and the stack are."""
    limit = process.settings.limits.soft_of(Resource.RESIDENT)
    if process.is_zombie:
        writer(f"0 0 {limit} 0 0 0 0 0 ")
        return
    space = process.space
    with space.lock:
        size = space.mapped.pages * PAGE_SIZE
        resident = space.resident
    writer(f"{size} {resident} {limit} ")
    if may_look_into(process, LookAs.FILES):
        places = space.places
        writer(f"{places.code_start} {places.code_end} {places.stack_start} 0 0 ")
    else:
        writer.text(b"1 1 0 0 0 ")


def write_rest(process: Process, thread: Thread | None, writer: Writer) -> None:
    """Fields 31 to 52: signals, whether it waits, processor and policy, where the data and the arguments are, the
    status.
    """
    pending = process.signals.pending | (0 if thread is None else thread.pending_signals)
    blocked: u64 = 0 if thread is None else thread.signal_mask
    ignored = signals_ignored(process) & LOW_SIGNALS
    writer(f"{pending & LOW_SIGNALS} {blocked & LOW_SIGNALS} {ignored} {signals_caught(process) & LOW_SIGNALS} ")
    may_look = may_look_into(process, LookAs.FILES)
    waits = may_look and not process.is_zombie and not is_running(process, thread)
    processor: u64 = 0 if thread is None else thread.processor
    policy: u64 = 0 if thread is None else u64(thread.policy.kind)
    writer(f"{1 if waits else 0} 0 0 {process.exit_signal} {processor} 0 {policy} 0 0 0 ")
    if may_look and not process.is_zombie:
        space = process.space
        places = space.places
        with space.lock:
            heap = space.break_start
        writer(f"{places.data_start} {places.data_end} {heap} ")
        writer(f"{space.arguments_start} {space.arguments_end} {space.arguments_end} {space.environment_end} ")
    else:
        writer.text(b"0 0 0 0 0 0 0 ")
    writer(f"{process.status if may_look else 0}\n")


def write_memory_stat(inode: Inode, writer: Writer) -> Fallible[None]:
    """statm: pages in all, in memory, shared, of code, and of data."""
    counts = local(MemoryCounts)
    count_memory(inode, counts)
    process = process_of(inode)
    code: u64 = 0 if process.is_zombie else process.space.places.code_pages
    shared = counts.file + counts.shared_memory
    writer(f"{counts.size} {counts.resident} {shared} {code} 0 {counts.data + counts.stack} 0\n")
