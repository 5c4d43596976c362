"""What is changed from outside of how threads and groups run: shares, freezing, and the processors of a thread.

Interface: `set_shares` `nudge_group` `restrict_to`.
"""

from __future__ import annotations

from codegen.lang import u64
from kernel.base.saturating import HIGHEST
from kernel.machine.instructions import read_time_stamp
from kernel.sched.cpu import CPUS
from kernel.sched.group import RunGroup
from kernel.sched.scheduler import SCHEDULER, notify
from kernel.sched.thread import Thread, ThreadState


def set_shares(group: RunGroup, weight: u64, bandwidth: u64) -> None:
    """Change the weight of a group, unless it is 0, and its limit in thousandths of a processor; 0: none."""
    with SCHEDULER.lock:
        if weight != 0:
            group.weight = weight
        if bandwidth != group.bandwidth.limit:
            group.bandwidth.set_limit(bandwidth)
            # Groups inside may have waited for the old limit.
            SCHEDULER.resume(HIGHEST)


def nudge_group(group: RunGroup) -> None:
    """Let the threads of `group` that run look whether they still may: it was frozen."""
    with SCHEDULER.lock:
        for number in range(CPUS.started):
            cpu = CPUS.of[number]
            thread = cpu.running
            if thread is not cpu.idle and thread.group is group:
                notify(cpu)


def restrict_to(thread: Thread, processors: u64) -> None:
    """Let `thread` run on some processors only, at least one of which runs (sched_setaffinity(2))."""
    with SCHEDULER.lock:
        thread.policy.processors = processors
        if processors >> thread.processor & 1 != 0:
            return
        if thread.state == ThreadState.READY:
            thread.group.remove(thread)
            SCHEDULER.place(thread)
            thread.group.put(thread)
            SCHEDULER.alert(thread, read_time_stamp())
        elif thread.has_cpu:
            cpu = CPUS.of[thread.processor]
            cpu.need_resched = True
            notify(cpu)
