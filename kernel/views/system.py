"""What /proc tells of the machine as the container has it (proc(5))."""

from __future__ import annotations

from codegen.lang import Array, Fallible, Slice, array, local_array, struct, u8, u64
from kernel.base.writer import Writer
from kernel.devices.random import fill_random
from kernel.files.inode import Inode
from kernel.memory import frames
from kernel.memory.account import NO_LIMIT
from kernel.sched.cpu import current
from kernel.views.state import is_running

KIBIBYTES_PER_PAGE: u64 = 4
SECOND: u64 = 1_000_000_000
UUID_SIZE: u64 = 16
HUNDREDTH: u64 = 10_000_000


def write_memory_information(inode: Inode, writer: Writer) -> Fallible[None]:
    """meminfo: memory as the container has it, its limit as the total."""
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


def write_control_group(inode: Inode, writer: Writer) -> Fallible[None]:
    """cgroup: the container is the root of what can be seen."""
    writer.text(b"0::/\n")


NETWORK_DEVICES = (
    b"Inter-|   Receive                                                |  Transmit\n"
    b" face |bytes    packets errs drop fifo frame compressed multicast|"
    b"bytes    packets errs drop fifo colls carrier compressed\n"
)
"""/proc/net/dev: there are none."""


def write_seconds(writer: Writer, nanoseconds: u64) -> None:
    """A time in seconds with two digits behind the point."""
    hundredths = nanoseconds % SECOND // HUNDREDTH
    writer(f"{nanoseconds // SECOND}.{hundredths // 10}{hundredths % 10}")


def write_load_average(inode: Inode, writer: Writer) -> Fallible[None]:
    """loadavg: no average is kept; then the processes that run and all, and the newest pid."""
    container = current().process.container
    writer(f"0.00 0.00 0.00 {count_running()}/{container.processes.count} {container.last_pid}\n")


def count_running() -> u64:
    """How many processes of the container have something to do."""
    count: u64 = 0
    for process in current().process.container.processes:
        if is_running(process, None):
            count += 1
    return count


def write_version(inode: Inode, writer: Writer) -> Fallible[None]:
    """version: what uname(2) tells, in one line."""
    writer.text(b"Linux version 6.1.0-pithos (pithos) #1 Pithos\n")


def write_file_systems(inode: Inode, writer: Writer) -> Fallible[None]:
    """filesystems: the kinds that there are."""
    writer.text(b"nodev\ttmpfs\nnodev\tproc\nnodev\tpipefs\nnodev\tdevpts\n")


def write_host_name(inode: Inode, writer: Writer) -> Fallible[None]:
    """sys/kernel/hostname: what the container calls itself."""
    container = current().process.container
    writer.text(container.hostname[0 : container.hostname_length])
    writer.text(b"\n")


def write_unique_id(inode: Inode, writer: Writer) -> Fallible[None]:
    """sys/kernel/random/uuid: another one each time (RFC 4122, version 4)."""
    noise = local_array(u8, UUID_SIZE)
    fill_random(noise)
    write_uuid(writer, noise)


@struct
class BootId:
    """What /proc/sys/kernel/random/boot_id tells, once somebody has asked."""

    noise: Array[u8] = array(16)
    made: bool = False


BOOT_ID = BootId()


def write_boot_id(inode: Inode, writer: Writer) -> Fallible[None]:
    """sys/kernel/random/boot_id: one for as long as the machine runs."""
    if not BOOT_ID.made:
        BOOT_ID.made = True
        fill_random(BOOT_ID.noise[:])
    write_uuid(writer, BOOT_ID.noise[:])


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
