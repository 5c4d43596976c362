"""What /proc/PID tells of a process: stat, status, statm, cmdline (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, Pid, Slice, i64, local, struct, u8, u32, u64
from kernel.base.text import index_of
from kernel.base.writer import Writer
from kernel.files.inode import Inode, View
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.machine.paging import index_at
from kernel.memory import frames
from kernel.memory.page_tables import find_table
from kernel.memory.resident import most_resident_pages, resident_pages
from kernel.memory.space import AddressSpace
from kernel.process.limits import Resource
from kernel.process.process import Process
from kernel.process.session import session_of
from kernel.process.signal_table import IGNORE, SIGNALS, bit_of
from kernel.process.usage import Report, report_process, report_thread
from kernel.sched.thread import Thread, ThreadState
from kernel.views.subject import PID_BITS, find_thread, process_of

HUNDREDTH: u64 = 10_000_000
"""A tick of the clock as programs know it: sysconf(_SC_CLK_TCK) is 100."""
KIBIBYTE: u64 = 1024


@struct
class CommandLine(View):
    """cmdline: the arguments, each with its NUL, as they stand in the memory of the program."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        process = process_of(inode)
        if not process.is_zombie:
            space = process.space
            write_memory(space, space.arguments_start, space.arguments_end, writer)


@struct
class Stat(View):
    """stat: one line of 52 numbers for programs such as ps(1)."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        process = process_of(inode)
        parent = process.parent
        parent_id: i64 = 0 if parent is None else i64(parent.pid)
        started = u64(process.started) // HUNDREDTH
        pages = mapped_pages(process)
        thread = find_thread(process, Pid(inode.subject & PID_BITS))
        name = process.name[:] if thread is None else thread.name[:]
        writer(f"{inode.subject & PID_BITS} ({name[0 : index_of(name, 0)]}) ")
        writer.text(state_letter(process))
        writer(f" {parent_id} {process.group_id} {process.session_id} ")
        write_terminal(process, writer)
        report = local(Report)
        if thread is None or thread.id == process.pid:
            report_process(process, report)
        else:
            report_thread(thread, report)
        children = process.used_by_children
        writer(f" 4194560 {report.used.faults} {children.used.faults} 0 0 {report.split.user // HUNDREDTH} ")
        writer(f"{report.split.kernel // HUNDREDTH} {children.split.user // HUNDREDTH} ")
        nice: i64 = 0
        policy: u64 = 0
        processor: u64 = 0
        if thread is not None:
            nice = i64(thread.policy.nice)
            policy = u64(thread.policy.kind)
            processor = u64(thread.processor)
        writer(f"{children.split.kernel // HUNDREDTH} {20 + nice} {nice} {process.threads.count} 0 {started} ")
        writer(f"{size_of_space(process)} {pages} 18446744073709551615 0 0 0 0 0 ")
        writer(f"{process.signals.pending & 0x7FFFFFFF} 0 0 0 0 0 0 {process.exit_signal} {processor} 0 {policy} ")
        writer.text(b"0 0 0 0 0 0 0 0 0 0 0\n")


@struct
class Status(View):
    """status: the same for people."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        process = process_of(inode)
        parent = process.parent
        parent_id: i64 = 0 if parent is None else i64(parent.pid)
        about = process.credentials
        writer(f"Name:\t{name_of(process)}\nUmask:\t0{process.umask >> 6}{process.umask >> 3 & 7}{process.umask & 7}\n")
        writer(f"State:\t{state_letter(process)} ({state_word(process)})\nTgid:\t{process.pid}\nNgid:\t0\n")
        writer(f"Pid:\t{inode.subject & PID_BITS}\nPPid:\t{parent_id}\nTracerPid:\t0\n")
        writer(f"Uid:\t{about.real_user}\t{about.effective_user}\t{about.saved_user}\t{about.user}\n")
        writer(f"Gid:\t{about.real_group}\t{about.effective_group}\t{about.saved_group}\t{about.group}\n")
        writer(f"FDSize:\t{0 if process.is_zombie else process.files.capacity}\nGroups:\t")
        for index in range(about.group_count):
            writer(f"{about.groups[index]} ")
        writer.text(b"\n")
        if not process.is_zombie:
            resident = mapped_pages(process) * PAGE_SIZE // KIBIBYTE
            largest = most_resident_pages(process.space) * PAGE_SIZE // KIBIBYTE
            writer(f"VmSize:\t{size_of_space(process) // KIBIBYTE} kB\n")
            writer(f"VmLck:\t{locked_pages(process) * PAGE_SIZE // KIBIBYTE} kB\n")
            writer(f"VmHWM:\t{largest} kB\nVmRSS:\t{resident} kB\n")
        writer(f"Threads:\t{process.threads.count}\n")
        write_signals(inode, process, writer)
        writer(f"NoNewPrivs:\t{1 if process.settings.no_new_privileges else 0}\nSeccomp:\t0\n")
        thread = find_thread(process, Pid(inode.subject & PID_BITS))
        if thread is not None:
            writer(f"voluntary_ctxt_switches:\t{thread.usage.voluntary_switches}\n")
            writer(f"nonvoluntary_ctxt_switches:\t{thread.usage.involuntary_switches}\n")


def write_signals(inode: Inode, process: Process, writer: Writer) -> None:
    """The sets of signals, as hexadecimal masks."""
    thread = find_thread(process, Pid(inode.subject & PID_BITS))
    ignored: u64 = 0
    caught: u64 = 0
    for number in range(1, SIGNALS + 1):
        signal = u32(number)
        if process.signals.has_handler(signal):
            caught |= bit_of(signal)
        elif process.signals.action(signal).handler == IGNORE:
            ignored |= bit_of(signal)
    writer(f"SigQ:\t0/{process.settings.limits.soft_of(Resource.PENDING_SIGNALS) & 0x7FFFFFFF}\n")
    write_set(writer, b"SigPnd:\t", 0 if thread is None else thread.pending_signals)
    write_set(writer, b"ShdPnd:\t", process.signals.pending)
    write_set(writer, b"SigBlk:\t", 0 if thread is None else thread.signal_mask)
    write_set(writer, b"SigIgn:\t", ignored)
    write_set(writer, b"SigCgt:\t", caught)


def write_set(writer: Writer, name: Slice[u8], signals: u64) -> None:
    """One set, of 16 digits."""
    writer.text(name)
    for digit in range(16):
        writer(f"{signals >> (60 - 4 * digit) & 15:x}")
    writer.text(b"\n")


def name_of(process: Process) -> Slice[u8]:
    """The name, without its NUL."""
    return process.name[0 : index_of(process.name[:], 0)]


def state_letter(process: Process) -> Slice[u8]:
    """R, S, T or Z as ps(1) shows them."""
    if process.is_zombie:
        return b"Z"
    if process.stopped:
        return b"T"
    return b"R" if is_running(process) else b"S"


def state_word(process: Process) -> Slice[u8]:
    """The word that belongs to the letter."""
    if process.is_zombie:
        return b"zombie"
    if process.stopped:
        return b"stopped"
    return b"running" if is_running(process) else b"sleeping"


def is_running(process: Process) -> bool:
    """Whether a thread of `process` has something to do."""
    for thread in process.threads:
        if is_thread_running(thread):
            return True
    return False


def is_thread_running(thread: Thread) -> bool:
    """Whether `thread` runs or is ready to."""
    return thread.has_cpu or thread.state == ThreadState.READY


def mapped_pages(process: Process) -> u64:
    """How many pages it has in memory."""
    return 0 if process.is_zombie else resident_pages(process.space)


def locked_pages(process: Process) -> u64:
    """How many pages of addresses are locked (mlock(2))."""
    space = process.space
    with space.lock:
        return space.mapped.locked


def size_of_space(process: Process) -> u64:
    """All addresses that are mapped, in bytes."""
    space = process.space
    with space.lock:
        return space.mapped.pages * PAGE_SIZE


def write_terminal(process: Process, writer: Writer) -> None:
    """The controlling terminal as a device number, and its group in the foreground: 0 and -1 without one."""
    session = session_of(process)
    terminal = None if session is None else session.terminal
    if session is None or terminal is None:
        writer(f"0 {i64(-1)}")
    else:
        writer(f"{TERMINAL_MAJOR << 8 | terminal.number} {session.foreground}")


TERMINAL_MAJOR: u64 = 136
"""UNIX98 pseudo-terminals (Linux, Documentation/admin-guide/devices.txt)."""


def write_memory(space: AddressSpace, start: u64, end: u64, writer: Writer) -> None:
    """Write what stands in the memory of a program, as far as its pages are there."""
    address = start
    with space.lock:
        while address < end < USER_END:
            table = find_table(space.root, address)
            if table is None:
                return
            entry = table.entries[index_at(address, 1)]
            if not entry.present:
                return
            within = address % PAGE_SIZE
            step = min(PAGE_SIZE - within, end - address)
            writer.text(frames.contents(entry.frame)[within : within + step])
            address += step
