"""Names in layered file systems: resolving, making, removing, renaming; and that destroying gives all back."""

from __future__ import annotations

import pytest

from codegen.lang import Errno, local
from kernel.base import errno
from kernel.files import path, renaming, tree
from kernel.files.attributes import Kind
from kernel.files.credentials import Credentials
from kernel.files.flags import Resolve
from kernel.files.inode import Inode
from kernel.files.listing import Cursor
from kernel.files.names import path_of
from kernel.files.path import Lookup, resolve, walk
from kernel.files.path_buffer import PathBuffer, PathBuffers
from kernel.files.ramfs import RamFs, create_file_system
from kernel.memory.account import Account
from tests.kernel.files.transfers import buffer, read_file, write_file


class World:
    """A file system and somebody who acts in it."""

    def __init__(self, fs: RamFs, user: int = 0) -> None:
        self.fs = fs
        self.directory = fs.root
        self.credentials = Credentials()
        self.credentials.become(user, user)

    def lookup(self) -> Lookup:
        lookup = local(Lookup)
        lookup.root = self.fs.root
        lookup.directory = self.directory
        lookup.credentials = self.credentials
        return lookup

    def walk(self, name: bytes) -> Lookup:
        lookup = self.lookup()
        place = PathBuffer()
        place.set(name)
        walk(lookup, place, Resolve.PARENT)
        return lookup

    def find(self, name: bytes, how: Resolve = Resolve.FOLLOW) -> Inode:
        inode = resolve(self.lookup(), name, how)
        inode.drop()
        return inode

    def make(self, name: bytes, kind: Kind = Kind.REGULAR, mode: int = 0o755, text: bytes = b"") -> Inode:
        inode = tree.create(self.walk(name), kind, mode)
        if text:
            write_file(inode, 0, text)
        inode.drop()
        return inode

    def symlink(self, target: bytes, name: bytes) -> None:
        tree.make_symlink(self.walk(name), target)

    def link(self, old: bytes, new: bytes) -> None:
        tree.make_link(self.walk(new), self.find(old))

    def rename(self, old: bytes, new: bytes, may_replace: bool = True) -> None:
        renaming.rename(self.walk(old), self.walk(new), may_replace)

    def unlink(self, name: bytes) -> None:
        tree.unlink(self.walk(name))

    def rmdir(self, name: bytes) -> None:
        tree.remove_directory(self.walk(name))

    def text(self, name: bytes) -> bytes:
        return read_file(self.find(name), 0, 200)

    def names(self, name: bytes) -> list[bytes]:
        cursor = local(Cursor)
        cursor.start(self.find(name), 0)
        found = []
        while (entry := cursor.advance()) is not None:
            found.append(bytes(entry.name))
        return found

    def path(self, name: bytes) -> bytes:
        destination = buffer(300)
        return bytes(destination[0 : path_of(self.find(name), self.fs.root, destination)])


@pytest.fixture(autouse=True)
def buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Path buffers that no earlier test has used."""
    monkeypatch.setattr(path, "PATH_BUFFERS", PathBuffers())


@pytest.fixture
def world(account: Account) -> World:
    """An empty file system; the test destroys it."""
    return World(create_file_system(account, None))


@pytest.fixture
def image(account: Account) -> World:
    """What a container image might hold."""
    world = World(create_file_system(account, None))
    for name in (b"bin", b"etc", b"tmp"):
        world.make(name, Kind.DIRECTORY)
    world.make(b"bin/busybox", text=b"ELF")
    world.symlink(b"busybox", b"bin/ls")
    world.make(b"etc/passwd", mode=0o644, text=b"root:x:0:0")
    return world


def errno_of_call(function: object, *arguments: object) -> type[Errno] | None:
    try:
        function(*arguments)  # type: ignore[operator]
    except Errno as error:
        return type(error)
    return None


def test_resolving(image: World) -> None:
    busybox = image.find(b"/bin/busybox")
    assert image.find(b"bin//ls") is busybox
    assert image.find(b"/../bin/./../bin/busybox") is busybox
    assert image.find(b"/bin/") is image.find(b"/bin")
    assert image.find(b"bin/ls", Resolve.NONE).described.is_symlink
    assert image.find(b"/") is image.fs.root
    image.directory = image.find(b"/etc")
    assert image.find(b"../bin/ls") is busybox
    assert image.path(b"/bin/ls") == b"/bin/busybox"
    assert image.path(b"/") == b"/"
    image.fs.destroy()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"", errno.ENOENT),
        (b"/none", errno.ENOENT),
        (b"/none/x", errno.ENOENT),
        (b"/etc/passwd/x", errno.ENOTDIR),
        (b"/etc/passwd/", errno.ENOTDIR),
        (b"/etc/" + b"n" * 256, errno.ENAMETOOLONG),
        (b"/etc/passwd/" + b"n" * 256, errno.ENOTDIR),
        (b"/" + b"x/" * 2048, errno.ENAMETOOLONG),
        (b"/loop", errno.ELOOP),
        (b"/dangling", errno.ENOENT),
    ],
)
def test_errors_of_resolving(image: World, name: bytes, expected: type[Errno]) -> None:
    image.symlink(b"loop", b"loop")
    image.symlink(b"/nowhere/else", b"dangling")
    assert errno_of_call(image.find, name) is expected
    image.fs.destroy()


def test_forty_links_are_followed_and_no_more(image: World) -> None:
    image.symlink(b"/etc/passwd", b"l0")
    for number in range(1, 41):
        image.symlink(b"l%d" % (number - 1), b"l%d" % number)
    assert image.text(b"l39") == b"root:x:0:0"
    assert errno_of_call(image.find, b"l40") is errno.ELOOP
    image.fs.destroy()


def test_search_permission_and_ownership(image: World) -> None:
    image.make(b"/tmp/closed", Kind.DIRECTORY, 0o700)
    image.make(b"/tmp/closed/file")
    image.find(b"/tmp").described.permissions = 0o1777
    image.make(b"/tmp/of-root")
    user = World(image.fs, 1000)
    assert errno_of_call(user.find, b"/tmp/closed/file") is errno.EACCES
    assert errno_of_call(user.make, b"/etc/x") is errno.EACCES
    assert errno_of_call(user.make, b"/etc/passwd") is errno.EEXIST
    assert errno_of_call(user.unlink, b"/tmp/of-root") is errno.EPERM
    user.make(b"/tmp/mine")
    user.unlink(b"/tmp/mine")
    image.fs.destroy()


def test_a_removed_file_lives_while_it_is_open(world: World) -> None:
    world.make(b"file", text=b"still here")
    inode = world.find(b"file")
    inode.hold()
    world.unlink(b"file")
    assert errno_of_call(world.find, b"file") is errno.ENOENT
    assert read_file(inode, 0, 10) == b"still here"
    objects = world.fs.account.heap.objects
    inode.drop()
    assert world.fs.account.heap.objects < objects
    world.fs.destroy()


def test_links_and_their_counts(world: World) -> None:
    world.make(b"a", text=b"text")
    world.link(b"a", b"b")
    assert world.find(b"b") is world.find(b"a")
    assert world.find(b"a").described.links == 2
    world.unlink(b"a")
    assert world.text(b"b") == b"text" and world.find(b"b").described.links == 1
    world.make(b"d", Kind.DIRECTORY)
    world.make(b"d/e", Kind.DIRECTORY)
    assert (world.find(b"d").described.links, world.find(b"d/e").described.links) == (3, 2)
    assert errno_of_call(world.link, b"d", b"f") is errno.EPERM
    world.rmdir(b"d/e")
    assert world.find(b"d").described.links == 2
    world.fs.destroy()


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (("unlink", b"etc"), errno.EISDIR),
        (("unlink", b"etc/passwd/"), errno.ENOTDIR),
        (("unlink", b"none"), errno.ENOENT),
        (("unlink", b"/"), errno.EISDIR),
        (("rmdir", b"etc"), errno.ENOTEMPTY),
        (("rmdir", b"etc/passwd"), errno.ENOTDIR),
        (("rmdir", b"etc/."), errno.EINVAL),
        (("rmdir", b"etc/.."), errno.ENOTEMPTY),
        (("rmdir", b"/"), errno.EBUSY),
        (("make", b"etc/.", Kind.DIRECTORY), errno.EEXIST),
        (("make", b"new/", Kind.REGULAR), errno.ENOENT),
        (("rename", b"etc", b"etc/inside"), errno.EINVAL),
        (("rename", b"etc/passwd", b"etc"), errno.ENOTEMPTY),
        (("rename", b"etc/passwd", b"tmp"), errno.EISDIR),
        (("rename", b"etc", b"bin/busybox"), errno.ENOTDIR),
        (("rename", b"tmp", b"etc"), errno.ENOTEMPTY),
        (("rename", b"none", b"other"), errno.ENOENT),
        (("rename", b"etc/passwd", b"bin/ls", False), errno.EEXIST),
        (("rename", b".", b"other"), errno.EBUSY),
    ],
)
def test_errors_of_changes(image: World, operation: tuple[object, ...], expected: type[Errno]) -> None:
    """The errors that Linux gives, and nothing changed."""
    name, *arguments = operation
    assert errno_of_call(getattr(image, str(name)), *arguments) is expected
    assert image.names(b"/") == [b"bin", b"etc", b"tmp"]
    assert image.names(b"/etc") == [b"passwd"]
    image.fs.destroy()


def test_rename_replaces_and_moves_directories(image: World) -> None:
    image.make(b"tmp/new", text=b"new text")
    image.rename(b"tmp/new", b"etc/passwd")
    assert image.text(b"etc/passwd") == b"new text"
    assert image.names(b"tmp") == []
    image.make(b"tmp/d", Kind.DIRECTORY)
    image.make(b"tmp/d/file", text=b"1")
    image.rename(b"tmp/d", b"bin/d")
    assert image.text(b"bin/d/file") == b"1"
    assert image.find(b"bin/d/..") is image.find(b"bin")
    assert image.path(b"bin/d/file") == b"/bin/d/file"
    assert (image.find(b"tmp").described.links, image.find(b"bin").described.links) == (2, 3)
    image.fs.destroy()


def test_changes_in_a_layer_are_private(image: World) -> None:
    """Two containers on one image: what one writes, removes and makes is seen by neither image nor other."""
    account = image.fs.account
    one = World(create_file_system(account, image.fs.root))
    two = World(create_file_system(account, image.fs.root))
    write_file(one.find(b"etc/passwd"), 0, b"ROOT")
    one.unlink(b"bin/busybox")
    one.make(b"etc/new", text=b"n")
    one.rename(b"etc", b"old")
    assert one.names(b"/") == [b"bin", b"tmp", b"old"]
    assert one.text(b"old/passwd") == b"ROOT:x:0:0"
    assert one.names(b"old") == [b"passwd", b"new"]
    assert errno_of_call(one.find, b"bin/ls") is errno.ENOENT
    assert errno_of_call(one.find, b"etc") is errno.ENOENT
    for other in (image, two):
        assert other.names(b"/") == [b"bin", b"etc", b"tmp"]
        assert other.text(b"bin/ls") == b"ELF" and other.text(b"etc/passwd") == b"root:x:0:0"
    one.make(b"etc", Kind.DIRECTORY)
    assert one.names(b"etc") == []
    assert one.find(b"bin").described.number == image.find(b"bin").described.number
    three = World(create_file_system(account, one.fs.root))
    three.unlink(b"old/new")
    assert three.names(b"old") == [b"passwd"] and three.text(b"old/passwd") == b"ROOT:x:0:0"
    assert three.names(b"bin") == [b"ls"]
    for world in (three, two, one, image):
        world.fs.destroy()


def test_making_a_layer_costs_the_same_for_any_image(account: Account) -> None:
    image = World(create_file_system(account, None))
    for number in range(60):
        image.make(b"file%d" % number)
    before = account.heap.objects
    layer = create_file_system(account, image.fs.root)
    assert account.heap.objects - before == 3
    layer.destroy()
    assert account.heap.objects == before
    image.fs.destroy()


def test_a_listing_goes_on_correctly_while_entries_come_and_go(world: World) -> None:
    for number in range(20):
        world.make(b"f%d" % number)
    cursor = local(Cursor)
    cursor.start(world.fs.root, 0)
    seen = []
    for _ in range(5):
        entry = cursor.advance()
        assert entry is not None
        seen.append(bytes(entry.name))
    position = cursor.position
    world.unlink(b"f2")
    world.unlink(b"f10")
    world.unlink(b"f4")
    cursor.start(world.fs.root, position)
    while (entry := cursor.advance()) is not None:
        seen.append(bytes(entry.name))
    assert seen == [b"f%d" % number for number in range(20) if number != 10]
    world.fs.destroy()
