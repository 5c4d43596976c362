"""/proc/PID/mounts, mountinfo and mountstats: what a process sees mounted (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, u8
from kernel.base.writer import Writer
from kernel.files.inode import Inode
from kernel.files.mount_kind import MOUNT_KINDS, MountKind, path_of_point, type_of
from kernel.process.process import Process
from kernel.sched.cpu import current
from kernel.views.populations import process_or_none


def write_mount_information(inode: Inode, writer: Writer) -> Fallible[None]:
    """mountinfo: number, number of the mount around, device, root, mount point, options; kind, source, options."""
    table = current().process.container.mounts
    for number in range(MOUNT_KINDS):
        kind = MountKind(number)
        point = seen_point(inode, kind)
        if len(point) > 0:
            around = 0 if kind == MountKind.ROOT else table.id_of(mount_around(kind))
            way = way_of(kind)
            writer(f"{table.id_of(kind)} {around} 0:{table.id_of(kind)} / {point} {way},relatime - ")
            writer(f"{type_of(kind)} {type_of(kind)} {way}{options_of(kind)}\n")


def write_mounts(inode: Inode, writer: Writer) -> Fallible[None]:
    """mounts: the lines of fstab(5)."""
    for number in range(MOUNT_KINDS):
        kind = MountKind(number)
        point = seen_point(inode, kind)
        if len(point) > 0:
            writer(f"{type_of(kind)} {point} {type_of(kind)} {way_of(kind)},relatime{options_of(kind)} 0 0\n")


def write_mount_statistics(inode: Inode, writer: Writer) -> Fallible[None]:
    """mountstats: none of these file systems keeps any."""
    for number in range(MOUNT_KINDS):
        kind = MountKind(number)
        point = seen_point(inode, kind)
        if len(point) > 0:
            writer(f"device {type_of(kind)} mounted on {point} with fstype {type_of(kind)}\n")


def seen_point(inode: Inode, kind: MountKind) -> Slice[u8]:
    """Where the process that `inode` is about sees a mount: empty if that is not below its root (chroot(2))."""
    found = process_or_none(inode)
    process: Process = current().process if found is None or found.is_zombie else found
    container = process.container
    path = path_of_point(kind)
    if process.root is container.root:
        return path
    fs = container.mounts.find(kind)
    if fs is not None and process.root is fs.root:
        return b"/"
    devices = container.mounts.find(MountKind.DEVICES)
    if devices is not None and process.root is devices.root and mount_around(kind) == MountKind.DEVICES:
        return path[len(path_of_point(MountKind.DEVICES)) :]
    return path[0:0]


def way_of(kind: MountKind) -> Slice[u8]:
    """Whether the running process may write there: only its root may be read-only."""
    is_read_only = kind == MountKind.ROOT and current().process.container.file_system.is_read_only
    return b"ro" if is_read_only else b"rw"


def mount_around(kind: MountKind) -> MountKind:
    """The mount that the mount point of another one is in."""
    if kind == MountKind.TERMINALS or kind == MountKind.SHARED_MEMORY:
        return MountKind.DEVICES
    return MountKind.ROOT


def options_of(kind: MountKind) -> Slice[u8]:
    """The options of a file system of its own."""
    match kind:
        case MountKind.DEVICES:
            return b",mode=755"
        case MountKind.TERMINALS:
            return b",mode=620,ptmxmode=666"
        case _:
            return b""
