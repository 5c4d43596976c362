"""Timestamp: a moment as a file has it, with the range of Linux's tmpfs: any second of 64 bits, before 1970 too."""

from __future__ import annotations

from codegen.lang import Nanoseconds, i64, struct, u32, u64

SECOND: u64 = 1_000_000_000
EARLIEST: i64 = -(1 << 63)
LATEST: i64 = (1 << 63) - 1


@struct
class Timestamp:
    """Seconds from 1970-01-01 UTC, and the nanoseconds after that second (`struct timespec`)."""

    seconds: i64 = 0
    nanoseconds: u32 = 0

    def set(self, moment: Nanoseconds) -> None:
        """Be a moment of the clock (`wall_time`)."""
        self.seconds = i64(moment // SECOND)
        self.nanoseconds = u32(moment % SECOND)

    def set_parts(self, seconds: i64, nanoseconds: u32) -> None:
        """Be what a program asks for. The first and the last second have no parts (timestamp_truncate() of Linux)."""
        self.seconds = seconds
        self.nanoseconds = 0 if seconds == EARLIEST or seconds == LATEST else nanoseconds

    def copy_from(self, other: Timestamp) -> None:
        """Be the same moment as another one."""
        self.seconds = other.seconds
        self.nanoseconds = other.nanoseconds

    def is_after(self, other: Timestamp) -> bool:
        """Whether it is later than another one."""
        if self.seconds != other.seconds:
            return self.seconds > other.seconds
        return self.nanoseconds > other.nanoseconds
