"""What threads have used (getrusage(2)): counters of a thread, and their sums over a process and its children.

All processor time is counted exactly, from switch to switch. How it divides into time in the program and time in the
kernel is sampled: each tick counts for what it interrupted. So it costs nothing at entry and exit, as in a Linux with
CONFIG_TICK_CPU_ACCOUNTING.
"""

from __future__ import annotations

from codegen.lang import inline, struct, u64


@struct
class Usage:
    """What was used. Of a thread, `time` and the ticks are under SCHEDULER.lock, the rest is its own."""

    time: u64 = 0
    """On the time-stamp counter."""
    user_ticks: u64 = 0
    kernel_ticks: u64 = 0
    faults: u64 = 0
    """Page faults that were served; none needs a disk, so all are minor ones."""
    voluntary_switches: u64 = 0
    """Because it had to wait."""
    involuntary_switches: u64 = 0
    """Because its turn ended or it gave it away."""
    reads: u64 = 0
    writes: u64 = 0
    """Calls that read and write, and how many bytes went (/proc/PID/io)."""
    read_bytes: u64 = 0
    written_bytes: u64 = 0
    largest: u64 = 0
    """The most pages that were in memory at a time: of a process or, not their sum, of several."""

    @inline
    def note_read(self, transferred: u64) -> None:
        """A call read so many bytes."""
        self.reads += 1
        self.read_bytes += transferred

    @inline
    def note_write(self, transferred: u64) -> None:
        """A call wrote so many bytes."""
        self.writes += 1
        self.written_bytes += transferred

    def add(self, other: Usage) -> None:
        """Have used what `other` has, too."""
        self.time += other.time
        self.user_ticks += other.user_ticks
        self.kernel_ticks += other.kernel_ticks
        self.faults += other.faults
        self.voluntary_switches += other.voluntary_switches
        self.involuntary_switches += other.involuntary_switches
        self.reads += other.reads
        self.writes += other.writes
        self.read_bytes += other.read_bytes
        self.written_bytes += other.written_bytes
        self.largest = max(self.largest, other.largest)


@struct
class SharedTime:
    """What the threads of a process have run in all, those included that have ended. Under SCHEDULER.lock."""

    time: u64 = 0
    """On the time-stamp counter."""
    is_watched: bool = False
    """Something is to happen when a clock of this processor time shows a moment (process/clock_watch.py)."""
    is_look_due: bool = False
    """A tick found it watched: the thread that it found looks what is to happen, on its way to ring 3."""


KERNEL_TIME = SharedTime()
"""That of threads without a process."""


@struct
class TimeSplit:
    """Processor time in nanoseconds, as it was shown last: neither part ever becomes less."""

    user: u64 = 0
    kernel: u64 = 0

    def update(self, total: u64, user_ticks: u64, kernel_ticks: u64) -> None:
        """Divide `total` as the ticks were (Linux, kernel/sched/cputime.c, cputime_adjust)."""
        if self.user + self.kernel >= total:
            return
        kernel = share(total, kernel_ticks, user_ticks + kernel_ticks)
        kernel = max(kernel, self.kernel)
        user = max(total - kernel, self.user)
        self.user = user
        self.kernel = total - user

    def add(self, other: TimeSplit) -> None:
        """Have the time of `other`, too."""
        self.user += other.user
        self.kernel += other.kernel


def share(total: u64, part: u64, whole: u64) -> u64:
    """`total` times `part` of `whole`, which may be 0; without a product that does not fit."""
    if whole == 0:
        return 0
    return total // whole * part + total % whole * part // whole
