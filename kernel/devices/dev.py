"""/dev: the devices that every container finds, as one directory that all containers share as a layer.

Interface: `create_dev` makes the directory, once; each container mounts a layer of its own over it
(kernel/files/mounts.py) and can change that. `character_device` is what a node serves, wherever it is and whoever made
it: the devices of this table, and no others.
"""

from __future__ import annotations

from dataclasses import dataclass

from codegen.lang import Fallible, Slice, deferred, u8, u32, u64
from kernel.devices.memory import FULL, NULL, RANDOM, URANDOM, ZERO
from kernel.devices.terminal_control import SLAVE_MAJOR_DEVICE
from kernel.devices.terminal_nodes import CONSOLE, CONTROLLING, HIGHEST_NUMBER, MULTIPLEXER, SLAVE
from kernel.files import tree
from kernel.files.attributes import Kind
from kernel.files.mount_kind import MountKind
from kernel.files.operations import FileOps
from kernel.files.ramfs import RamFs, create_file_system
from kernel.memory.account import Account


@dataclass(frozen=True)
class Node:
    """A character device of /dev. The table is read at build time."""

    name: bytes
    device: FileOps
    permissions: int = 0o666


NODES = (
    Node(b"null", NULL),
    Node(b"zero", ZERO),
    Node(b"full", FULL),
    Node(b"random", RANDOM),
    Node(b"urandom", URANDOM),
    Node(b"console", CONSOLE, 0o600),
    Node(b"ptmx", MULTIPLEXER),
    Node(b"tty", CONTROLLING),
)


def character_device(number: u64) -> FileOps | None:
    """The device that has this number (makedev(3)); None for what there is not, and for the machine's own."""
    for node in NODES:
        if node.device.attributes().device == number:
            return node.device
    return SLAVE if SLAVE_MAJOR_DEVICE <= number <= SLAVE_MAJOR_DEVICE + HIGHEST_NUMBER else None


def create_dev(account: Account) -> Fallible[RamFs]:
    """The tree of /dev, charged to `account`."""
    fs = create_file_system(account, None, MountKind.DEVICES)
    for node in NODES:
        add_device(fs, node.name, node.device, node.permissions)
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
        inode.described.device = device.attributes().device
        tree.attach(fs.root, name, inode)
