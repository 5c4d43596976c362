"""What /proc tells of the processors (proc(5)): all that run, whichever container asks."""

from __future__ import annotations

from codegen.lang import Fallible, struct, u64
from kernel.base.writer import Writer
from kernel.files.inode import Inode, View
from kernel.machine.clock import CLOCK, wall_time
from kernel.sched.cpu import CPUS, current
from kernel.sched.timer import TICK, now
from kernel.views.system import HUNDREDTH, SECOND, count_running, write_seconds


def idle_ticks() -> u64:
    """The idle ticks of all processors."""
    total: u64 = 0
    for number in range(CPUS.started):
        total += CPUS.of[number].idle_ticks
    return total


def all_ticks() -> u64:
    """The ticks of all processors."""
    total: u64 = 0
    for number in range(CPUS.started):
        total += CPUS.of[number].ticks
    return total


@struct
class Uptime(View):
    """uptime: seconds since the start, and those in which processors were idle, added up."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        write_seconds(writer, u64(now()))
        writer.text(b" ")
        write_seconds(writer, idle_ticks() * u64(TICK))
        writer.text(b"\n")


@struct
class Statistics(View):
    """stat: the time of the processors, the start, and counts."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        writer.text(b"cpu ")
        write_times(writer, all_ticks(), idle_ticks())
        for number in range(CPUS.started):
            writer(f"cpu{number}")
            write_times(writer, CPUS.of[number].ticks, CPUS.of[number].idle_ticks)
        writer.text(b"intr 0\nctxt 0\n")
        writer(f"btime {(u64(wall_time()) - u64(now())) // SECOND}\n")
        writer(f"processes {current().process.container.processes_run}\nprocs_running {count_running()}\n")
        writer.text(b"procs_blocked 0\n")


def write_times(writer: Writer, ticks: u64, idle: u64) -> None:
    """Hundredths of a second: what was not idle counts as time of programs."""
    busy = (ticks - min(idle, ticks)) * u64(TICK) // HUNDREDTH
    writer(f" {busy} 0 0 {idle * u64(TICK) // HUNDREDTH} 0 0 0 0 0 0\n")


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
