"""Clocks and sleeping: clock_gettime(2), nanosleep(2), gettimeofday(2), time(2), times(2)."""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, i32, i64, u32, u64
from kernel.base.errno import EINTR, EINVAL, EOPNOTSUPP, EPERM
from kernel.memory import user
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER, SECOND, TICK, after, now, sleep_until, wall_clock
from kernel.syscalls.declare import syscall

CLOCK_REALTIME = 0
CLOCK_MONOTONIC = 1
CLOCK_PROCESS_CPUTIME = 2
CLOCK_THREAD_CPUTIME = 3
CLOCK_MONOTONIC_RAW = 4
CLOCK_REALTIME_COARSE = 5
CLOCK_MONOTONIC_COARSE = 6
CLOCK_BOOTTIME = 7
CLOCK_TAI = 11
"""Clock ids (clock_gettime(2))."""
TIMER_ABSTIME: u32 = 1
CLOCK_TICK: u64 = 10_000_000
"""Nanoseconds of one tick of times(2): sysconf(_SC_CLK_TCK) is 100."""
MICROSECOND: u64 = 1000


def process_time(task: Thread) -> u64:
    """Nanoseconds that all threads of the process have run, as exact as the tick."""
    ticks = task.process.ticks
    for thread in task.process.threads:
        ticks += thread.cpu_ticks
    return ticks * u64(TICK)


def read_clock(task: Thread, clock: i32) -> Fallible[u64]:
    """Nanoseconds that a clock shows. EINVAL for a clock that there is not."""
    if clock == CLOCK_REALTIME or clock == CLOCK_REALTIME_COARSE or clock == CLOCK_TAI:
        return u64(wall_clock())
    if clock == CLOCK_MONOTONIC or clock == CLOCK_MONOTONIC_RAW or clock == CLOCK_MONOTONIC_COARSE:
        return u64(now())
    if clock == CLOCK_BOOTTIME:
        return u64(now())
    if clock == CLOCK_PROCESS_CPUTIME:
        return process_time(task)
    if clock == CLOCK_THREAD_CPUTIME:
        return task.cpu_ticks * u64(TICK)
    raise EINVAL


def put_timespec(address: UserAddr, value: u64) -> Fallible[None]:
    """Write nanoseconds as a struct timespec."""
    user.put(u64, address, value // SECOND)
    user.put(u64, UserAddr(address + 8), value % SECOND)


def get_timespec(address: UserAddr) -> Fallible[u64]:
    """Read a struct timespec as nanoseconds; what is beyond the clock becomes NEVER. EFAULT, EINVAL."""
    seconds = user.get(i64, address)
    nanoseconds = user.get(i64, UserAddr(address + 8))
    if seconds < 0 or nanoseconds < 0 or nanoseconds >= i64(SECOND):
        raise EINVAL
    if u64(seconds) >= u64(NEVER) // SECOND:
        return u64(NEVER)
    return u64(seconds) * SECOND + u64(nanoseconds)


@syscall(228)
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


@syscall(227)
def clock_settime(task: Thread, clock: i32, time: UserAddr) -> Fallible[None]:
    """clock_settime(2): the clock is the machine's, no container's to set."""
    if clock != CLOCK_REALTIME:
        raise EINVAL
    get_timespec(time)
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
    """times(2): all time counts as user time."""
    if u64(out) != 0:
        user.put(u64, out, process_time(task) // CLOCK_TICK)
        user.put(u64, UserAddr(out + 8), 0)
        user.put(u64, UserAddr(out + 16), task.process.children_ticks * u64(TICK) // CLOCK_TICK)
        user.put(u64, UserAddr(out + 24), 0)
    return u64(now()) // CLOCK_TICK


@syscall(35)
def nanosleep(task: Thread, duration: UserAddr, remaining: UserAddr) -> Fallible[None]:
    """nanosleep(2)."""
    sleep_for(get_timespec(duration), remaining)


@syscall(230)
def clock_nanosleep(task: Thread, clock: i32, flags: u32, time: UserAddr, remaining: UserAddr) -> Fallible[None]:
    """clock_nanosleep(2). A CPU-time clock is EOPNOTSUPP."""
    moment = read_clock(task, clock)
    if clock == CLOCK_THREAD_CPUTIME:
        raise EINVAL
    if clock == CLOCK_PROCESS_CPUTIME:
        raise EOPNOTSUPP
    wanted = get_timespec(time)
    if flags & TIMER_ABSTIME == 0:
        sleep_for(wanted, remaining)
    elif wanted > moment:
        sleep_until(after(wanted - moment))


def sleep_for(duration: u64, remaining: UserAddr) -> Fallible[None]:
    """Sleep; when a signal ends it, tell at `remaining`, unless that is null, how long was left."""
    deadline = after(duration)
    try:
        sleep_until(deadline)
    except EINTR:
        moment = now()
        left = u64(deadline) - u64(moment) if deadline > moment else 0
        if u64(remaining) != 0:
            put_timespec(remaining, left)
        raise
