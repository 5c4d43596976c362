"""Setting the times of files: utimensat(2), futimesat(2), utimes(2), utime(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, Nanoseconds, UserAddr, i32, i64, local, struct, u32
from kernel.base.errno import EINVAL, EPERM
from kernel.files.attributes import Access
from kernel.files.flags import AT_FDCWD, AtFlags
from kernel.files.timestamp import SECOND, Timestamp
from kernel.files.watch import Happening
from kernel.machine.clock import wall_time
from kernel.memory import user
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_attributes import open_subject
from kernel.syscalls.files_support import Changeable, advance, checked_flags, follow_unless

UTIME_NOW: i64 = 0x3FFF_FFFF
UTIME_OMIT: i64 = 0x3FFF_FFFE
MICROSECOND: i64 = 1000


@struct
class WantedTimes:
    """The times that a call gives: seconds, and nanoseconds or UTIME_NOW or UTIME_OMIT."""

    accessed_seconds: i64 = 0
    accessed_part: i64 = UTIME_NOW
    modified_seconds: i64 = 0
    modified_part: i64 = UTIME_NOW

    @property
    def is_now(self) -> bool:
        """Whether both are the present, which needs fewer rights."""
        return self.accessed_part == UTIME_NOW and self.modified_part == UTIME_NOW

    @property
    def is_nothing(self) -> bool:
        """Whether both are left as they are."""
        return self.accessed_part == UTIME_OMIT and self.modified_part == UTIME_OMIT

    def read(self, times: UserAddr) -> Fallible[None]:
        """Take two `struct timespec`."""
        self.accessed_seconds = user.get(i64, times)
        self.accessed_part = user.get(i64, advance(times, 8))
        self.modified_seconds = user.get(i64, advance(times, 16))
        self.modified_part = user.get(i64, advance(times, 24))

    def read_microseconds(self, times: UserAddr) -> Fallible[None]:
        """Take two `struct timeval`; EINVAL for microseconds that are none."""
        self.accessed_seconds = user.get(i64, times)
        self.accessed_part = from_microseconds(user.get(i64, advance(times, 8)))
        self.modified_seconds = user.get(i64, advance(times, 16))
        self.modified_part = from_microseconds(user.get(i64, advance(times, 24)))


def check_part(part: i64) -> Fallible[None]:
    """EINVAL for nanoseconds of a `struct timespec` that are none."""
    if part != UTIME_NOW and part != UTIME_OMIT and not 0 <= part < i64(SECOND):
        raise EINVAL


def from_microseconds(part: i64) -> Fallible[i64]:
    """The nanoseconds of a `struct timeval`."""
    if not 0 <= part < i64(SECOND) // MICROSECOND:
        raise EINVAL
    return part * MICROSECOND


@syscall(280)
def utimensat(task: Thread, directory: i32, path: UserAddr, times: UserAddr, flags: u32) -> Fallible[None]:
    """utimensat(2); without a path it is futimens(3)."""
    wanted = local(WantedTimes)
    if times != UserAddr(0):
        wanted.read(times)
        if wanted.is_nothing:
            return
    known = checked_flags(flags, u32(AtFlags.SYMLINK_NO_FOLLOW | AtFlags.EMPTY_PATH))
    set_times_at(task, directory, path, wanted, known)


@syscall(261)
def futimesat(task: Thread, directory: i32, path: UserAddr, times: UserAddr) -> Fallible[None]:
    """futimesat(2)."""
    wanted = local(WantedTimes)
    if times != UserAddr(0):
        wanted.read_microseconds(times)
    set_times_at(task, directory, path, wanted, AtFlags.NONE)


@syscall(235)
def utimes(task: Thread, path: UserAddr, times: UserAddr) -> Fallible[None]:
    """utimes(2)."""
    futimesat(task, AT_FDCWD, path, times)


@syscall(132)
def utime(task: Thread, path: UserAddr, times: UserAddr) -> Fallible[None]:
    """utime(2)."""
    wanted = local(WantedTimes)
    if times != UserAddr(0):
        wanted.accessed_seconds = user.get(i64, times)
        wanted.modified_seconds = user.get(i64, advance(times, 8))
        wanted.accessed_part = 0
        wanted.modified_part = 0
    set_times_at(task, AT_FDCWD, path, wanted, AtFlags.NONE)


def set_times_at(task: Thread, directory: i32, path: UserAddr, wanted: WantedTimes, flags: AtFlags) -> Fallible[None]:
    """Set the times of what is named so, or without a path of what is open as `directory`."""
    subject = local(Changeable)
    if path == UserAddr(0):
        if directory == AT_FDCWD:
            user.get(u32, path)
        if flags != AtFlags.NONE:
            raise EINVAL
        open_subject(task, Fd(directory), subject)
    else:
        subject.find(task, directory, path, flags, follow_unless(AtFlags.SYMLINK_NO_FOLLOW in flags))
    set_times(task, subject, wanted)


def set_times(task: Thread, subject: Changeable, wanted: WantedTimes) -> Fallible[None]:
    """Set the times of access and modification."""
    check_part(wanted.accessed_part)
    check_part(wanted.modified_part)
    subject.check_changeable()
    check_touch(task, subject, wanted.is_now)
    subject.check_kept()
    now = wall_time()
    about = subject.about
    choose(about.accessed, wanted.accessed_seconds, wanted.accessed_part, now)
    choose(about.modified, wanted.modified_seconds, wanted.modified_part, now)
    subject.note_change(now, happening_of(wanted))


def happening_of(wanted: WantedTimes) -> Happening:
    """What setting these times is for who watches the file: as if only one is set, it had been read or written."""
    if wanted.modified_part == UTIME_OMIT:
        return Happening.ACCESS
    return Happening.MODIFY if wanted.accessed_part == UTIME_OMIT else Happening.ATTRIBUTES


def choose(time: Timestamp, seconds: i64, part: i64, now: Nanoseconds) -> None:
    """Set a time of a file as it is meant."""
    if part == UTIME_NOW:
        time.set(now)
    elif part != UTIME_OMIT:
        time.set_parts(seconds, u32(part))


def check_touch(task: Thread, subject: Changeable, is_now: bool) -> Fallible[None]:
    """Whether the times may be set: by the owner; to now also by who may write (EACCES, EPERM)."""
    try:
        subject.check_owner(task)
    except EPERM:
        if not is_now:
            raise
        subject.check(task.process.credentials, Access.WRITE)
