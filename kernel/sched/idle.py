"""What a processor does that has nothing to run: it halts, without ticks, until an interrupt.

One of those that halt watches the time: its timer is set for when the next sleeper is to be woken.
"""

from __future__ import annotations

from typing import Never

from codegen.lang import Nanoseconds, invert, u64
from kernel.machine.clock import CLOCK
from kernel.machine.instructions import disable_interrupts, enable_interrupts, read_time_stamp
from kernel.machine.local_apic import start_periodic_timer, start_timer_once, stop_timer
from kernel.machine.stubs import interrupt_window
from kernel.sched.cpu import Cpu, this_cpu
from kernel.sched.scheduler import NEVER, SCHEDULER, TICK, Leaving, reschedule


def run_idle() -> Never:
    """Run what is ready, and halt while nothing is. On the stack of the processor's idle thread."""
    cpu = this_cpu()
    cpu.turn_start = read_time_stamp()
    while True:
        disable_interrupts()
        if must_halt(cpu):
            interrupt_window()
            go_on(cpu)
        enable_interrupts()
        reschedule(Leaving.YIELDS)


def must_halt(cpu: Cpu) -> bool:
    """Whether there is nothing to run; some processor's timer is set for when there will be."""
    with SCHEDULER.lock:
        now = read_time_stamp()
        if SCHEDULER.next_for(cpu.number, now) is not None:
            return False
        SCHEDULER.idle = SCHEDULER.idle | u64(1) << cpu.number
        moment = CLOCK.nanoseconds()
        wake_up = next_wake_up(moment, now)
        if wake_up < SCHEDULER.watched:
            SCHEDULER.watched = wake_up
            SCHEDULER.watcher = cpu.number
            start_timer_once(Nanoseconds(wake_up - moment) if wake_up > moment else Nanoseconds(1))
        else:
            stop_timer()
        return True


def go_on(cpu: Cpu) -> None:
    """The processor no longer halts: it has ticks again, and watches the time by them."""
    start_periodic_timer(TICK)
    with SCHEDULER.lock:
        SCHEDULER.idle = SCHEDULER.idle & invert(u64, u64(1) << cpu.number)
        if SCHEDULER.watcher == cpu.number:
            SCHEDULER.watched = NEVER


def next_wake_up(moment: Nanoseconds, now: u64) -> Nanoseconds:
    """When the first sleeper is to be woken or the first throttled group goes on; it is `moment`, `now` in ticks."""
    wake_up = SCHEDULER.next_deadline
    refill = SCHEDULER.first_refill()
    if refill != 0:
        delay = CLOCK.nanoseconds_of(refill - now) if refill > now else Nanoseconds(0)
        wake_up = min(wake_up, Nanoseconds(moment + delay))
    return wake_up
