"""/dev: the devices that every container finds, as one directory that all containers share as a layer.

The directory is made once at start and shown by `RamFs.cover` in each container, which can change its own
view of it.
"""

from __future__ import annotations

from codegen.lang import Fallible, Slice, deferred, u8, u32
from kernel.devices.memory import FULL, NULL, RANDOM, URANDOM, ZERO
from kernel.devices.serial import CONSOLE
from kernel.files import tree
from kernel.files.attributes import Kind
from kernel.files.file import FileOps
from kernel.files.ramfs import RamFs, create_file_system
from kernel.memory.account import Account

DEV_LAYER = 4096
"""Inode numbers of their own for /dev, away from those of any container's layers."""


def create_dev(account: Account) -> Fallible[RamFs]:
    """The tree of /dev, charged to `account`."""
    fs = create_file_system(account, None, DEV_LAYER)
    add_device(fs, b"null", NULL, 0o666)
    add_device(fs, b"zero", ZERO, 0o666)
    add_device(fs, b"full", FULL, 0o666)
    add_device(fs, b"random", RANDOM, 0o666)
    add_device(fs, b"urandom", URANDOM, 0o666)
    add_device(fs, b"console", CONSOLE, 0o600)
    shared = fs.new_inode(Kind.DIRECTORY, 0o1777, 0, 0)
    with deferred(shared.drop):
        tree.attach(fs.root, b"shm", shared)
    return fs


def add_device(fs: RamFs, name: Slice[u8], device: FileOps, permissions: u32) -> Fallible[None]:
    """Make the node of a character device in the root of `fs`."""
    inode = fs.new_inode(Kind.CHARACTER, permissions, 0, 0)
    with deferred(inode.drop):
        inode.device = device
        inode.described.device = device.attributes().device
        tree.attach(fs.root, name, inode)
