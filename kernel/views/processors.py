"""What /proc tells of the processors (proc(5)): all that run, whichever container asks."""

from __future__ import annotations

from codegen.lang import Fallible, struct, u64
from kernel.base.writer import Writer
from kernel.files.inode import Inode, View
from kernel.machine.clock import CLOCK, wall_time
from kernel.sched.cpu import CPUS, current
from kernel.sched.timer import now
from kernel.sched.times import cpu_times
from kernel.views.system import HUNDREDTH, SECOND, count_running, write_seconds


def all_times() -> tuple[u64, u64]:
    """How long all processors together have run threads, and had none to run; in nanoseconds."""
    busy: u64 = 0
    idle: u64 = 0
    for number in range(CPUS.started):
        busy_here, idle_here = cpu_times(CPUS.of[number])
        busy += u64(busy_here)
        idle += u64(idle_here)
    return busy, idle


@struct
class Uptime(View):
    """uptime: seconds since the start, and those in which processors were idle, added up."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        write_seconds(writer, u64(now()))
        writer.text(b" ")
        _, idle = all_times()
        write_seconds(writer, idle)
        writer.text(b"\n")


@struct
class Statistics(View):
    """stat: the time of the processors, the start, and counts."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        all_busy, all_idle = all_times()
        writer.text(b"cpu ")
        write_times(writer, all_busy, all_idle)
        for number in range(CPUS.started):
            busy, idle = cpu_times(CPUS.of[number])
            writer(f"cpu{number}")
            write_times(writer, u64(busy), u64(idle))
        writer.text(b"intr 0\nctxt 0\n")
        writer(f"btime {(u64(wall_time()) - u64(now())) // SECOND}\n")
        writer(f"processes {current().process.container.processes_run}\nprocs_running {count_running()}\n")
        writer.text(b"procs_blocked 0\n")


def write_times(writer: Writer, busy: u64, idle: u64) -> None:
    """Nanoseconds, in hundredths of a second: what was not idle counts as time of programs."""
    writer(f" {busy // HUNDREDTH} 0 0 {idle // HUNDREDTH} 0 0 0 0 0 0\n")


@struct
class CpuInformation(View):
    """cpuinfo: the processors that run programs, as cores of one."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        megahertz, rest = CLOCK.tsc_hertz // 1_000_000, CLOCK.tsc_hertz % 1_000_000 // 1000
        count = CPUS.started
        for number in range(count):
            writer(f"processor\t: {number}\n")
            writer(f"cpu MHz\t\t: {megahertz}.{rest // 100}{rest // 10 % 10}{rest % 10}\n")
            writer(f"physical id\t: 0\nsiblings\t: {count}\ncore id\t\t: {number}\ncpu cores\t: {count}\n")
            writer(f"apicid\t\t: {CPUS.of[number].apic_id}\n\n")
