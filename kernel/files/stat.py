"""The structures in which stat(2), statx(2), statfs(2) and getdents64(2) answer, as x86-64 lays them out."""

from __future__ import annotations

from codegen.lang import Array, array, i64, inline, struct, truncate, u16, u32, u64
from kernel.files.attributes import BLOCK_SIZE, Attributes, Kind
from kernel.files.timestamp import Timestamp

SECTOR: u64 = 512
"""The unit of `st_blocks`."""

STATX_BASIC: u32 = 0x7FF
"""STATX_BASIC_STATS: every field that stat(2) has."""

STATX_MNT_ID: u32 = 0x1000
STATX_ATTR_MOUNT_ROOT: u64 = 0x2000
"""The number of the mount is told; a file is the root of one (statx(2))."""

ST_VALID: u64 = 0x20
ST_READ_ONLY: u64 = 1
ST_RELATIME: u64 = 0x1000
"""`f_flags` of statfs(2)."""

NAME_LIMIT: u64 = 255


def device_of(file_system: u64) -> u64:
    """The device number of a file system: major 0, and a minor number of 32 bits (makedev(3))."""
    return (file_system & 0xFF) | (file_system & 0xFFFF_FF00) << 12


def minor(device: u64) -> u32:
    """The low part of a device number (makedev(3))."""
    return u32((device & 0xFF) | ((device >> 12) & 0xFFFF_FF00))


def major(device: u64) -> u32:
    """The high part of a device number (makedev(3))."""
    return u32((device >> 8) & 0xFFF)


def sectors_of(about: Attributes) -> u64:
    """`st_blocks`: the space that the contents take, holes excepted."""
    if about.kind != Kind.REGULAR:
        return 0
    return about.pages * (BLOCK_SIZE // SECTOR)


@struct(size=144)
class Stat:
    """`struct stat` (arch/x86/include/uapi/asm/stat.h)."""

    device: u64 = 0
    inode: u64 = 0
    links: u64 = 0
    mode: u32 = 0
    user: u32 = 0
    group: u32 = 0
    padding: u32 = 0
    special_device: u64 = 0
    size: i64 = 0
    block_size: i64 = 0
    blocks: i64 = 0
    accessed_seconds: i64 = 0
    accessed_nanoseconds: u64 = 0
    modified_seconds: i64 = 0
    modified_nanoseconds: u64 = 0
    changed_seconds: i64 = 0
    changed_nanoseconds: u64 = 0
    unused: Array[u64] = array(3)

    def fill(self, about: Attributes) -> None:
        """Tell what `about` has."""
        self.device = device_of(about.file_system)
        self.inode = about.number
        self.links = u64(about.links)
        self.mode = about.mode
        self.user = about.user
        self.group = about.group
        self.special_device = about.device
        self.size = i64(about.size)
        self.block_size = i64(BLOCK_SIZE)
        self.blocks = i64(sectors_of(about))
        self.accessed_seconds = about.accessed.seconds
        self.accessed_nanoseconds = u64(about.accessed.nanoseconds)
        self.modified_seconds = about.modified.seconds
        self.modified_nanoseconds = u64(about.modified.nanoseconds)
        self.changed_seconds = about.changed.seconds
        self.changed_nanoseconds = u64(about.changed.nanoseconds)


@struct(size=16)
class StatxTime:
    """`struct statx_timestamp` (statx(2))."""

    seconds: i64 = 0
    nanoseconds: u32 = 0
    reserved: u32 = 0

    def fill(self, moment: Timestamp) -> None:
        """Tell a moment."""
        self.seconds = moment.seconds
        self.nanoseconds = moment.nanoseconds


@struct(size=256)
class Statx:
    """`struct statx` (statx(2))."""

    mask: u32 = 0
    block_size: u32 = 0
    flags: u64 = 0
    links: u32 = 0
    user: u32 = 0
    group: u32 = 0
    mode: u16 = 0
    padding: u16 = 0
    inode: u64 = 0
    size: u64 = 0
    blocks: u64 = 0
    flags_mask: u64 = 0
    accessed: StatxTime = inline()
    born: StatxTime = inline()
    changed: StatxTime = inline()
    modified: StatxTime = inline()
    special_major: u32 = 0
    special_minor: u32 = 0
    device_major: u32 = 0
    device_minor: u32 = 0
    mount: u64 = 0
    spare: Array[u64] = array(13)

    def fill(self, about: Attributes) -> None:
        """Tell what `about` has; there is no time of birth."""
        self.mask = STATX_BASIC
        self.block_size = u32(BLOCK_SIZE)
        self.links = about.links
        self.user = about.user
        self.group = about.group
        self.mode = u16(about.mode)
        self.inode = about.number
        self.size = about.size
        self.blocks = sectors_of(about)
        self.accessed.fill(about.accessed)
        self.changed.fill(about.changed)
        self.modified.fill(about.modified)
        self.special_major = major(about.device)
        self.special_minor = minor(about.device)
        self.device_minor = truncate(u32, about.file_system)

    def fill_mount(self, number: u64, is_root: bool) -> None:
        """Tell in which mount it is, and whether it is the root of that."""
        self.mask = self.mask | STATX_MNT_ID
        self.mount = number
        self.flags_mask = STATX_ATTR_MOUNT_ROOT
        self.flags = STATX_ATTR_MOUNT_ROOT if is_root else 0


@struct(size=120)
class StatFs:
    """`struct statfs` (statfs(2)); sizes in blocks of BLOCK_SIZE."""

    type: u64 = 0
    block_size: u64 = 0
    blocks: u64 = 0
    free: u64 = 0
    available: u64 = 0
    files: u64 = 0
    free_files: u64 = 0
    id: u64 = 0
    name_length: u64 = 0
    fragment_size: u64 = 0
    flags: u64 = 0
    spare: Array[u64] = array(4)
