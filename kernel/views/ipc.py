"""What /proc tells of System V IPC: /proc/sysvipc/shm and the limits in /proc/sys/kernel (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, local, u8, u32, u64
from kernel.base.writer import Writer
from kernel.files.inode import Inode
from kernel.ipc.namespace import INDICES, IpcNamespace, index_of
from kernel.ipc.segment import SegmentStatus, mode_of
from kernel.machine.layout import PAGE_SIZE
from kernel.sched.cpu import current
from kernel.views.columns import write_right
from kernel.views.numbers import setting_in
from kernel.views.text import END

SECOND: u64 = 1_000_000_000
LARGEST: u64 = 0xFFFF_FFFF_FFFF_FFFF
SIGN: u64 = 1 << 31
"""Keys from here on are negative."""


def namespace_of_reader() -> IpcNamespace:
    """The numbers of the container that asks."""
    return current().process.container.ipc


def write_segments(inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
    """sysvipc/shm: the segments of the container, whoever may use them. The key is one more than an index; 0: a line
    of titles.
    """
    if key == 0:
        writer.text(b"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid")
        writer.text(b"      atime      dtime      ctime                   rss                  swap\n")
        return 1
    status = local(SegmentStatus)
    if not namespace_of_reader().describe_from(key - 1, status):
        return END
    write_segment(status, writer)
    return index_of(status.id) + 2


def write_segment(status: SegmentStatus, writer: Writer) -> None:
    """One line."""
    permissions = status.permissions
    write_key(writer, permissions.key)
    write_column(writer, u64(status.id), 10)
    writer.text(b" ")
    write_right(writer, u64(mode_of(status)), 8, 5)
    write_column(writer, status.size, 21)
    write_column(writer, u64(status.creator), 5)
    write_column(writer, u64(status.last), 5)
    writer.text(b" ")
    write_column(writer, status.attached, 5)
    write_column(writer, u64(permissions.user), 5)
    write_column(writer, u64(permissions.group), 5)
    write_column(writer, u64(permissions.creator_user), 5)
    write_column(writer, u64(permissions.creator_group), 5)
    write_column(writer, u64(status.attach_time) // SECOND, 10)
    write_column(writer, u64(status.detach_time) // SECOND, 10)
    write_column(writer, u64(status.change_time) // SECOND, 10)
    write_column(writer, status.resident * PAGE_SIZE, 21)
    write_column(writer, 0, 21)
    writer.text(b"\n")


def write_column(writer: Writer, value: u64, width: u64) -> None:
    """A number in decimal, with a space before its column."""
    writer.text(b" ")
    write_right(writer, value, 10, width)


def write_key(writer: Writer, key: u32) -> None:
    """A key, which is a number with a sign, in a column ten wide."""
    if u64(key) < SIGN:
        write_right(writer, u64(key), 10, 10)
        return
    value = SIGN * 2 - u64(key)
    spaces: u64 = 9
    while spaces > 0 and value > 0:
        spaces -= 1
        value = value // 10
    for _ in range(spaces):
        writer.text(b" ")
    writer.text(b"-")
    write_right(writer, SIGN * 2 - u64(key), 10, 0)


def write_largest(inode: Inode, writer: Writer) -> Fallible[None]:
    """sys/kernel/shmmax: bytes in one segment."""
    writer(f"{namespace_of_reader().largest}\n")


def take_largest(inode: Inode, text: Slice[u8]) -> Fallible[None]:
    """EPERM, EINVAL."""
    namespace_of_reader().largest = setting_in(text, 0, LARGEST)


def write_pages_max(inode: Inode, writer: Writer) -> Fallible[None]:
    """sys/kernel/shmall: pages in all segments."""
    writer(f"{namespace_of_reader().pages_max}\n")


def take_pages_max(inode: Inode, text: Slice[u8]) -> Fallible[None]:
    """EPERM, EINVAL."""
    namespace_of_reader().pages_max = setting_in(text, 0, LARGEST)


def write_count_max(inode: Inode, writer: Writer) -> Fallible[None]:
    """sys/kernel/shmmni: how many segments."""
    writer(f"{namespace_of_reader().count_max}\n")


def take_count_max(inode: Inode, text: Slice[u8]) -> Fallible[None]:
    """EPERM, EINVAL."""
    namespace_of_reader().count_max = setting_in(text, 0, INDICES)
