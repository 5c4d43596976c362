"""Who may do what with an object of System V IPC (sysvipc(7), ipc/util.c of Linux)."""

from __future__ import annotations

from codegen.lang import Fallible, struct, u32, u64
from kernel.base.errno import EACCES, EPERM
from kernel.files.capability import Capability
from kernel.files.credentials import Credentials

PERMISSION_BITS: u32 = 0o777
READ: u32 = 0o444
WRITE: u32 = 0o222
EXECUTE: u32 = 0o111


@struct
class Permissions:
    """The key of an object, its owner, the one that made it, and what they and others may do."""

    key: u32 = 0
    user: u32 = 0
    group: u32 = 0
    creator_user: u32 = 0
    creator_group: u32 = 0
    mode: u32 = 0
    sequence: u64 = 0
    """Which use of its index this is."""

    def begin(self, key: u32, credentials: Credentials, mode: u32) -> None:
        """Be those of an object that a process with these credentials makes."""
        self.key = key
        self.user = credentials.effective_user
        self.group = credentials.effective_group
        self.creator_user = credentials.effective_user
        self.creator_group = credentials.effective_group
        self.mode = mode & PERMISSION_BITS

    def check(self, credentials: Credentials, wanted: u32) -> Fallible[None]:
        """EACCES unless what any of the three digits of `wanted` says is allowed; CAP_IPC_OWNER: all."""
        asked = (wanted | wanted >> 3 | wanted >> 6) & 7
        granted = self.mode
        if self.is_owner(credentials):
            granted = granted >> 6
        elif credentials.in_group(self.creator_group) or credentials.in_group(self.group):
            granted = granted >> 3
        if asked & granted != asked and not credentials.has(Capability.IPC_OWNER):
            raise EACCES

    def is_owner(self, credentials: Credentials) -> bool:
        """Whether a process with these credentials owns or made the object."""
        return credentials.effective_user == self.user or credentials.effective_user == self.creator_user

    def check_owner(self, credentials: Credentials) -> Fallible[None]:
        """EPERM for who may not change or remove the object: others than its owner without CAP_SYS_ADMIN."""
        if not self.is_owner(credentials) and not credentials.has(Capability.SYS_ADMIN):
            raise EPERM

    def copy_from(self, other: Permissions) -> None:
        """Be the same."""
        self.key = other.key
        self.user = other.user
        self.group = other.group
        self.creator_user = other.creator_user
        self.creator_group = other.creator_group
        self.mode = other.mode
        self.sequence = other.sequence
