"""What /proc tells of the machine as the container has it (proc(5))."""

from __future__ import annotations

from codegen.lang import Array, Fallible, Slice, array, local_array, struct, u8, u64
from kernel.base.options import OPTIONS
from kernel.base.release import RELEASE, SYSTEM, VERSION
from kernel.base.writer import Writer
from kernel.devices.random import fill_random
from kernel.files.inode import Inode
from kernel.sched.cpu import current
from kernel.views.state import is_running

SECOND: u64 = 1_000_000_000
UUID_SIZE: u64 = 16
HUNDREDTH: u64 = 10_000_000


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
    writer(f"0.00 0.00 0.00 {count_running()}/{container.processes.count} {container.numbers.last}\n")


def count_running() -> u64:
    """How many processes of the container have something to do."""
    count: u64 = 0
    for process in current().process.container.processes:
        if is_running(process, None):
            count += 1
    return count


def write_version(inode: Inode, writer: Writer) -> Fallible[None]:
    """version: what uname(2) tells, in one line."""
    writer.text(SYSTEM)
    writer.text(b" version ")
    writer.text(RELEASE)
    writer.text(b" (pithos) ")
    writer.text(VERSION)
    writer.text(b"\n")


def write_file_systems(inode: Inode, writer: Writer) -> Fallible[None]:
    """filesystems: the kinds that there are."""
    writer.text(b"nodev\ttmpfs\nnodev\tproc\nnodev\tpipefs\nnodev\tdevpts\n")


def write_command_line(inode: Inode, writer: Writer) -> Fallible[None]:
    """cmdline: what the kernel was started with."""
    writer.text(OPTIONS.text[0 : OPTIONS.length])
    writer.text(b"\n")


DEVICES = (
    b"Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n128 ptm\n136 pts\n\nBlock devices:\n"
)
TERMINAL_DRIVERS = (
    b"/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
    b"/dev/console         /dev/console    5       1 system:console\n"
    b"/dev/ptmx            /dev/ptmx       5       2 system\n"
    b"pty_slave            /dev/pts      136 0-255 pty:slave\n"
    b"pty_master           /dev/ptm      128 0-255 pty:master\n"
)
"""/proc/devices and /proc/tty/drivers: what /dev offers."""

SLABS = (
    b"slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : "
    b"tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n"
)
"""/proc/slabinfo: the heaps of containers are no caches with names."""


def write_consoles(inode: Inode, writer: Writer) -> Fallible[None]:
    """consoles: that of the machine, in the boot container."""
    if current().process.container.parent is None:
        writer.text(b"ttyS0                -W- (EC  p  )    4:64\n")


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
