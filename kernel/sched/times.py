"""How long processors and threads have run: what is told of it, and whose time it is.

Interface: `cpu_times` `time_of` `time_of_all`; `watch_time`, and `leave_process` at the end of a thread.
"""

from __future__ import annotations

from codegen.lang import Nanoseconds, u64
from kernel.machine.clock import CLOCK
from kernel.machine.instructions import read_time_stamp
from kernel.sched.cpu import CPUS, Cpu, this_cpu
from kernel.sched.scheduler import SCHEDULER
from kernel.sched.thread import Thread
from kernel.sched.usage import KERNEL_TIME, SharedTime


def cpu_times(cpu: Cpu) -> tuple[Nanoseconds, Nanoseconds]:
    """How long `cpu` has run threads, and how long it had none to run."""
    with SCHEDULER.lock:
        busy, idle = cpu.busy_time, cpu.idle_time
        time = cpu.elapsed(read_time_stamp())
        if cpu.running is cpu.idle:
            idle += time
        else:
            busy += time
    return CLOCK.nanoseconds_of(busy), CLOCK.nanoseconds_of(idle)


def time_of(thread: Thread) -> u64:
    """How long `thread` has run until now, on the time-stamp counter."""
    with SCHEDULER.lock:
        time = thread.usage.time
        if thread.has_cpu:
            time += CPUS.of[thread.processor].elapsed(read_time_stamp())
        return time


def time_of_all(shared: SharedTime) -> u64:
    """How long the threads with this time have run until now, on the time-stamp counter."""
    with SCHEDULER.lock:
        time = shared.time
        now = read_time_stamp()
        for number in range(CPUS.started):
            cpu = CPUS.of[number]
            if cpu.running.shared_time is shared:
                time += cpu.elapsed(now)
        return time


def leave_process() -> None:
    """The running thread ends: from now on its time is nobody's."""
    with SCHEDULER.lock:
        cpu = this_cpu()
        thread = cpu.current
        thread.shared_time.time += cpu.elapsed(read_time_stamp())
        thread.shared_time = KERNEL_TIME


def watch_time(shared: SharedTime, is_watched: bool) -> None:
    """Let threads with this time look, after each tick, what is to happen at a moment of it; or no longer."""
    with SCHEDULER.lock:
        shared.is_watched = is_watched
        shared.is_look_due = False
