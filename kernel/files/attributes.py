"""What stat(2) tells of a file: its kind, permissions, owner, size and times."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING

from codegen.lang import Fallible, Nanoseconds, inline, struct, u8, u32, u64, width
from kernel.base.errno import EACCES, EPERM
from kernel.files.capability import Capability
from kernel.files.credentials import Credentials
from kernel.files.timestamp import Timestamp
from kernel.machine.clock import wall_time

if TYPE_CHECKING:
    from kernel.files.locks import FileLock

PERMISSION_BITS: u32 = 0o7777
"""The part of a mode that chmod(2) may change: rwx three times, set-user-ID, set-group-ID, sticky."""

SOCKET_DEVICE: u64 = 13
PIPE_DEVICE: u64 = 14
ANONYMOUS_DEVICE: u64 = 15
"""The devices (`st_dev`, minor numbers) of what is open and in no file system: sockets, pipes, files without a name."""

BLOCK_SIZE: u64 = 4096
"""`st_blksize`: the size in which reading and writing is cheapest."""


@width(u8)
class Kind(IntEnum):
    """The type of a file: the bits of S_IFMT shifted to the right by 12 (inode(7)); also DT_* of
    readdir(3).
    """

    FIFO = 1
    CHARACTER = 2
    DIRECTORY = 4
    BLOCK = 6
    REGULAR = 8
    SYMLINK = 10
    SOCKET = 12


@width(u32)
class Access(IntFlag):
    """What access(2) and path walking ask for: the bits R_OK, W_OK and X_OK."""

    NONE = 0
    EXECUTE = 1
    WRITE = 2
    READ = 4


@struct
class Attributes:
    """The attributes that every file has, wherever its contents are."""

    kind: Kind = Kind.REGULAR
    permissions: u32 = 0
    user: u32 = 0
    group: u32 = 0
    links: u32 = 0
    size: u64 = 0
    pages: u64 = 0
    """How many pages the contents take; who tells it brings it up to date first."""
    number: u64 = 0
    file_system: u64 = 0
    """The number of the device that it is on, a minor one of major 0."""
    device: u64 = 0
    accessed: Timestamp = inline()
    modified: Timestamp = inline()
    changed: Timestamp = inline()
    is_strict: bool = False
    """Nobody has more rights than the permissions say: so are the files of /proc/sys."""
    locks: FileLock | None = None
    """The first of the locks on the file, and of the requests for some (locks.py)."""

    @property
    def mode(self) -> u32:
        """`st_mode`: the kind and the permissions in one number."""
        return (u32(self.kind) << 12) | self.permissions

    @property
    def is_directory(self) -> bool:
        return self.kind == Kind.DIRECTORY

    @property
    def is_regular(self) -> bool:
        return self.kind == Kind.REGULAR

    @property
    def is_symlink(self) -> bool:
        return self.kind == Kind.SYMLINK

    def touch(self, when: Nanoseconds) -> None:
        """The contents changed at `when`."""
        self.modified.set(when)
        self.changed.copy_from(self.modified)

    def begin(self, when: Nanoseconds) -> None:
        """The file was made at `when`."""
        self.touch(when)
        self.accessed.copy_from(self.modified)

    def note_access(self) -> None:
        """The contents were read. As with the mount option relatime, the first read after a change counts."""
        if not self.accessed.is_after(self.modified) or not self.accessed.is_after(self.changed):
            self.accessed.set(wall_time())

    def check_owner(self, who: Credentials) -> Fallible[None]:
        """EPERM unless `who` acts as the owner, or has CAP_FOWNER."""
        if who.user != self.user and not who.has(Capability.FOWNER):
            raise EPERM

    def permits(self, credentials: Credentials, wanted: Access) -> bool:
        """Whether `credentials` may do all of `wanted` (path_resolution(7), "Permissions")."""
        bits = self.permissions
        if credentials.user == self.user:
            bits = bits >> 6
        elif credentials.in_group(self.group):
            bits = bits >> 3
        return u32(wanted) & bits == u32(wanted) or (not self.is_strict and self.overrules(credentials, wanted))

    def overrules(self, credentials: Credentials, wanted: Access) -> bool:
        """Whether capabilities allow what the permissions do not (capabilities(7)).

        Nobody executes a file that nobody may execute.
        """
        if credentials.has(Capability.DAC_OVERRIDE):
            return Access.EXECUTE not in wanted or self.is_directory or self.permissions & 0o111 != 0
        if not credentials.has(Capability.DAC_READ_SEARCH):
            return False
        return Access.WRITE not in wanted if self.is_directory else wanted == Access.READ

    def check(self, credentials: Credentials, wanted: Access) -> Fallible[None]:
        """EACCES unless `credentials` may do all of `wanted`."""
        if not self.permits(credentials, wanted):
            raise EACCES
