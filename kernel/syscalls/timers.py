"""Timers: timerfd_create(2), timer_create(2), setitimer(2), alarm(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, Nanoseconds, UserAddr, i32, i64, local, u32, u64
from kernel.base.errno import EINVAL, EOPNOTSUPP
from kernel.files.timerfd import TimerFile, open_timer
from kernel.memory import user
from kernel.process import timers
from kernel.process.processor_time import ProcessorClock
from kernel.process.signal_table import SIGNALS, Signal
from kernel.process.timers import ProcessTimer
from kernel.sched.alarm import Alarm
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER, SECOND, after, now, wall_clock
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_epoll import CLOSE_ON_EXEC, NONBLOCK, install_new
from kernel.syscalls.files_support import advance
from kernel.syscalls.threads import thread_of
from kernel.syscalls.time import (
    CLOCK_BOOTTIME,
    CLOCK_MONOTONIC,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_MONOTONIC_RAW,
    CLOCK_REALTIME,
    CLOCK_TAI,
    MICROSECOND,
    get_timespec,
    put_timespec,
)

ABSOLUTE: u32 = 1
"""TIMER_ABSTIME and TFD_TIMER_ABSTIME."""
CANCEL_ON_SET: u32 = 2
"""TFD_TIMER_CANCEL_ON_SET: the clock is never set here."""
SIGEV_SIGNAL: u32 = 0
SIGEV_NONE: u32 = 1
SIGEV_THREAD: u32 = 2
SIGEV_THREAD_ID: u32 = 4
"""What a timer does (sigevent(7)); threads are made by the C library."""
ITIMER_REAL: u32 = 0
ITIMER_VIRTUAL: u32 = 1
ITIMER_PROF: u32 = 2
CLOCK_REALTIME_ALARM = 8
CLOCK_BOOTTIME_ALARM = 9


def moment_of(clock: i32, value: u64, is_absolute: bool) -> Nanoseconds:
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
        timer.alarm.set(timer, moment_of(i32(timer.clock), value, flags & ABSOLUTE != 0), interval)


@syscall(287)
def timerfd_gettime(task: Thread, fd: Fd, out: UserAddr) -> Fallible[None]:
    """timerfd_gettime(2)."""
    timer = timer_behind(task, fd)
    put_timespec(out, timer.alarm.interval)
    put_timespec(advance(out, 16), timer.alarm.remaining)


# Timers that send signals.


def is_processor_clock(task: Thread, clock: i32, used: ProcessorClock) -> Fallible[bool]:
    """Whether a timer on `clock` counts processor time, and if so whose. EINVAL; EOPNOTSUPP where no timers are."""
    if clock == CLOCK_REALTIME or clock == CLOCK_MONOTONIC or clock == CLOCK_BOOTTIME or clock == CLOCK_TAI:
        return False
    if CLOCK_MONOTONIC_RAW <= clock <= CLOCK_MONOTONIC_COARSE:
        raise EOPNOTSUPP
    used.choose(task, clock)
    return True


@syscall(222, missing="CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM: EINVAL")
def timer_create(task: Thread, clock: i32, event: UserAddr, out: UserAddr) -> Fallible[None]:
    """timer_create(2)."""
    used = local(ProcessorClock)
    counts_processor = is_processor_clock(task, clock, used)
    process = task.process
    number = timers.free_number(process)
    signal = u32(Signal.ALARM)
    value = u64(u32(number))
    notify: u32 = SIGEV_SIGNAL
    thread_id: i32 = 0
    if u64(event) != 0:
        value = user.get(u64, event)
        signal = user.get(u32, advance(event, 8))
        notify = user.get(u32, advance(event, 12))
        if notify == SIGEV_SIGNAL | SIGEV_THREAD_ID:
            thread_id = user.get(i32, advance(event, 16))
            if thread_of(task, thread_id).process is not process:
                raise EINVAL
        elif notify != SIGEV_SIGNAL and notify != SIGEV_NONE and notify != SIGEV_THREAD:
            raise EINVAL
        if notify != SIGEV_NONE and (signal == 0 or signal > SIGNALS):
            raise EINVAL
    user.put(u32, out, u32(number))
    timer = timers.add(process, number)
    timer.clock = clock
    timer.counts_processor = counts_processor
    timer.used.is_thread = used.is_thread
    timer.used.id = used.id
    timer.is_silent = notify == SIGEV_NONE
    timer.thread_id = thread_id
    timer.info.signal = signal
    timer.info.value = value


@syscall(223)
def timer_settime(task: Thread, number: i32, flags: u32, new: UserAddr, old: UserAddr) -> Fallible[None]:
    """timer_settime(2)."""
    if u64(new) == 0:
        raise EINVAL
    interval = get_timespec(new)
    value = get_timespec(advance(new, 16))
    timer = timers.get(task.process, number)
    put_timer(old, timer)
    start_timer(timer, value, interval, flags & ABSOLUTE != 0)


def put_timer(out: UserAddr, timer: ProcessTimer) -> Fallible[None]:
    """Write how `timer` is set as a struct itimerspec, unless the address is null."""
    if u64(out) != 0:
        put_timespec(out, timer.interval)
        put_timespec(advance(out, 16), timer.remaining)


def start_timer(timer: ProcessTimer, value: u64, interval: u64, is_absolute: bool) -> None:
    """Let `timer` go off after `value` nanoseconds or when its clock shows that; a value of 0 stops it."""
    if value == 0:
        timer.stop()
    elif timer.counts_processor:
        shown = timer.shown()
        timer.begin_processor(value if is_absolute else shown + min(value, u64(NEVER) - shown), interval)
    else:
        timer.begin_real(moment_of(timer.clock, value, is_absolute), interval)


@syscall(224)
def timer_gettime(task: Thread, number: i32, out: UserAddr) -> Fallible[None]:
    """timer_gettime(2)."""
    timer = timers.get(task.process, number)
    put_timespec(out, timer.interval)
    put_timespec(advance(out, 16), timer.remaining)


@syscall(225)
def timer_getoverrun(task: Thread, number: i32) -> Fallible[u64]:
    """timer_getoverrun(2)."""
    return timers.get(task.process, number).told_overrun


@syscall(226)
def timer_delete(task: Thread, number: i32) -> Fallible[None]:
    """timer_delete(2)."""
    timers.get(task.process, number).delete()


# The three timers that each process has.


def get_timeval(address: UserAddr) -> Fallible[u64]:
    """Read a struct timeval as nanoseconds. EFAULT, EINVAL."""
    seconds = user.get(i64, address)
    microseconds = user.get(i64, advance(address, 8))
    if seconds < 0 or microseconds < 0 or microseconds >= 1_000_000:
        raise EINVAL
    if u64(seconds) >= u64(NEVER) // SECOND:
        return u64(NEVER)
    return u64(seconds) * SECOND + u64(microseconds) * MICROSECOND


def put_timeval(address: UserAddr, value: u64) -> Fallible[None]:
    """Write nanoseconds as a struct timeval, rounded up."""
    rounded = saturating_add_microsecond(value) // MICROSECOND
    user.put(u64, address, rounded // 1_000_000)
    user.put(u64, advance(address, 8), rounded % 1_000_000)


def saturating_add_microsecond(value: u64) -> u64:
    """`value` and almost a microsecond more, to round up by."""
    return value + min(MICROSECOND - 1, u64(NEVER) - value)


def number_of(which: u32) -> Fallible[i32]:
    """The number that the timer `which` of setitimer(2) has. EINVAL."""
    if which == ITIMER_REAL:
        return timers.REAL
    if which == ITIMER_VIRTUAL:
        return timers.VIRTUAL
    if which == ITIMER_PROF:
        return timers.PROFILE
    raise EINVAL


def put_own(task: Thread, number: i32, out: UserAddr) -> Fallible[None]:
    """Write how a timer is set as a struct itimerval."""
    timer = timers.find(task.process, number)
    put_timeval(out, 0 if timer is None else timer.interval)
    put_timeval(advance(out, 16), 0 if timer is None else timer.remaining)


@syscall(36)
def getitimer(task: Thread, which: u32, out: UserAddr) -> Fallible[None]:
    """getitimer(2)."""
    put_own(task, number_of(which), out)


@syscall(38, missing="ITIMER_VIRTUAL counts time in the kernel, too")
def setitimer(task: Thread, which: u32, new: UserAddr, old: UserAddr) -> Fallible[None]:
    """setitimer(2). Without new value the timer is stopped."""
    interval: u64 = 0
    value: u64 = 0
    if u64(new) != 0:
        interval = get_timeval(new)
        value = get_timeval(advance(new, 16))
    number = number_of(which)
    timer = timers.own_timer(task.process, number)
    if u64(old) != 0:
        put_own(task, number, old)
    start_timer(timer, value, interval, False)


@syscall(37)
def alarm(task: Thread, seconds: u32) -> Fallible[u64]:
    """alarm(2): it shares the timer of setitimer(2). ENOMEM when the container has no room for one."""
    timer = timers.own_timer(task.process, timers.REAL)
    left = timer.remaining
    start_timer(timer, u64(seconds) * SECOND, 0, False)
    if left == 0:
        return 0
    rounded_up: u64 = 1 if left % SECOND >= SECOND // 2 else 0
    return max(left // SECOND + rounded_up, 1)
