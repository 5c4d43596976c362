"""Boot archives: cpio in the "newc" form (cpio(5)), written from directories and tar files.

The contents of larger files begin on page boundaries, so that the kernel can show them without a copy: the
name is followed by as many NULs as that takes, as Linux' gen_init_cpio does.
"""

from __future__ import annotations

import io
import lzma
import os
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.errors import HarnessError

HEADER_SIZE = 110
PAGE = 4096
ALIGNED_SIZE = 1024
"""Files smaller than this are copied by the kernel: aligning them would waste more than it saves."""
TRAILER = "TRAILER!!!"

Warn = Callable[[str], None]


@dataclass(frozen=True)
class Member:
    """One file, directory or link to archive."""

    name: str
    mode: int
    user: int = 0
    group: int = 0
    modified: int = 0
    content: bytes = b""
    hard_link: str | None = None
    """The name of an earlier member that this is a second name of."""


class ArchiveWriter:
    """Collects members; `finish()` gives the archive."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._inodes: dict[str, int] = {}

    def add(self, member: Member) -> None:
        """Append one member. A hard link has the inode number of its first name, and no contents."""
        if member.hard_link is None:
            inode = len(self._inodes) + 1
        else:
            inode = self._inodes[member.hard_link]
        self._inodes[member.name] = inode
        self._write(member, inode)

    def _write(self, member: Member, inode: int) -> None:
        name = member.name.encode("utf-8", "surrogateescape") + b"\0"
        start = self._buffer.tell()
        alignment = PAGE if len(member.content) >= ALIGNED_SIZE else 4
        padding = -(start + HEADER_SIZE + len(name)) % alignment
        if alignment == PAGE:
            name += bytes(padding)
        # A count above 1 has readers look for other names of the same inode number.
        links = 1 if stat.S_ISLNK(member.mode) else 2
        fields = (
            *(inode, member.mode, member.user, member.group, links, member.modified),
            *(len(member.content), 0, 0, 0, 0, len(name), 0),
        )
        self._buffer.write(b"070701" + b"".join(b"%08X" % (value & 0xFFFFFFFF) for value in fields))
        self._buffer.write(name)
        self._pad()
        self._buffer.write(member.content)
        self._pad()

    def _pad(self) -> None:
        self._buffer.write(bytes(-self._buffer.tell() % 4))

    def finish(self) -> bytes:
        """Add the trailer; the archive as bytes."""
        self._write(Member(TRAILER, 0), 0)
        self._buffer.write(bytes(-self._buffer.tell() % 512))
        return self._buffer.getvalue()


def members_of(source: Path, prefix: str, warn: Warn) -> Iterator[Member]:
    """The members of a root file system, a directory or a tar file, below `prefix`. Raises HarnessError."""
    try:
        if source.is_dir():
            yield from _from_directory(source, prefix, warn)
        elif source.is_file():
            yield from _from_tar(source, prefix, warn)
        else:
            raise HarnessError(f"{source}: no such directory or tar file; give a root file system")
    except tarfile.ReadError as error:
        reason = "is no tar file" if "opened" in str(error) else str(error).splitlines()[0]
        raise HarnessError(f"{source}: {reason}; ROOTFS is a directory or a tar file, plain, gz, bz2 or xz") from None
    except (OSError, EOFError, tarfile.TarError, zlib.error, lzma.LZMAError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0]
        place = error.filename if isinstance(error, OSError) and error.filename else source
        raise HarnessError(f"{place}: {reason}; ROOTFS is a directory or a tar file that you can read") from None


def _from_directory(source: Path, prefix: str, warn: Warn) -> Iterator[Member]:
    """Walk a directory; names are sorted so that the archive is the same each time."""
    first_names: dict[tuple[int, int], str] = {}
    for folder, folders, files in os.walk(source, onerror=_raise):
        folders.sort()
        here = Path(folder)
        relative = here.relative_to(source).as_posix()
        name = prefix if relative == "." else f"{prefix}/{relative}"
        yield _member(here, name, here.lstat())
        links = [entry for entry in folders if (here / entry).is_symlink()]
        for entry in sorted([*files, *links]):
            status = (here / entry).lstat()
            entry_name = f"{name}/{entry}"
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
                warn(f"{here / entry}: left out: neither a file, a directory nor a link")
                continue
            identity = (status.st_dev, status.st_ino)
            if status.st_nlink > 1 and identity in first_names:
                yield _member(here / entry, entry_name, status, first_names[identity])
                continue
            first_names.setdefault(identity, entry_name)
            yield _member(here / entry, entry_name, status)


def _raise(error: OSError) -> None:
    raise error


def _member(path: Path, name: str, status: os.stat_result, hard_link: str | None = None) -> Member:
    content = b""
    if stat.S_ISREG(status.st_mode) and hard_link is None:
        content = path.read_bytes()
    elif stat.S_ISLNK(status.st_mode):
        content = os.fsencode(os.readlink(path))
    # Files of whoever made the directory are root's in the container, as with an image of a build tool.
    user = 0 if status.st_uid == os.getuid() else status.st_uid
    group = 0 if status.st_uid == os.getuid() else status.st_gid
    return Member(name, status.st_mode, user, group, int(status.st_mtime), content, hard_link)


def _from_tar(source: Path, prefix: str, warn: Warn) -> Iterator[Member]:
    """Read a tar file; directories that it does not name are made."""
    known = {prefix}
    yield Member(prefix, stat.S_IFDIR | 0o755)
    with tarfile.open(source) as tar:
        for entry in tar:
            parts = [part for part in PurePosixPath(entry.name).parts if part not in ("/", ".")]
            if ".." in parts:
                warn(f"{source}: {entry.name}: left out: leads outside")
                continue
            name = "/".join([prefix, *parts])
            for depth in range(1, len(parts)):
                parent = "/".join([prefix, *parts[:depth]])
                if parent not in known:
                    known.add(parent)
                    yield Member(parent, stat.S_IFDIR | 0o755)
            member = _tar_member(tar, entry, name, prefix, known, warn)
            if member is not None and (name not in known or not entry.isdir()):
                known.add(name)
                yield member


def _tar_member(
    tar: tarfile.TarFile, entry: tarfile.TarInfo, name: str, prefix: str, known: set[str], warn: Warn
) -> Member | None:
    modified = int(entry.mtime)
    if entry.isdir():
        return Member(name, stat.S_IFDIR | entry.mode, entry.uid, entry.gid, modified)
    if entry.issym():
        target = os.fsencode(entry.linkname)
        return Member(name, stat.S_IFLNK | 0o777, entry.uid, entry.gid, modified, target)
    if entry.islnk():
        parts = [part for part in PurePosixPath(entry.linkname).parts if part not in ("/", ".")]
        target_name = "/".join([prefix, *parts])
        if target_name not in known:
            warn(f"{entry.name}: left out: a hard link to {entry.linkname}, which is not there")
            return None
        return Member(name, stat.S_IFREG | entry.mode, entry.uid, entry.gid, modified, b"", target_name)
    file = tar.extractfile(entry) if entry.isfile() else None
    if file is None:
        warn(f"{entry.name}: left out: neither a file, a directory nor a link")
        return None
    return Member(name, stat.S_IFREG | entry.mode, entry.uid, entry.gid, modified, file.read())


def boot_archive(agent: bytes, images: dict[str, Path], warn: Warn, files: dict[str, bytes] | None = None) -> bytes:
    """The archive that the kernel starts from: `/agent`, `/images/NAME/...`, and further executable files."""
    writer = ArchiveWriter()
    writer.add(Member("agent", stat.S_IFREG | 0o755, content=agent))
    for path, content in (files or {}).items():
        writer.add(Member(path, stat.S_IFREG | 0o755, content=content))
    writer.add(Member("images", stat.S_IFDIR | 0o755))
    for name, source in images.items():
        for member in members_of(source, f"images/{name}", warn):
            writer.add(member)
    return writer.finish()
