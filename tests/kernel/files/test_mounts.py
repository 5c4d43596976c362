"""What a container has mounted, and the names of files that were removed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from codegen.lang import Errno
from kernel.base.errno import EACCES, EBUSY, ENOENT, EPERM, EXDEV
from kernel.files import path, tree
from kernel.files.attributes import Kind
from kernel.files.inode import Inode
from kernel.files.mount_kind import MountKind
from kernel.files.mounts import SHARED, MountTable
from kernel.files.names import shown_path
from kernel.files.path_buffer import PathBuffers
from kernel.files.ramfs import create_file_system
from kernel.memory.account import Account
from tests.kernel.files.test_tree import World
from tests.kernel.files.transfers import buffer


@pytest.fixture(autouse=True)
def buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Path buffers that no earlier test has used."""
    monkeypatch.setattr(path, "PATH_BUFFERS", PathBuffers())


class Mounted:
    """A container's file systems over an image that has something where they are mounted."""

    def __init__(self, account: Account) -> None:
        self.devices = World(create_file_system(account, None, MountKind.DEVICES))
        self.devices.make(b"null")
        self.devices.make(b"pts", Kind.DIRECTORY)
        self.devices.make(b"shm", Kind.DIRECTORY)
        self.processes = World(create_file_system(account, None, MountKind.PROC))
        version = self.processes.fs.new_inode(Kind.REGULAR, 0o444, 0, 0)
        tree.attach(self.processes.fs.root, b"version", version)
        version.drop()
        SHARED.devices, SHARED.processes = self.devices.fs, self.processes.fs
        self.image = World(create_file_system(account, None))
        self.image.make(b"dev", Kind.DIRECTORY)
        self.image.make(b"dev/old")
        self.world = World(create_file_system(account, self.image.fs.root))
        self.table = MountTable()
        self.table.prepare(self.world.fs)

    def end(self) -> None:
        while self.table.end_step():
            pass
        assert self.table.free() == 0
        for world in (self.image, self.devices, self.processes):
            world.fs.destroy()


def test_what_is_mounted_hides_the_image(account: Account) -> None:
    mounted = Mounted(account)
    world = mounted.world
    assert world.names(b"/") == [b"dev", b"proc"]
    assert sorted(world.names(b"dev")) == [b"null", b"pts", b"shm"]
    assert world.find(b"dev/..") is world.fs.root
    assert world.find(b"dev/pts/../..") is world.fs.root
    world.unlink(b"dev/null")
    assert sorted(mounted.devices.names(b"/")) == [b"null", b"pts", b"shm"]
    assert world.path(b"dev/pts/ptmx") == b"/dev/pts/ptmx"
    mounted.end()


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda world: world.rmdir(b"dev"), EBUSY),
        (lambda world: world.rmdir(b"dev/pts"), EBUSY),
        (lambda world: world.rename(b"proc", b"other"), EBUSY),
        (lambda world: world.rename(b"other", b"proc"), EBUSY),
        (lambda world: world.rename(b"file", b"dev/file"), EXDEV),
        (lambda world: world.rename(b"dev/null", b"file"), EXDEV),
        (lambda world: world.unlink(b"proc/version"), EPERM),
        (lambda world: world.make(b"proc/new"), ENOENT),
        (lambda world: world.make(b"proc/new", Kind.DIRECTORY), ENOENT),
        (lambda world: world.rename(b"proc/version", b"proc/new"), ENOENT),
        (lambda world: world.make(b"dev/pts/new"), EACCES),
        (lambda world: world.make(b"dev/pts/new", Kind.DIRECTORY), EPERM),
        (lambda world: world.unlink(b"dev/pts/ptmx"), EPERM),
        (lambda world: world.rename(b"dev/pts/ptmx", b"dev/pts/new"), EPERM),
    ],
)
def test_mount_points_and_what_the_kernel_makes_cannot_be_changed(
    account: Account, act: Callable[[World], object], error: type[Errno]
) -> None:
    mounted = Mounted(account)
    mounted.world.make(b"other", Kind.DIRECTORY)
    mounted.world.make(b"file")
    with pytest.raises(error):
        act(mounted.world)
    mounted.end()


def shown(world: World, inode: Inode) -> bytes:
    """What /proc says of where `inode` is."""
    destination = buffer(300)
    return bytes(destination[0 : shown_path(inode, world.fs.root, destination)])


def test_a_file_that_is_referred_to_keeps_its_last_name(account: Account) -> None:
    world = World(create_file_system(account, None))
    world.make(b"d", Kind.DIRECTORY)
    removed = world.make(b"d/removed")
    replaced = world.make(b"d/replaced")
    linked = world.make(b"d/linked")
    world.make(b"d/other")
    for file in (removed, replaced, linked):
        file.hold()
    assert shown(world, removed) == b"/d/removed"
    world.unlink(b"d/removed")
    world.rename(b"d/other", b"d/replaced")
    world.link(b"d/linked", b"second")
    world.unlink(b"second")
    assert shown(world, removed) == b"/d/removed (deleted)"
    assert shown(world, replaced) == b"/d/replaced (deleted)"
    assert shown(world, linked) == b"/second (deleted)"
    assert world.find(b"d/linked") is linked
    assert shown(world, linked) == b"/d/linked"
    world.unlink(b"d/replaced")
    world.unlink(b"d/linked")
    world.rmdir(b"d")
    assert shown(world, removed) == b"/d/removed (deleted)"
    for file in (removed, replaced, linked):
        file.drop()
    assert len(world.fs.inodes) == 1, "the directory went with the last of them"
    world.fs.destroy()


def test_a_chain_of_removed_directories_goes_with_the_file_at_its_end(account: Account) -> None:
    world = World(create_file_system(account, None))
    depth = 40
    for level in range(1, depth + 1):
        world.make(b"/".join([b"d"] * level), Kind.DIRECTORY)
    file = world.make(b"/".join([b"d"] * depth) + b"/file")
    file.hold()
    world.unlink(b"/".join([b"d"] * depth) + b"/file")
    for level in range(depth, 0, -1):
        world.rmdir(b"/".join([b"d"] * level))
    assert shown(world, file) == b"/d" * depth + b"/file (deleted)"
    file.drop()
    assert len(world.fs.inodes) == 1
    world.fs.destroy()


def test_a_file_system_ends_with_removed_files_that_are_referred_to(account: Account) -> None:
    world = World(create_file_system(account, None))
    world.make(b"d", Kind.DIRECTORY)
    file = world.make(b"d/file")
    file.hold()
    world.unlink(b"d/file")
    world.rmdir(b"d")
    world.fs.destroy()
    assert file.is_dead
    file.drop()
