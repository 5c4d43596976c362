"""/dev: the devices that every container finds, as one directory that all containers share as a layer.

The directory is made once at start and shown by `RamFs.cover` in each container, which can change its own
view of it.
"""

from __future__ import annotations

from codegen.lang import Fallible, Slice, deferred, u8, u32
from kernel.devices.memory import FULL, NULL, RANDOM, URANDOM, ZERO
from kernel.devices.serial import CONSOLE
from kernel.devices.terminal_nodes import CONTROLLING, MULTIPLEXER
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
    add_device(fs, b"ptmx", MULTIPLEXER, 0o666)
    add_device(fs, b"tty", CONTROLLING, 0o666)
    add_folder(fs, b"shm", 0o1777)
    add_folder(fs, b"pts", 0o755)
    add_link(fs, b"fd", b"/proc/self/fd")
    add_link(fs, b"stdin", b"/proc/self/fd/0")
    add_link(fs, b"stdout", b"/proc/self/fd/1")
    add_link(fs, b"stderr", b"/proc/self/fd/2")
    return fs


def add_folder(fs: RamFs, name: Slice[u8], permissions: u32) -> Fallible[None]:
    """Make an empty directory in the root of `fs`."""
    folder = fs.new_inode(Kind.DIRECTORY, permissions, 0, 0)
    with deferred(folder.drop):
        tree.attach(fs.root, name, folder)


def add_link(fs: RamFs, name: Slice[u8], target: Slice[u8]) -> Fallible[None]:
    """Make a symbolic link in the root of `fs`."""
    link = fs.new_inode(Kind.SYMLINK, 0o777, 0, 0)
    with deferred(link.drop):
        fs.set_target(link, target)
        tree.attach(fs.root, name, link)


def add_device(fs: RamFs, name: Slice[u8], device: FileOps, permissions: u32) -> Fallible[None]:
    """Make the node of a character device in the root of `fs`."""
    inode = fs.new_inode(Kind.CHARACTER, permissions, 0, 0)
    with deferred(inode.drop):
        inode.device = device
        inode.described.device = device.attributes().device
        tree.attach(fs.root, name, inode)
