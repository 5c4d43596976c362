"""Seals: what may no longer be done to a file of memfd_create(2) (fcntl(2), "File sealing")."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

from codegen.lang import Fallible, u32, u64, width
from kernel.base.errno import EPERM

if TYPE_CHECKING:
    from kernel.files.inode import Inode


@width(u32)
class Seals(IntFlag):
    """F_SEAL_* (linux/fcntl.h)."""

    NONE = 0
    SEAL = 0x1
    """No more seals."""
    SHRINK = 0x2
    GROW = 0x4
    WRITE = 0x8
    FUTURE_WRITE = 0x10
    """Mappings that can be written to stay."""
    EXECUTE = 0x20
    """The permission to execute it does not change."""


SEAL_BITS: u32 = 0x3F


def check_write(inode: Inode, end: u64) -> Fallible[None]:
    """EPERM unless bytes up to `end` may be written."""
    seals = inode.seals
    if Seals.WRITE in seals or Seals.FUTURE_WRITE in seals:
        raise EPERM
    if Seals.GROW in seals and end > inode.described.size:
        raise EPERM


def check_size(inode: Inode, size: u64) -> Fallible[None]:
    """EPERM unless the file may become `size` bytes long."""
    old = inode.described.size
    if (Seals.SHRINK in inode.seals and size < old) or (Seals.GROW in inode.seals and size > old):
        raise EPERM


def forbids_shared_writes(inode: Inode) -> bool:
    """Whether no new shared mapping may be written to, now or later."""
    return Seals.WRITE in inode.seals or Seals.FUTURE_WRITE in inode.seals
