"""Capabilities: the parts that the rights of the superuser are made of (capabilities(7)).

Interface: `Capabilities`, in the credentials of a process; `Credentials.has` asks for one.

A capability counts when it is in the effective set. There are no capabilities of files: execve(2) gives all to who is
user 0, what the bounding set leaves of them, and to others their ambient ones.
"""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import Fallible, bit, bits, from_raw, invert, replace, struct, to_raw, u32, u64, width
from kernel.base.errno import EINVAL, EPERM


@width(u64)
class Capability(IntEnum):
    """CAP_* (linux/capability.h)."""

    CHOWN = 0
    DAC_OVERRIDE = 1
    DAC_READ_SEARCH = 2
    FOWNER = 3
    FSETID = 4
    KILL = 5
    SETGID = 6
    SETUID = 7
    SETPCAP = 8
    LINUX_IMMUTABLE = 9
    NET_BIND_SERVICE = 10
    NET_BROADCAST = 11
    NET_ADMIN = 12
    NET_RAW = 13
    IPC_LOCK = 14
    IPC_OWNER = 15
    SYS_MODULE = 16
    SYS_RAWIO = 17
    SYS_CHROOT = 18
    SYS_PTRACE = 19
    SYS_PACCT = 20
    SYS_ADMIN = 21
    SYS_BOOT = 22
    SYS_NICE = 23
    SYS_RESOURCE = 24
    SYS_TIME = 25
    SYS_TTY_CONFIG = 26
    MKNOD = 27
    LEASE = 28
    AUDIT_WRITE = 29
    AUDIT_CONTROL = 30
    SETFCAP = 31
    MAC_OVERRIDE = 32
    MAC_ADMIN = 33
    SYSLOG = 34
    WAKE_ALARM = 35
    BLOCK_SUSPEND = 36
    AUDIT_READ = 37
    PERFMON = 38
    BPF = 39
    CHECKPOINT_RESTORE = 40


CAPABILITIES: u64 = 41
ALL: u64 = (1 << 41) - 1
FILE_SYSTEM: u64 = 0x1_0800_021F
"""CAP_FS_SET: those that follow the user id for files (setfsuid(2))."""


def bit_of(capability: Capability) -> u64:
    """The bit of a capability in a set."""
    return u64(1) << u64(capability)


@bits(u32)
class SecureBits:
    """SECBIT_* (linux/securebits.h): what user 0 does not mean for a process, each with a lock."""

    no_root: bool = bit(0)
    no_root_locked: bool = bit(1)
    no_fixup: bool = bit(2)
    no_fixup_locked: bool = bit(3)
    keeps: bool = bit(4)
    keeps_locked: bool = bit(5)
    no_ambient_raise: bool = bit(6)
    no_ambient_raise_locked: bool = bit(7)
    rest: u32 = bits(8, 32)


LOCKS: u32 = 0xAA
KNOWN_SECURE_BITS: u32 = 0xFF


@struct
class Capabilities:
    """The sets of one process."""

    permitted: u64 = ALL
    effective: u64 = ALL
    inheritable: u64 = 0
    bounding: u64 = ALL
    ambient: u64 = 0
    secure: SecureBits = SecureBits()

    def begin(self, is_root: bool) -> None:
        """Those of the first process in a container, as user 0 or another."""
        self.permitted = ALL if is_root else 0
        self.effective = self.permitted
        self.inheritable = 0
        self.bounding = ALL
        self.ambient = 0
        self.secure = SecureBits()

    def copy_from(self, other: Capabilities) -> None:
        """Be those of `other` (fork(2))."""
        self.permitted = other.permitted
        self.effective = other.effective
        self.inheritable = other.inheritable
        self.bounding = other.bounding
        self.ambient = other.ambient
        self.secure = other.secure

    def has(self, capability: Capability) -> bool:
        """Whether a capability counts."""
        return self.effective & bit_of(capability) != 0

    # What calls change.

    def set(self, effective: u64, permitted: u64, inheritable: u64) -> Fallible[None]:
        """capset(2). EPERM for what the old sets do not allow."""
        if not self.has(Capability.SETPCAP) and is_outside(inheritable, self.inheritable | self.permitted):
            raise EPERM
        if is_outside(inheritable, self.inheritable | self.bounding):
            raise EPERM
        if is_outside(permitted, self.permitted) or is_outside(effective, permitted):
            raise EPERM
        self.effective = effective
        self.permitted = permitted
        self.inheritable = inheritable
        self.ambient = self.ambient & permitted & inheritable

    def drop_from_bounding(self, capability: u64) -> Fallible[None]:
        """PR_CAPBSET_DROP. EPERM without CAP_SETPCAP, EINVAL for what there is not."""
        if not self.has(Capability.SETPCAP):
            raise EPERM
        if capability >= CAPABILITIES:
            raise EINVAL
        self.bounding = self.bounding & invert(u64, u64(1) << capability)

    def raise_ambient(self, capability: u64) -> Fallible[None]:
        """PR_CAP_AMBIENT_RAISE. EPERM unless it is permitted and inheritable, and securebits allow it."""
        one = u64(1) << capability
        if self.permitted & self.inheritable & one == 0 or self.secure.no_ambient_raise:
            raise EPERM
        self.ambient = self.ambient | one

    def set_secure(self, wanted: u32) -> Fallible[None]:
        """PR_SET_SECUREBITS. EPERM for what is locked or unknown, to take a lock away, and without CAP_SETPCAP."""
        now: u32 = to_raw(self.secure)
        locks = now & LOCKS
        if (locks >> 1) & (now ^ wanted) != 0 or locks & invert(u32, wanted) != 0:
            raise EPERM
        if wanted & invert(u32, KNOWN_SECURE_BITS) != 0 or not self.has(Capability.SETPCAP):
            raise EPERM
        self.secure = from_raw(SecureBits, wanted)

    def set_keeps(self, keeps: bool) -> Fallible[None]:
        """PR_SET_KEEPCAPS. EPERM when it is locked."""
        if self.secure.keeps_locked:
            raise EPERM
        self.secure = replace(self.secure, keeps=keeps)

    # What follows from other changes (capabilities(7), "Effect of user ID changes on capabilities").

    def follow_users(self, was_any_root: bool, is_any_root: bool, was_root: bool, is_root: bool) -> None:
        """The user ids have changed: whether any of the three was and is 0, and the effective one."""
        if self.secure.no_fixup:
            return
        if was_any_root and not is_any_root:
            if not self.secure.keeps:
                self.permitted = 0
                self.effective = 0
            self.ambient = 0
        if was_root and not is_root:
            self.effective = 0
        elif is_root and not was_root:
            self.effective = self.permitted

    def follow_file_user(self, was_root: bool, is_root: bool) -> None:
        """The user id for files has changed (setfsuid(2))."""
        if self.secure.no_fixup or was_root == is_root:
            return
        if was_root:
            self.effective = self.effective & invert(u64, FILE_SYSTEM)
        else:
            self.effective = self.effective | (self.permitted & FILE_SYSTEM)

    def begin_program(self, is_real_root: bool, is_root: bool, changes_ids: bool) -> None:
        """execve(2) of a program without capabilities of its own.

        `changes_ids`: the effective ids are not the real ones, which ends the ambient set.
        """
        if changes_ids:
            self.ambient = 0
        gets_all = not self.secure.no_root and (is_real_root or is_root)
        self.permitted = (self.bounding | self.inheritable if gets_all else 0) | self.ambient
        self.effective = self.permitted if gets_all and is_root else self.ambient
        self.secure = replace(self.secure, keeps=False)


def is_outside(wanted: u64, allowed: u64) -> bool:
    """Whether a set has anything that the other has not."""
    return wanted & invert(u64, allowed) != 0
