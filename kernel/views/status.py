"""/proc/PID/status: a process in words (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, i64, local, local_array, u8, u64
from kernel.base.text import DECIMAL_LENGTH, format_unsigned, index_of
from kernel.base.writer import Writer
from kernel.files.inode import Inode
from kernel.machine.layout import PAGE_SIZE
from kernel.memory.resident import most_resident_pages
from kernel.process.limits import Resource
from kernel.process.process import Process
from kernel.sched.cpu import CPUS
from kernel.sched.policy import EVERY_PROCESSOR
from kernel.sched.thread import Thread
from kernel.views.memory_counts import MemoryCounts, count_memory
from kernel.views.state import signals_caught, signals_ignored, state_letter, state_word
from kernel.views.subject import number_of, process_of, thread_of

KIBIBYTES: u64 = PAGE_SIZE // 1024
NUMBER_COLUMN: u64 = 8


def write_status(inode: Inode, writer: Writer) -> Fallible[None]:
    """status: who it is, its memory, its signals, its rights."""
    counts = local(MemoryCounts)
    count_memory(inode, counts)
    process = process_of(inode)
    thread = thread_of(inode)
    write_identity(inode, process, thread, writer)
    write_namespaces(inode, process, writer)
    if not process.is_zombie:
        write_memory(process, counts, writer)
        writer.text(b"CoreDumping:\t0\nTHP_enabled:\t0\n")
    writer(f"Threads:\t{max(u64(len(process.threads)), 1)}\n")
    write_signals(process, thread, writer)
    write_capabilities(process, writer)
    writer(f"NoNewPrivs:\t{1 if process.settings.no_new_privileges else 0}\nSeccomp:\t0\nSeccomp_filters:\t0\n")
    writer.text(b"Speculation_Store_Bypass:\tunknown\nSpeculationIndirectBranch:\tunknown\n")
    write_processors(thread, writer)
    voluntary: u64 = 0 if thread is None else thread.usage.voluntary_switches
    involuntary: u64 = 0 if thread is None else thread.usage.involuntary_switches
    writer(f"voluntary_ctxt_switches:\t{voluntary}\nnonvoluntary_ctxt_switches:\t{involuntary}\n")


def write_identity(inode: Inode, process: Process, thread: Thread | None, writer: Writer) -> None:
    """Its name and state, its number and that of its parent, its users and groups."""
    name = process.name[:] if thread is None else thread.name[:]
    writer(f"Name:\t{name[0 : index_of(name, 0)]}\n")
    if not process.is_zombie:
        writer(f"Umask:\t0{process.umask >> 6}{process.umask >> 3 & 7}{process.umask & 7}\n")
    parent = process.parent
    parent_id: i64 = 0 if parent is None else i64(parent.pid)
    writer(f"State:\t{state_letter(process, thread)} ({state_word(process, thread)})\nTgid:\t{process.pid}\nNgid:\t0\n")
    writer(f"Pid:\t{number_of(inode)}\nPPid:\t{parent_id}\nTracerPid:\t0\n")
    about = process.credentials
    writer(f"Uid:\t{about.real_user}\t{about.effective_user}\t{about.saved_user}\t{about.user}\n")
    writer(f"Gid:\t{about.real_group}\t{about.effective_group}\t{about.saved_group}\t{about.group}\n")
    writer(f"FDSize:\t{0 if process.is_zombie else process.files.capacity}\nGroups:\t")
    for index in range(about.group_count):
        writer(f"{about.groups[index]} ")
    writer.text(b" \n" if about.group_count == 0 else b"\n")


def write_namespaces(inode: Inode, process: Process, writer: Writer) -> None:
    """Its numbers in the only namespace that there is for it."""
    writer(f"NStgid:\t{process.pid}\nNSpid:\t{number_of(inode)}\n")
    writer(f"NSpgid:\t{process.group_id}\nNSsid:\t{process.session_id}\nKthread:\t0\n")


def write_memory(process: Process, counts: MemoryCounts, writer: Writer) -> None:
    """How large its address space is and was, by what it is for, and how much of it is in memory."""
    space = process.space
    with space.lock:
        peak = space.mapped.most
    code = min(space.places.code_pages, counts.executable)
    write_size(writer, b"VmPeak:", max(peak, counts.size))
    write_size(writer, b"VmSize:", counts.size)
    write_size(writer, b"VmLck:", counts.locked)
    write_size(writer, b"VmPin:", 0)
    write_size(writer, b"VmHWM:", max(most_resident_pages(space), counts.resident))
    write_size(writer, b"VmRSS:", counts.resident)
    write_size(writer, b"RssAnon:", counts.anonymous)
    write_size(writer, b"RssFile:", counts.resident - counts.anonymous - counts.shared_memory)
    write_size(writer, b"RssShmem:", counts.shared_memory)
    write_size(writer, b"VmData:", counts.data)
    write_size(writer, b"VmStk:", counts.stack)
    write_size(writer, b"VmExe:", code)
    write_size(writer, b"VmLib:", counts.executable - code)
    write_size(writer, b"VmPTE:", counts.tables)
    write_size(writer, b"VmSwap:", 0)
    write_size(writer, b"HugetlbPages:", 0)


def write_size(writer: Writer, name: Slice[u8], pages: u64) -> None:
    """A line: the name, and KiB to the right of it."""
    digits = local_array(u8, DECIMAL_LENGTH)
    number = digits[format_unsigned(digits, pages * KIBIBYTES, 10) :]
    writer.text(name)
    writer.text(b"\t")
    for _ in range(u64(len(number)), NUMBER_COLUMN):
        writer.text(b" ")
    writer.text(number)
    writer.text(b" kB\n")


def write_signals(process: Process, thread: Thread | None, writer: Writer) -> None:
    """The sets of signals, as hexadecimal masks."""
    writer(f"SigQ:\t{process.owner.signals}/{process.settings.limits.soft_of(Resource.PENDING_SIGNALS) & 0x7FFFFFFF}\n")
    write_set(writer, b"SigPnd:\t", 0 if thread is None else thread.pending_signals)
    write_set(writer, b"ShdPnd:\t", process.signals.pending)
    write_set(writer, b"SigBlk:\t", 0 if thread is None else thread.signal_mask)
    write_set(writer, b"SigIgn:\t", signals_ignored(process))
    write_set(writer, b"SigCgt:\t", signals_caught(process))


def write_capabilities(process: Process, writer: Writer) -> None:
    """The sets of capabilities."""
    sets = process.credentials.capabilities
    write_set(writer, b"CapInh:\t", sets.inheritable)
    write_set(writer, b"CapPrm:\t", sets.permitted)
    write_set(writer, b"CapEff:\t", sets.effective)
    write_set(writer, b"CapBnd:\t", sets.bounding)
    write_set(writer, b"CapAmb:\t", sets.ambient)


def write_set(writer: Writer, name: Slice[u8], members: u64) -> None:
    """One set, of 16 digits."""
    writer.text(name)
    for digit in range(16):
        writer(f"{members >> (60 - 4 * digit) & 15:x}")
    writer.text(b"\n")


def write_processors(thread: Thread | None, writer: Writer) -> None:
    """Where it may run, as a mask and as a list; and the one node of memory."""
    started = u64(CPUS.started)
    allowed = (EVERY_PROCESSOR if thread is None else thread.policy.processors) & EVERY_PROCESSOR >> (64 - started)
    writer.text(b"Cpus_allowed:\t")
    if started > 32:
        write_word(writer, allowed >> 32, (started - 29) // 4)
        writer.text(b",")
    write_word(writer, allowed & 0xFFFF_FFFF, (min(started, 32) + 3) // 4)
    writer.text(b"\nCpus_allowed_list:\t")
    write_list(writer, allowed)
    writer.text(b"\nMems_allowed:\t1\nMems_allowed_list:\t0\n")


def write_word(writer: Writer, value: u64, digits: u64) -> None:
    """Some hexadecimal digits of a mask."""
    for digit in range(digits):
        writer(f"{value >> (4 * (digits - 1 - digit)) & 15:x}")


def write_list(writer: Writer, members: u64) -> None:
    """The members of a set as ranges: 0-2,5."""
    number: u64 = 0
    is_first = True
    while number < 64:
        if members >> number & 1 == 0:
            number += 1
            continue
        last = number
        while last < 63 and members >> (last + 1) & 1 != 0:
            last += 1
        if not is_first:
            writer.text(b",")
        is_first = False
        writer(f"{number}")
        if last > number:
            writer(f"-{last}")
        number = last + 1
