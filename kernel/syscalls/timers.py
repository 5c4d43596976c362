"""Timers: timerfd_create(2), setitimer(2), alarm(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, Nanoseconds, UserAddr, u32, u64
from kernel.base.errno import EINVAL
from kernel.files.timerfd import TimerFile, open_timer
from kernel.sched.alarm import Alarm
from kernel.sched.thread import Thread
from kernel.sched.timer import after, now, wall_clock
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_epoll import CLOSE_ON_EXEC, NONBLOCK, install_new
from kernel.syscalls.files_support import advance
from kernel.syscalls.time import (
    CLOCK_BOOTTIME,
    CLOCK_MONOTONIC,
    CLOCK_REALTIME,
    get_timespec,
    put_timespec,
)

ABSOLUTE: u32 = 1
"""TIMER_ABSTIME and TFD_TIMER_ABSTIME."""
CANCEL_ON_SET: u32 = 2
"""TFD_TIMER_CANCEL_ON_SET: the clock is never set here."""
CLOCK_REALTIME_ALARM: u32 = 8
CLOCK_BOOTTIME_ALARM: u32 = 9


def moment_of(clock: u32, value: u64, is_absolute: bool) -> Nanoseconds:
    """The moment that is `value` nanoseconds from now, or when `clock` shows `value`; at least 0."""
    if not is_absolute:
        return after(value)
    shown = u64(wall_clock() if clock == CLOCK_REALTIME or clock == CLOCK_REALTIME_ALARM else now())
    if value >= shown:
        return after(value - shown)
    moment = u64(now())
    return Nanoseconds(moment - min(moment, shown - value))


def put_setting(out: UserAddr, alarm: Alarm) -> Fallible[None]:
    """Write how `alarm` is set as a struct itimerspec, unless the address is null."""
    if u64(out) != 0:
        put_timespec(out, alarm.interval)
        put_timespec(advance(out, 16), alarm.remaining)


# timerfd.


@syscall(283)
def timerfd_create(task: Thread, clock: u32, flags: u32) -> Fallible[Fd]:
    """timerfd_create(2). There is no suspension, so the clocks with alarms are as the others."""
    if flags & (CLOSE_ON_EXEC | NONBLOCK) != flags:
        raise EINVAL
    if clock != CLOCK_REALTIME and clock != CLOCK_MONOTONIC and clock != CLOCK_BOOTTIME:
        if clock != CLOCK_REALTIME_ALARM and clock != CLOCK_BOOTTIME_ALARM:
            raise EINVAL
    file = open_timer(task.process.container.files, clock, flags & NONBLOCK != 0)
    return install_new(task, file, flags)


def timer_behind(task: Thread, fd: Fd) -> Fallible[TimerFile]:
    """The timer that `fd` refers to. EBADF; EINVAL for any other file."""
    ops = task.process.files.get(fd).ops
    if isinstance(ops, TimerFile):
        return ops
    raise EINVAL


@syscall(286)
def timerfd_settime(task: Thread, fd: Fd, flags: u32, new: UserAddr, old: UserAddr) -> Fallible[None]:
    """timerfd_settime(2)."""
    interval = get_timespec(new)
    value = get_timespec(advance(new, 16))
    if flags & (ABSOLUTE | CANCEL_ON_SET) != flags:
        raise EINVAL
    timer = timer_behind(task, fd)
    put_setting(old, timer.alarm)
    timer.expirations = 0
    if value == 0:
        timer.alarm.cancel()
    else:
        timer.alarm.set(timer, moment_of(timer.clock, value, flags & ABSOLUTE != 0), interval)


@syscall(287)
def timerfd_gettime(task: Thread, fd: Fd, out: UserAddr) -> Fallible[None]:
    """timerfd_gettime(2)."""
    timer = timer_behind(task, fd)
    put_timespec(out, timer.alarm.interval)
    put_timespec(advance(out, 16), timer.alarm.remaining)
