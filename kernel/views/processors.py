"""What /proc tells of the processors (proc(5)): all that run, whichever container asks."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, fill, local, local_array, store, u8, u32, u64
from kernel.base.text import index_of, split_at
from kernel.base.writer import Writer
from kernel.files.inode import Inode
from kernel.machine.clock import CLOCK, wall_time
from kernel.machine.cpuid import CpuidResult, read_cpuid
from kernel.machine.trap import Vector
from kernel.sched.cpu import CPUS, FIRST_INTERRUPT, current
from kernel.sched.timer import now
from kernel.sched.times import cpu_times
from kernel.views.processor_flags import write_flags
from kernel.views.system import HUNDREDTH, SECOND, count_running, write_seconds
from kernel.views.text import END

BRAND_LENGTH: u64 = 48
VENDOR_LENGTH: u64 = 12
SPACE: u8 = 0x20

LINES = (
    (b"  3:", Vector.AGENT_SERIAL, b"  IO-APIC   3-edge      ttyS1"),
    (b"  4:", Vector.CONSOLE_SERIAL, b"  IO-APIC   4-edge      ttyS0"),
    (b"LOC:", Vector.TIMER, b"   Local timer interrupts"),
    (b"RES:", Vector.RESCHEDULE, b"   Rescheduling interrupts"),
    (b"TLB:", Vector.TLB_SHOOTDOWN, b"   TLB shootdowns"),
)
"""The interrupts that there are, as Linux calls them (arch/x86/kernel/irq.c)."""

SOFT_INTERRUPTS = b"HI TIMER NET_TX NET_RX BLOCK IRQ_POLL TASKLET SCHED HRTIMER RCU"


# Time.


def all_times() -> tuple[u64, u64]:
    """How long all processors together have run threads, and had none to run; in nanoseconds."""
    busy: u64 = 0
    idle: u64 = 0
    for number in range(CPUS.started):
        busy_here, idle_here = cpu_times(CPUS.of[number])
        busy += u64(busy_here)
        idle += u64(idle_here)
    return busy, idle


def write_uptime(inode: Inode, writer: Writer) -> Fallible[None]:
    """uptime: seconds since the start, and those in which processors were idle, added up."""
    write_seconds(writer, u64(now()))
    writer.text(b" ")
    _, idle = all_times()
    write_seconds(writer, idle)
    writer.text(b"\n")


def write_statistics(inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
    """stat: the time of the processors, in a record each, the start, and counts."""
    if key == 0:
        all_busy, all_idle = all_times()
        writer.text(b"cpu ")
        write_times(writer, all_busy, all_idle)
        return 1
    if key <= CPUS.started:
        busy, idle = cpu_times(CPUS.of[key - 1])
        writer(f"cpu{key - 1}")
        write_times(writer, u64(busy), u64(idle))
        return key + 1
    interrupts: u64 = 0
    switches: u64 = 0
    for number in range(CPUS.started):
        cpu = CPUS.of[number]
        switches += cpu.switches
        for count in cpu.interrupts[:]:
            interrupts += count
    writer(f"intr {interrupts}\nctxt {switches}\n")
    writer(f"btime {(u64(wall_time()) - u64(now())) // SECOND}\n")
    writer(f"processes {current().process.container.processes_run}\nprocs_running {count_running()}\n")
    writer.text(b"procs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n")
    return END


def write_times(writer: Writer, busy: u64, idle: u64) -> None:
    """Nanoseconds, in hundredths of a second: what was not idle counts as time of programs."""
    writer(f" {busy // HUNDREDTH} 0 0 {idle // HUNDREDTH} 0 0 0 0 0 0\n")


# Interrupts.


def write_interrupts(inode: Inode, writer: Writer) -> Fallible[None]:
    """interrupts: how many of each kind every processor has had."""
    write_processor_names(writer, 11)
    for label, vector, title in LINES:
        writer.text(label)
        for number in range(CPUS.started):
            writer.text(b" ")
            writer.padded(CPUS.of[number].interrupts[u64(vector) - FIRST_INTERRUPT], 10, 10)
        writer.text(title)
        writer.text(b"\n")
    writer.text(b"ERR:          0\nMIS:          0\n")


def write_processor_names(writer: Writer, start: u64) -> None:
    """The heads of the columns, of which the first one begins at `start`."""
    for _ in range(start):
        writer.text(b" ")
    for number in range(CPUS.started):
        writer(f"CPU{number}")
        for _ in range(11 - 4 if number < 10 else 11 - 5):
            writer.text(b" ")
    writer.text(b"\n")


def write_soft_interrupts(inode: Inode, writer: Writer) -> Fallible[None]:
    """softirqs: this kernel has none, so all are 0."""
    write_processor_names(writer, 20)
    rest: Slice[u8] = SOFT_INTERRUPTS
    while len(rest) > 0:
        name, rest = split_at(rest, SPACE)
        for _ in range(u64(len(name)), 12):
            writer.text(b" ")
        writer.text(name)
        writer.text(b":")
        for _ in range(CPUS.started):
            writer.text(b"          0")
        writer.text(b"\n")


# What they are.


def write_cpu_information(inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
    """cpuinfo: the processors that run programs, as cores of one; a record each."""
    count = CPUS.started
    if key >= count:
        return END
    answer = local(CpuidResult)
    writer(f"processor\t: {key}\nvendor_id\t: ")
    write_vendor(writer)
    read_cpuid(1, 0, answer)
    signature, line = answer.eax, answer.ebx >> 8 & 0xFF
    family, model = signature >> 8 & 15, signature >> 4 & 15
    if family >= 6:
        model = model | signature >> 12 & 0xF0
    if family == 15:
        family = family + (signature >> 20 & 0xFF)
    writer(f"\ncpu family\t: {family}\nmodel\t\t: {model}\nmodel name\t: ")
    write_brand(writer)
    writer(f"\nstepping\t: {signature & 15}\ncpu MHz\t\t: ")
    write_megahertz(writer, CLOCK.tsc_hertz, 1000)
    writer(f"\ncache size\t: {cache_size()} KB\n")
    writer(f"physical id\t: 0\nsiblings\t: {count}\ncore id\t\t: {key}\ncpu cores\t: {count}\n")
    apic = CPUS.of[key].apic_id
    writer(f"apicid\t\t: {apic}\ninitial apicid\t: {apic}\nfpu\t\t: yes\nfpu_exception\t: yes\n")
    read_cpuid(0, 0, answer)
    writer(f"cpuid level\t: {answer.eax}\nwp\t\t: yes\nflags\t\t:")
    write_flags(writer)
    writer.text(b"\nbugs\t\t:\nbogomips\t: ")
    write_megahertz(writer, CLOCK.tsc_hertz * 2, 100)
    writer(f"\nclflush size\t: {line * 8}\ncache_alignment\t: {line * 8}\naddress sizes\t: ")
    write_address_sizes(writer)
    writer.text(b"\npower management:\n\n")
    return key + 1


def write_megahertz(writer: Writer, hertz: u64, parts: u64) -> None:
    """A rate in MHz, with two or three digits behind the point: `parts` is 100 or 1000."""
    writer(f"{hertz // 1_000_000}.")
    rest = hertz % 1_000_000 * parts // 1_000_000
    if parts == 1000:
        writer(f"{rest // 100}")
    writer(f"{rest // 10 % 10}{rest % 10}")


def write_vendor(writer: Writer) -> None:
    """The name of the vendor (CPUID, leaf 0)."""
    answer = local(CpuidResult)
    name = local_array(u8, VENDOR_LENGTH)
    read_cpuid(0, 0, answer)
    store(u32, name, 0, answer.ebx)
    store(u32, name, 4, answer.edx)
    store(u32, name, 8, answer.ecx)
    writer.text(name)


def write_brand(writer: Writer) -> None:
    """The name of the model (CPUID, leaves 0x80000002 to 0x80000004), without spaces before it."""
    answer = local(CpuidResult)
    name = local_array(u8, BRAND_LENGTH)
    fill(name, 0)
    read_cpuid(0x8000_0000, 0, answer)
    if answer.eax < 0x8000_0004:
        writer.text(b"unknown")
        return
    for leaf in range(3):
        read_cpuid(0x8000_0002 + u32(leaf), 0, answer)
        store(u32, name, leaf * 16, answer.eax)
        store(u32, name, leaf * 16 + 4, answer.ebx)
        store(u32, name, leaf * 16 + 8, answer.ecx)
        store(u32, name, leaf * 16 + 12, answer.edx)
    start: u64 = 0
    while start < BRAND_LENGTH and name[start] == SPACE:
        start += 1
    text: Slice[u8] = name[start:BRAND_LENGTH]
    writer.text(text[0 : index_of(text, 0)])


def cache_size() -> u32:
    """The size of the second-level cache in KiB (CPUID, leaf 0x80000006)."""
    answer = local(CpuidResult)
    read_cpuid(0x8000_0000, 0, answer)
    if answer.eax < 0x8000_0006:
        return 0
    read_cpuid(0x8000_0006, 0, answer)
    return answer.ecx >> 16


def write_address_sizes(writer: Writer) -> None:
    """How many bits physical and virtual addresses have (CPUID, leaf 0x80000008)."""
    answer = local(CpuidResult)
    read_cpuid(0x8000_0000, 0, answer)
    if answer.eax < 0x8000_0008:
        writer.text(b"36 bits physical, 48 bits virtual")
        return
    read_cpuid(0x8000_0008, 0, answer)
    writer(f"{answer.eax & 0xFF} bits physical, {answer.eax >> 8 & 0xFF} bits virtual")
