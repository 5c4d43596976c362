"""Clocks and sleeping: clock_gettime(2), nanosleep(2), gettimeofday(2), time(2), times(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Nanoseconds, UserAddr, i32, i64, local, saturating_sub, u32, u64
from kernel.base.errno import EINTR, EINVAL, EOPNOTSUPP, EPERM, ESRCH
from kernel.memory import user
from kernel.process.processor_sleep import sleep_until_used
from kernel.process.processor_time import OF_PROCESS, OF_THREAD, ProcessorClock
from kernel.process.restart import keep
from kernel.process.usage import Report, report_process
from kernel.sched.thread import Thread
from kernel.sched.timer import FAR, SECOND, TICK, after, now, sleep_until, wall_clock
from kernel.syscalls.declare import syscall

CLOCK_REALTIME = 0
CLOCK_MONOTONIC = 1
CLOCK_MONOTONIC_RAW = 4
CLOCK_REALTIME_COARSE = 5
CLOCK_MONOTONIC_COARSE = 6
CLOCK_BOOTTIME = 7
CLOCK_REALTIME_ALARM = 8
CLOCK_BOOTTIME_ALARM = 9
CLOCK_TAI = 11
"""Clock ids (clock_gettime(2))."""
TIMER_ABSTIME: u32 = 1
CLOCK_TICK: u64 = 10_000_000
"""Nanoseconds of one tick of times(2): sysconf(_SC_CLK_TCK) is 100."""
MICROSECOND: u64 = 1000
NANOSLEEP: u64 = 35
CLOCK_NANOSLEEP: u64 = 230


def read_clock(task: Thread, clock: i32) -> Fallible[u64]:
    """Nanoseconds that a clock shows. EINVAL for a clock that there is not."""
    if clock == CLOCK_REALTIME or clock == CLOCK_REALTIME_COARSE or clock == CLOCK_TAI:
        return u64(wall_clock())
    if clock == CLOCK_MONOTONIC or clock == CLOCK_MONOTONIC_RAW or clock == CLOCK_MONOTONIC_COARSE:
        return u64(now())
    if clock == CLOCK_BOOTTIME:
        return u64(now())
    processor = local(ProcessorClock)
    processor.choose(task, clock)
    return processor.shown(task.process)


def put_timespec(address: UserAddr, value: u64) -> Fallible[None]:
    """Write nanoseconds as a struct timespec."""
    user.put(u64, address, value // SECOND)
    user.put(u64, UserAddr(address + 8), value % SECOND)


def get_timespec(address: UserAddr) -> Fallible[u64]:
    """Read a struct timespec as nanoseconds; what is beyond the clock becomes FAR. EFAULT, EINVAL."""
    seconds = user.get(i64, address)
    nanoseconds = user.get(i64, UserAddr(address + 8))
    if seconds < 0 or nanoseconds < 0 or nanoseconds >= i64(SECOND):
        raise EINVAL
    if u64(seconds) >= FAR // SECOND:
        return FAR
    return u64(seconds) * SECOND + u64(nanoseconds)


@syscall(228, missing="clocks of devices (clock ids made of descriptors): EINVAL; processor time is exact to 4 ms")
def clock_gettime(task: Thread, clock: i32, time: UserAddr) -> Fallible[None]:
    """clock_gettime(2)."""
    put_timespec(time, read_clock(task, clock))


@syscall(229)
def clock_getres(task: Thread, clock: i32, resolution: UserAddr) -> Fallible[None]:
    """clock_getres(2)."""
    read_clock(task, clock)
    coarse = clock == CLOCK_REALTIME_COARSE or clock == CLOCK_MONOTONIC_COARSE
    if u64(resolution) != 0:
        put_timespec(resolution, u64(TICK) if coarse else 1)


@syscall(227, answer="EPERM")
def clock_settime(task: Thread, clock: i32, time: UserAddr) -> Fallible[None]:
    """clock_settime(2): the clock is the machine's, no container's to set."""
    if clock > CLOCK_REALTIME:
        raise EINVAL
    if clock < 0:
        check_processor_clock(task, clock)
    get_timespec(time)
    raise EPERM


def check_processor_clock(task: Thread, clock: i32) -> Fallible[None]:
    """EINVAL unless `clock` shows somebody's processor time."""
    local(ProcessorClock).choose(task, clock)


@syscall(164, answer="EPERM")
def settimeofday(task: Thread, time: UserAddr, zone: UserAddr) -> Fallible[None]:
    """settimeofday(2): EPERM, the clock is the machine's, no container's to set."""
    if u64(time) != 0:
        user.get(i64, time)
        microseconds = user.get(i64, UserAddr(time + 8))
        if microseconds < 0 or microseconds > 1_000_000:
            raise EINVAL
    if u64(zone) != 0:
        user.get(u64, zone)
    raise EPERM


@syscall(96)
def gettimeofday(task: Thread, time: UserAddr, zone: UserAddr) -> Fallible[None]:
    """gettimeofday(2): the time zone is always UTC."""
    if u64(time) != 0:
        value = u64(wall_clock())
        user.put(u64, time, value // SECOND)
        user.put(u64, UserAddr(time + 8), value % SECOND // MICROSECOND)
    if u64(zone) != 0:
        user.put(u64, zone, 0)


@syscall(201)
def time(task: Thread, out: UserAddr) -> Fallible[u64]:
    """time(2)."""
    seconds = u64(wall_clock()) // SECOND
    if u64(out) != 0:
        user.put(u64, out, seconds)
    return seconds


@syscall(100)
def times(task: Thread, out: UserAddr) -> Fallible[u64]:
    """times(2)."""
    if u64(out) != 0:
        report = local(Report)
        report_process(task.process, report)
        children = task.process.used_by_children.split
        user.put(u64, out, report.split.user // CLOCK_TICK)
        user.put(u64, UserAddr(out + 8), report.split.kernel // CLOCK_TICK)
        user.put(u64, UserAddr(out + 16), children.user // CLOCK_TICK)
        user.put(u64, UserAddr(out + 24), children.kernel // CLOCK_TICK)
    return u64(now()) // CLOCK_TICK


@syscall(35)
def nanosleep(task: Thread, duration: UserAddr, remaining: UserAddr) -> Fallible[None]:
    """nanosleep(2)."""
    sleep_to(task, NANOSLEEP, after(get_timespec(duration)), remaining)


@syscall(230)
def clock_nanosleep(task: Thread, clock: i32, flags: u32, time: UserAddr, remaining: UserAddr) -> Fallible[None]:
    """clock_nanosleep(2)."""
    if clock == CLOCK_REALTIME_ALARM or clock == CLOCK_BOOTTIME_ALARM:
        raise EOPNOTSUPP  # as on Linux without a clock that wakes the machine
    moment = read_clock(task, clock)
    if clock == OF_THREAD or clock == CLOCK_MONOTONIC_RAW:
        raise EOPNOTSUPP
    if clock == CLOCK_REALTIME_COARSE or clock == CLOCK_MONOTONIC_COARSE:
        raise EOPNOTSUPP
    wanted = get_timespec(time)
    if clock < 0 or clock == OF_PROCESS:
        sleep_for_processor_time(task, clock, wanted, flags & TIMER_ABSTIME != 0, remaining)
    elif flags & TIMER_ABSTIME == 0:
        sleep_to(task, CLOCK_NANOSLEEP, after(wanted), remaining)
    elif wanted > moment:
        sleep_until(after(wanted - moment))


def sleep_for_processor_time(
    task: Thread, clock: i32, wanted: u64, is_absolute: bool, remaining: UserAddr
) -> Fallible[None]:
    """Sleep until others have used so much processor time. EINVAL for the sleeper's own, which does not go on."""
    processor = local(ProcessorClock)
    processor.choose(task, clock)
    if processor.is_thread and processor.id == task.id:
        raise EINVAL
    due = wanted if is_absolute else processor.shown(task.process) + min(wanted, FAR)
    sleep_to_processor_time(task, processor, due, is_absolute, remaining)


def sleep_to_processor_time(
    task: Thread, processor: ProcessorClock, due: u64, is_absolute: bool, remaining: UserAddr
) -> Fallible[None]:
    """Sleep until a clock of processor time shows `due`; when a signal ends it, tell at `remaining` what was left."""
    try:
        sleep_until_used(task.process, processor, due)
    except EINTR:
        if not is_absolute:
            if u64(remaining) != 0:
                put_timespec(remaining, saturating_sub(u64, due, shown_or(task, processor, due)))
            keep(task, CLOCK_NANOSLEEP, Nanoseconds(due))
        raise


def go_on_sleeping(task: Thread, clock: i32, deadline: Nanoseconds, remaining: UserAddr) -> Fallible[None]:
    """clock_nanosleep(2), which was interrupted, again: `deadline` is what it sleeps to."""
    if clock < 0 or clock == OF_PROCESS:
        processor = local(ProcessorClock)
        processor.choose(task, clock)
        sleep_to_processor_time(task, processor, u64(deadline), False, remaining)
    else:
        sleep_to(task, CLOCK_NANOSLEEP, deadline, remaining)


def shown_or(task: Thread, processor: ProcessorClock, otherwise: u64) -> u64:
    """What a clock of processor time shows, or `otherwise` if there is nobody any more whose time it is."""
    try:
        return processor.shown(task.process)
    except ESRCH:
        return otherwise


def sleep_to(task: Thread, call: u64, deadline: Nanoseconds, remaining: UserAddr) -> Fallible[None]:
    """Sleep; when a signal ends it, tell at `remaining`, unless that is null, how long was left.

    As `call` it then goes on to the same moment, if it does.
    """
    try:
        sleep_until(deadline)
    except EINTR:
        if u64(remaining) != 0:
            put_timespec(remaining, saturating_sub(u64, deadline, now()))
        keep(task, call, deadline)
        raise
