"""Timers: timerfd_create(2), timer_create(2), setitimer(2), alarm(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, Nanoseconds, UserAddr, i32, i64, local, on_error, struct, u32, u64
from kernel.base.errno import EINVAL, EOPNOTSUPP
from kernel.files.timerfd import TimerFile, open_timer
from kernel.memory import user
from kernel.process import timers
from kernel.process.processor_time import ProcessorClock
from kernel.process.send import thread_in
from kernel.process.signal_table import SIGNALS, Signal
from kernel.process.timers import ProcessTimer
from kernel.sched.thread import Thread
from kernel.sched.timer import FAR, SECOND, after, now, wall_clock
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_epoll import CLOSE_ON_EXEC, NONBLOCK, install_new
from kernel.syscalls.files_support import advance
from kernel.syscalls.time import (
    CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_MONOTONIC_RAW,
    CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM,
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


@struct
class Moment:
    """When a timer is to go off first."""

    deadline: Nanoseconds = Nanoseconds(0)
    missed: u64 = 0
    """How many moments of an absolute time and an interval had come, before the last one that had."""

    def choose(self, clock: i32, value: u64, interval: u64, is_absolute: bool) -> None:
        """Be `value` nanoseconds from now, or when `clock` shows `value`.

        What is over goes off at once; with an interval, as the last moment of the series that is over.
        """
        if not is_absolute:
            self.deadline = after(value)
            return
        shown = u64(wall_clock() if is_wall_clock(clock) else now())
        if value >= shown:
            self.deadline = after(value - shown)
            return
        late = shown - value
        if interval != 0:
            self.missed = late // interval
            late -= self.missed * interval
        moment = u64(now())
        self.deadline = Nanoseconds(moment - min(moment, late))


def is_wall_clock(clock: i32) -> bool:
    """Whether a clock shows the date."""
    return clock == CLOCK_REALTIME or clock == CLOCK_REALTIME_ALARM or clock == CLOCK_TAI


def put_setting(out: UserAddr, interval: u64, remaining: u64) -> Fallible[None]:
    """Write how a timer was set as a struct itimerspec, unless the address is null."""
    if u64(out) != 0:
        put_timespec(out, interval)
        put_timespec(advance(out, 16), remaining)


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
    old_interval, old_value = timer.alarm.interval, timer.remaining
    if value == 0:
        timer.stop()
    else:
        moment = local(Moment)
        moment.choose(i32(timer.clock), value, interval, flags & ABSOLUTE != 0)
        timer.begin(moment.deadline, interval, moment.missed)
    # Last, as the copy may sleep, and another thread may close the descriptor meanwhile.
    put_setting(old, old_interval, old_value)


@syscall(287)
def timerfd_gettime(task: Thread, fd: Fd, out: UserAddr) -> Fallible[None]:
    """timerfd_gettime(2)."""
    timer = timer_behind(task, fd)
    interval, value = timer.alarm.interval, timer.remaining
    put_timespec(out, interval)
    put_timespec(advance(out, 16), value)


# Timers that send signals.


def is_processor_clock(task: Thread, clock: i32, used: ProcessorClock) -> Fallible[bool]:
    """Whether a timer on `clock` counts processor time, and if so whose. EINVAL; EOPNOTSUPP where no timers are."""
    if clock == CLOCK_REALTIME or clock == CLOCK_MONOTONIC or clock == CLOCK_BOOTTIME or clock == CLOCK_TAI:
        return False
    if CLOCK_MONOTONIC_RAW <= clock <= CLOCK_MONOTONIC_COARSE:
        raise EOPNOTSUPP
    if clock == CLOCK_REALTIME_ALARM or clock == CLOCK_BOOTTIME_ALARM:
        raise EOPNOTSUPP  # as on Linux without a clock that wakes the machine
    used.choose(task, clock)
    return True


@struct
class Notice:
    """What a timer does: the parts of struct sigevent that have a meaning (sigevent(7))."""

    signal: u32 = u32(Signal.ALARM)
    kind: u32 = SIGEV_SIGNAL
    thread_id: i32 = 0
    value: u64 = 0
    has_value: bool = False

    def take(self, task: Thread, event: UserAddr) -> Fallible[None]:
        """Read a struct sigevent. EFAULT, EINVAL."""
        self.has_value = True
        self.value = user.get(u64, event)
        self.signal = user.get(u32, advance(event, 8))
        self.kind = user.get(u32, advance(event, 12))
        self.thread_id = user.get(i32, advance(event, 16))
        kind = self.kind
        if kind == SIGEV_SIGNAL | SIGEV_THREAD_ID:
            if thread_in(task.process, self.thread_id) is None:
                raise EINVAL
        elif kind == SIGEV_SIGNAL or kind == SIGEV_NONE or kind == SIGEV_THREAD:
            self.thread_id = 0
        else:
            raise EINVAL
        if kind != SIGEV_NONE and (self.signal == 0 or self.signal > SIGNALS):
            raise EINVAL


@syscall(222)
def timer_create(task: Thread, clock: i32, event: UserAddr, out: UserAddr) -> Fallible[None]:
    """timer_create(2). No clock can wake the machine: CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM are EOPNOTSUPP."""
    used = local(ProcessorClock)
    counts_processor = is_processor_clock(task, clock, used)
    notice = local(Notice)
    if u64(event) != 0:
        notice.take(task, event)
    process = task.process
    number = timers.free_number(process)
    timer = timers.add(process, number, notice.signal)
    timer.clock = clock
    timer.counts_processor = counts_processor
    timer.used.is_thread = used.is_thread
    timer.used.id = used.id
    timer.is_silent = notice.kind == SIGEV_NONE
    timer.thread_id = notice.thread_id
    timer.entry.info.value = notice.value if notice.has_value else u64(u32(number))
    # Nobody else may use it, and so delete it, as long as the copy may sleep.
    timer.is_ready = False
    with on_error(timer.delete):
        user.put(u32, out, u32(number))
    timer.is_ready = True


@syscall(223)
def timer_settime(task: Thread, number: i32, flags: u32, new: UserAddr, old: UserAddr) -> Fallible[None]:
    """timer_settime(2)."""
    if u64(new) == 0:
        raise EINVAL
    interval = get_timespec(new)
    value = get_timespec(advance(new, 16))
    timer = timers.get(task.process, number)
    old_interval, old_value = timer.interval, timer.remaining
    start_timer(timer, value, interval, flags & ABSOLUTE != 0)
    put_setting(old, old_interval, old_value)


def start_timer(timer: ProcessTimer, value: u64, interval: u64, is_absolute: bool) -> None:
    """Let `timer` go off after `value` nanoseconds or when its clock shows that; a value of 0 stops it."""
    if value == 0:
        timer.stop()
    elif timer.counts_processor:
        shown = timer.shown()
        timer.begin_processor(value if is_absolute else shown + min(value, FAR), interval)
    else:
        moment = local(Moment)
        moment.choose(timer.clock, value, interval, is_absolute)
        timer.begin_real(moment.deadline, interval, moment.missed)


@syscall(224)
def timer_gettime(task: Thread, number: i32, out: UserAddr) -> Fallible[None]:
    """timer_gettime(2)."""
    timer = timers.get(task.process, number)
    interval, value = timer.interval, timer.remaining
    put_timespec(out, interval)
    put_timespec(advance(out, 16), value)


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
    if u64(seconds) >= FAR // SECOND:
        return FAR
    return u64(seconds) * SECOND + u64(microseconds) * MICROSECOND


def put_timeval(address: UserAddr, value: u64) -> Fallible[None]:
    """Write nanoseconds as a struct timeval, rounded up."""
    rounded = saturating_add_microsecond(value) // MICROSECOND
    user.put(u64, address, rounded // 1_000_000)
    user.put(u64, advance(address, 8), rounded % 1_000_000)


def saturating_add_microsecond(value: u64) -> u64:
    """`value` and almost a microsecond more, to round up by."""
    return value + min(MICROSECOND - 1, FAR - min(value, FAR))


def number_of(which: u32) -> Fallible[i32]:
    """The number that the timer `which` of setitimer(2) has. EINVAL."""
    if which == ITIMER_REAL:
        return timers.REAL
    if which == ITIMER_VIRTUAL:
        return timers.VIRTUAL
    if which == ITIMER_PROF:
        return timers.PROFILE
    raise EINVAL


def put_own(out: UserAddr, interval: u64, remaining: u64) -> Fallible[None]:
    """Write how a timer of setitimer(2) was set as a struct itimerval."""
    put_timeval(out, interval)
    put_timeval(advance(out, 16), remaining)


@syscall(36)
def getitimer(task: Thread, which: u32, out: UserAddr) -> Fallible[None]:
    """getitimer(2)."""
    timer = timers.find(task.process, number_of(which))
    if timer is None:
        put_own(out, 0, 0)
    else:
        put_own(out, timer.interval, timer.remaining)


@syscall(38, missing="ITIMER_VIRTUAL counts time in the kernel, too")
def setitimer(task: Thread, which: u32, new: UserAddr, old: UserAddr) -> Fallible[None]:
    """setitimer(2). Without new value the timer is stopped."""
    interval: u64 = 0
    value: u64 = 0
    if u64(new) != 0:
        interval = get_timeval(new)
        value = get_timeval(advance(new, 16))
    timer = timers.own_timer(task.process, number_of(which))
    old_interval, old_value = timer.interval, timer.remaining
    start_timer(timer, value, interval, False)
    if u64(old) != 0:
        put_own(old, old_interval, old_value)


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
