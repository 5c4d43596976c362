"""What /proc tells of the machine as the container has it (proc(5))."""

from __future__ import annotations

from codegen.lang import Array, Fallible, Slice, array, local_array, struct, u8, u64
from kernel.base.writer import Writer
from kernel.devices.random import fill_random
from kernel.files.inode import Inode, View
from kernel.memory import frames
from kernel.memory.account import NO_LIMIT
from kernel.sched.cpu import current
from kernel.views.status import is_running

KIBIBYTES_PER_PAGE: u64 = 4
SECOND: u64 = 1_000_000_000
UUID_SIZE: u64 = 16
HUNDREDTH: u64 = 10_000_000


@struct
class MemoryInformation(View):
    """meminfo: memory as the container has it, its limit as the total."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        free, total = frames.counts()
        pages = current().process.container.account.pages
        if pages.limit != NO_LIMIT:
            total = min(total, pages.limit)
            free = min(free, pages.limit - min(pages.used.load(), pages.limit))
        writer(f"MemTotal:       {total * KIBIBYTES_PER_PAGE} kB\n")
        writer(f"MemFree:        {free * KIBIBYTES_PER_PAGE} kB\n")
        writer(f"MemAvailable:   {free * KIBIBYTES_PER_PAGE} kB\n")
        writer.text(b"Buffers:        0 kB\nCached:         0 kB\nSwapCached:     0 kB\n")
        writer.text(b"SwapTotal:      0 kB\nSwapFree:       0 kB\nShmem:          0 kB\n")


def write_seconds(writer: Writer, nanoseconds: u64) -> None:
    """A time in seconds with two digits behind the point."""
    hundredths = nanoseconds % SECOND // HUNDREDTH
    writer(f"{nanoseconds // SECOND}.{hundredths // 10}{hundredths % 10}")


@struct
class LoadAverage(View):
    """loadavg: no average is kept; then the processes that run and all, and the newest pid."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        container = current().process.container
        writer(f"0.00 0.00 0.00 {count_running()}/{container.processes.count} {container.numbers.last}\n")


def count_running() -> u64:
    """How many processes of the container have something to do."""
    count: u64 = 0
    for process in current().process.container.processes:
        if is_running(process):
            count += 1
    return count


@struct
class Version(View):
    """version: what uname(2) tells, in one line."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        writer.text(b"Linux version 6.1.0-pithos (pithos) #1 Pithos\n")


@struct
class FileSystems(View):
    """filesystems: the kinds that there are."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        writer.text(b"nodev\tproc\nnodev\ttmpfs\n")


@struct
class Mounts(View):
    """mounts: the file systems, of which a container has one."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        writer.text(b"tmpfs / tmpfs rw,relatime 0 0\n")


@struct
class MountInformation(View):
    """mountinfo: the same with more fields."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        writer.text(b"1 0 0:1 / / rw,relatime - tmpfs tmpfs rw\n")


@struct
class HostName(View):
    """sys/kernel/hostname: what the container calls itself."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        container = current().process.container
        writer.text(container.hostname[0 : container.hostname_length])
        writer.text(b"\n")


@struct
class Setting(View):
    """A number below sys that nobody can change."""

    value: u64 = 0

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        writer(f"{self.value}\n")


@struct
class SystemType(View):
    """sys/kernel/ostype."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        writer.text(b"Linux\n")


@struct
class SystemRelease(View):
    """sys/kernel/osrelease."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        writer.text(b"6.1.0-pithos\n")


@struct
class UniqueId(View):
    """sys/kernel/random/uuid: another one each time (RFC 4122, version 4)."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        noise = local_array(u8, UUID_SIZE)
        fill_random(noise)
        write_uuid(writer, noise)


@struct
class BootId(View):
    """sys/kernel/random/boot_id: one for as long as the machine runs."""

    noise: Array[u8] = array(16)
    made: bool = False

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        if not self.made:
            self.made = True
            fill_random(self.noise[:])
        write_uuid(writer, self.noise[:])


def write_uuid(writer: Writer, noise: Slice[u8]) -> None:
    """16 random bytes as a UUID: the version is 4, the variant that of the RFC."""
    for index in range(UUID_SIZE):
        if index == 4 or index == 6 or index == 8 or index == 10:
            writer.text(b"-")
        byte = noise[index]
        if index == 6:
            byte = 0x40 | byte & 0x0F
        elif index == 8:
            byte = 0x80 | byte & 0x3F
        writer(f"{byte >> 4:x}{byte & 15:x}")
    writer.text(b"\n")
