"""What /proc tells of the processors (proc(5)): all that run, whichever container asks."""

from __future__ import annotations

from codegen.lang import Fallible, u64
from kernel.base.writer import Writer
from kernel.files.inode import Inode
from kernel.machine.clock import CLOCK, wall_time
from kernel.sched.cpu import CPUS, current
from kernel.sched.scheduler import cpu_times
from kernel.sched.timer import now
from kernel.views.system import HUNDREDTH, SECOND, count_running, write_seconds
from kernel.views.text import END


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
    writer.text(b"intr 0\nctxt 0\n")
    writer(f"btime {(u64(wall_time()) - u64(now())) // SECOND}\n")
    writer(f"processes {current().process.container.processes_run}\nprocs_running {count_running()}\n")
    writer.text(b"procs_blocked 0\n")
    return END


def write_times(writer: Writer, busy: u64, idle: u64) -> None:
    """Nanoseconds, in hundredths of a second: what was not idle counts as time of programs."""
    writer(f" {busy // HUNDREDTH} 0 0 {idle // HUNDREDTH} 0 0 0 0 0 0\n")


def write_cpu_information(inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
    """cpuinfo: the processors that run programs, as cores of one; a record each."""
    megahertz, rest = CLOCK.tsc_hertz // 1_000_000, CLOCK.tsc_hertz % 1_000_000 // 1000
    count = CPUS.started
    writer(f"processor\t: {key}\n")
    writer(f"cpu MHz\t\t: {megahertz}.{rest // 100}{rest // 10 % 10}{rest % 10}\n")
    writer(f"physical id\t: 0\nsiblings\t: {count}\ncore id\t\t: {key}\ncpu cores\t: {count}\n")
    writer(f"apicid\t\t: {CPUS.of[key].apic_id}\n\n")
    return key + 1 if key + 1 < count else END
