"""A root file system out of a directory of the host. Links are never followed, and what is in a file is read later."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.images import attributes, limits
from harness.images.contents import Contents, Piece
from harness.images.losses import Loss, shown
from harness.images.tree import Facts, Node, Tree

CHUNK = 1 << 20
SECOND = 10**9
BLOCK = 512
"""The unit of st_blocks."""
KEPT = (stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO)
NO_ATTRIBUTES = (errno.EOPNOTSUPP, errno.ENODATA, errno.EPERM, errno.EACCES)


def read_folder(source: Path, tree: Tree) -> None:
    """Put what a directory holds into a tree; names are sorted, so that the same directory makes the same tree."""
    top = os.fsencode(source)
    status = os.stat(top)
    reader = FolderReader(top, tree, status.st_dev)
    tree.put(b".", Node(stat.S_IFDIR, reader.facts(top, b".", status)))
    reader.read_all()


class FolderReader:
    """Goes through a directory."""

    def __init__(self, top: bytes, tree: Tree, device: int) -> None:
        self._top = top
        self._tree = tree
        self._device = device
        self._first_names: dict[tuple[int, int], bytes] = {}
        """Of each file with several names, by device and inode, the one that came first."""

    def read_all(self) -> None:
        """Every directory, the outer ones first."""
        left = [b""]
        while left:
            name = left.pop()
            found = self._read_directory(name)
            left.extend(reversed(found))

    def _read_directory(self, name: bytes) -> list[bytes]:
        """What is in one directory; returns the directories in there that are to be read as well."""
        try:
            with os.scandir(os.path.join(self._top, name)) as entries:
                names = sorted(entry.name for entry in entries)
        except FileNotFoundError:
            self._tree.losses.note(Loss.CHANGED, name)
            return []
        below = []
        for entry in names:
            path = os.path.join(name, entry)
            try:
                if self.read(path):
                    below.append(path)
            except FileNotFoundError:
                self._tree.losses.note(Loss.CHANGED, path)
        return below

    def read(self, name: bytes) -> bool:
        """Put one file into the tree; whether it is a directory that is to be read."""
        path = os.path.join(self._top, name)
        status = os.lstat(path)
        kind = stat.S_IFMT(status.st_mode)
        if kind not in KEPT:
            self._tree.losses.note(Loss.SOCKET, name)
            return False
        if kind != stat.S_IFDIR and status.st_nlink > 1:
            first = self._first_names.setdefault((status.st_dev, status.st_ino), name)
            if first is not name:
                self._tree.link(name, first)
                return False
        node = Node(kind, self.facts(path, name, status))
        if kind == stat.S_IFREG:
            if status.st_size > limits.FILE_MAX:
                self._tree.losses.note(Loss.LARGE, name)
                return False
            file = HostFile(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, self._tree)
            node.contents = Contents(status.st_size, pieces_of(path, status), file)
        elif kind == stat.S_IFLNK:
            node.target = os.readlink(path)
        elif kind != stat.S_IFDIR:
            node.device = status.st_rdev
        self._tree.put(name, node)
        if kind != stat.S_IFDIR:
            return False
        if status.st_dev != self._device:
            self._tree.losses.note(Loss.MOUNT, name)
            return False
        return True

    def facts(self, path: bytes, name: bytes, status: os.stat_result) -> Facts:
        """What is told of a file. What belongs to whoever runs us is root's, as with an image of a build tool."""
        seconds, nanoseconds = divmod(status.st_mtime_ns, SECOND)
        return Facts(
            stat.S_IMODE(status.st_mode),
            0 if status.st_uid == os.getuid() else status.st_uid,
            0 if status.st_gid == os.getgid() else status.st_gid,
            seconds,
            nanoseconds,
            attributes.kept(name, stat.S_IFMT(status.st_mode), attributes_of(path), self._tree.losses),
        )


def attributes_of(path: bytes) -> dict[bytes, bytes]:
    """The extended attributes of a file that its file system has and we may see."""
    found = {}
    try:
        for name in os.listxattr(path, follow_symlinks=False):
            found[os.fsencode(name)] = os.getxattr(path, name, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_ATTRIBUTES:
            raise
    return found


def pieces_of(path: bytes, status: os.stat_result) -> tuple[Piece, ...]:
    """Where a regular file has data: all of it, unless it takes less room than its size."""
    if status.st_blocks * BLOCK >= status.st_size:
        return (Piece(0, status.st_size, 0),) if status.st_size else ()
    pieces = []
    descriptor = open_file(path)
    try:
        end = 0
        while end < status.st_size:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
            end = min(os.lseek(descriptor, start, os.SEEK_HOLE), status.st_size)
            if start >= end:
                break
            pieces.append(Piece(start, end - start, start))
    except OSError as error:
        if error.errno == errno.EINVAL:  # the file system does not tell
            return (Piece(0, status.st_size, 0),)
        if error.errno != errno.ENXIO:  # no data any more
            raise OSError(error.errno, error.strerror, path) from None
    finally:
        os.close(descriptor)
    return tuple(pieces)


def open_file(path: bytes) -> int:
    """A descriptor to read a regular file by; what has become something else since is not waited for."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


@dataclass(frozen=True, slots=True)
class HostFile:
    """The bytes of a file of the host, read when they are wanted."""

    path: bytes
    device: int
    inode: int
    size: int
    modified: int
    tree: Tree

    @property
    def origin(self) -> Path:
        return Path(os.fsdecode(self.path))

    def chunks(self, place: int, length: int) -> Iterator[bytes]:
        """Exactly so many bytes. A file that was written to since is as it is now, but has to be long enough."""
        try:
            descriptor = open_file(self.path)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP):
                raise self._changed() from None
            raise
        try:
            status = os.fstat(descriptor)
            if (status.st_dev, status.st_ino) != (self.device, self.inode):
                raise self._changed()
            while length > 0:
                part = os.pread(descriptor, min(length, CHUNK), place)
                if not part:
                    raise self._changed()
                yield part
                place += len(part)
                length -= len(part)
            status = os.fstat(descriptor)
            if (status.st_size, status.st_mtime_ns) != (self.size, self.modified):
                self.tree.losses.note(Loss.CHANGED, self.path)
        finally:
            os.close(descriptor)

    def _changed(self) -> HarnessError:
        return HarnessError(f"{shown(self.path)}: changed while it was read; try again when nothing writes to ROOTFS")
