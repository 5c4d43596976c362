"""The kinds of file systems that a container has mounted, in the eyes of programs (filesystems(5), statfs(2))."""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import Slice, u8, u64, width


@width(u8)
class MountKind(IntEnum):
    """What is mounted; also the place of a mount in the table of its container (mounts.py)."""

    ROOT = 0
    """The container's own files."""
    PROC = 1
    DEVICES = 2
    TERMINALS = 3
    SHARED_MEMORY = 4


MOUNT_KINDS = 5

TMPFS_MAGIC: u64 = 0x0102_1994
PROC_SUPER_MAGIC: u64 = 0x9FA0
DEVPTS_SUPER_MAGIC: u64 = 0x1CD1
"""`f_type` (statfs(2), linux/magic.h)."""


def has_fixed_names(kind: MountKind) -> bool:
    """Whether nobody but the kernel makes, removes or renames what is in such a file system."""
    return kind == MountKind.PROC or kind == MountKind.TERMINALS


def magic_of(kind: MountKind) -> u64:
    """`f_type` of statfs(2)."""
    match kind:
        case MountKind.PROC:
            return PROC_SUPER_MAGIC
        case MountKind.TERMINALS:
            return DEVPTS_SUPER_MAGIC
        case _:
            return TMPFS_MAGIC


def type_of(kind: MountKind) -> Slice[u8]:
    """The name of the kind of file system, as /proc/filesystems has it."""
    match kind:
        case MountKind.PROC:
            return b"proc"
        case MountKind.TERMINALS:
            return b"devpts"
        case _:
            return b"tmpfs"


def path_of_point(kind: MountKind) -> Slice[u8]:
    """Where it is mounted."""
    match kind:
        case MountKind.ROOT:
            return b"/"
        case MountKind.PROC:
            return b"/proc"
        case MountKind.DEVICES:
            return b"/dev"
        case MountKind.TERMINALS:
            return b"/dev/pts"
        case MountKind.SHARED_MEMORY:
            return b"/dev/shm"
