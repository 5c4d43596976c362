"""Volumes: files of the host that are copied into a container before its program starts, and out when it has ended.

What has changed is told by its size, times, owner and permissions, so what the program left alone is not touched on the
host either. What it removed is removed, but for what was never copied in. Nothing outside the volume is reached:
directories of the host are opened one below the other, and no link is followed.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from harness.engine.guest_files import GuestFiles, Status
from harness.errors import HarnessError
from harness.images.graft import Graft, guest_place
from harness.images.losses import Warn, shown
from harness.images.tree import Node

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
SET_IDS = stat.S_ISUID | stat.S_ISGID


@dataclass(frozen=True)
class Volume:
    """One -v."""

    graft: Graft
    is_read_only: bool

    @property
    def host(self) -> Path:
        """The file or directory of the host."""
        assert self.graft.source is not None, "volumes are of the host"
        return self.graft.source


def parse_volume(text: str) -> Volume:
    """HOST:GUEST[:ro|rw]. Raises HarnessError."""
    parts = text.split(":")
    if len(parts) not in (2, 3) or not all(parts[:2]):
        raise HarnessError(f"-v {text}: give HOST:GUEST, or HOST:GUEST:ro")
    mode = parts[2] if len(parts) == 3 else "rw"
    if mode not in ("ro", "rw"):
        raise HarnessError(f"-v {text}: {mode!r} is neither ro nor rw")
    host = Path(parts[0])
    if not host.exists():
        raise HarnessError(f"-v {text}: there is no {host} here")
    if mode == "rw" and not os.access(host if host.is_dir() else host.resolve().parent, os.W_OK):
        raise HarnessError(f"-v {text}: {host} cannot be written: add :ro, and it is not copied back")
    return Volume(Graft(guest_place(parts[1], f"-v {text}"), host), mode == "ro")


async def copy_back(files: GuestFiles, volumes: Sequence[Volume], others: Sequence[Graft], warn: Warn) -> None:
    """Copy out what the program has changed; `others` are in the container as well, and no part of these.

    Raises HarnessError, once all is tried, if something could not be written.
    """
    failures: list[str] = []
    for volume in volumes:
        if not volume.is_read_only:
            below = {graft.place for graft in others if graft.place.startswith(volume.graft.place + b"/")}
            copy = CopyBack(files, volume, below, warn, failures)
            await copy.run()
    if failures:
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        raise HarnessError(f"-v: what the program wrote is not all copied back: {failures[0]}{more}")


@dataclass
class CopyBack:
    """The way back of one volume."""

    files: GuestFiles
    volume: Volume
    others: set[bytes]
    warn: Warn
    failures: list[str]
    strange: list[bytes] = field(default_factory=list)
    """Sockets and devices, which are not copied."""

    async def run(self) -> None:
        """All of it."""
        place = self.volume.graft.place
        node = self.volume.graft.node
        assert node is not None, "it was put there"
        try:
            descriptor = await self.files.open(place)
        except OSError as error:
            self.failures.append(f"{os.fsdecode(place)} of the container: {error.strerror}")
            return
        try:
            status = await self.files.status(descriptor)
            if status.kind == stat.S_IFDIR and node.is_directory:
                folder = os.open(os.path.realpath(self.volume.host), FOLDER)
                try:
                    await self._folder(descriptor, folder, node, place)
                finally:
                    os.close(folder)
            elif status.kind == node.kind:
                host = Path(os.path.realpath(self.volume.host))
                folder = os.open(host.parent, FOLDER)
                try:
                    await self._regular(descriptor, folder, os.fsencode(host.name), status, node)
                finally:
                    os.close(folder)
            else:
                self.failures.append(f"{os.fsdecode(place)} is another kind of file now")
        except OSError as error:
            self.failures.append(f"{self.volume.host}: {error.strerror}")
        finally:
            await self.files.close(descriptor)
        if self.strange:
            first = shown(self.strange[0])
            self.warn(f"-v {self.volume.graft.title}: sockets and devices, left out: {first}")

    async def _folder(self, source: int, folder: int, node: Node | None, place: bytes) -> None:
        """What is in one directory."""
        names = await self.files.names(source)
        known = {} if node is None else node.children
        for name in sorted(known.keys() - set(names)):
            if place + b"/" + name not in self.others:
                self._try(place + b"/" + name, partial(remove, folder, name, known[name]))
        for name in names:
            path = place + b"/" + name
            if path in self.others:
                continue
            try:
                await self._entry(source, folder, name, known.get(name), path)
            except OSError as error:
                self.failures.append(f"{shown(path)}: {error.strerror}")

    async def _entry(self, source: int, folder: int, name: bytes, node: Node | None, path: bytes) -> None:
        """One name. Raises OSError."""
        status = await self.files.status(source, name)
        if node is not None and node.kind != status.kind:
            remove(folder, name, node)
            node = None
        match status.kind:
            case stat.S_IFDIR:
                await self._subfolder(source, folder, name, node, path, status)
            case stat.S_IFREG:
                if node is None or not is_same(node, status):
                    descriptor = await self.files.open_in(source, name)
                    try:
                        await self._regular(descriptor, folder, name, status, node)
                    finally:
                        await self.files.close(descriptor)
            case stat.S_IFLNK:
                target = await self.files.target(source, name)
                if node is None or node.target != target:
                    put_in_place(folder, name, lambda temporary: os.symlink(target, temporary, dir_fd=folder))
            case stat.S_IFIFO:
                if node is None:
                    put_in_place(
                        folder, name, lambda temporary: os.mkfifo(temporary, status.permissions, dir_fd=folder)
                    )
            case _:
                if node is None:
                    self.strange.append(path)

    async def _subfolder(
        self, source: int, folder: int, name: bytes, node: Node | None, path: bytes, status: Status
    ) -> None:
        if node is None:
            with suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=folder)
        inner = os.open(name, FOLDER, dir_fd=folder)
        try:
            descriptor = await self.files.open_in(source, name)
            try:
                await self._folder(descriptor, inner, node, path)
            finally:
                await self.files.close(descriptor)
            if node is None or not has_same_rights(node, status):
                set_rights(inner, status)
        finally:
            os.close(inner)

    async def _regular(self, descriptor: int, folder: int, name: bytes, status: Status, node: Node | None) -> None:
        """A file that is new or has changed. Raises OSError."""
        if node is not None and is_same(node, status):
            return
        temporary = b".pithos-" + secrets.token_hex(8).encode()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        made = os.open(temporary, flags, 0o600, dir_fd=folder)
        try:
            try:
                async for chunk in self.files.chunks(descriptor):
                    write_all(made, chunk)
                set_rights(made, status)
                moment = status.seconds * 1_000_000_000 + status.nanoseconds
                os.utime(made, ns=(moment, moment))
            finally:
                os.close(made)
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise

    def _try(self, path: bytes, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            self.failures.append(f"{shown(path)}: {error.strerror}")


def has_same_rights(node: Node, status: Status) -> bool:
    """Whether permissions and owner are what they were."""
    facts = node.facts
    return (facts.permissions, facts.user, facts.group) == (status.permissions, status.user, status.group)


def is_same(node: Node, status: Status) -> bool:
    """Whether a file is what it was, as far as can be told without reading it."""
    facts = node.facts
    size = 0 if node.contents is None else node.contents.size
    times = (facts.seconds, facts.nanoseconds) == (status.seconds, status.nanoseconds)
    return size == status.size and times and has_same_rights(node, status)


def set_rights(descriptor: int, status: Status) -> None:
    """Owner and permissions as in the container: root there is whoever runs us, and set-user-ID goes with its user."""
    permissions = status.permissions
    if os.geteuid() == 0:
        os.fchown(descriptor, status.user, status.group)
    elif (status.user, status.group) != (0, 0):
        permissions &= ~SET_IDS
    os.fchmod(descriptor, permissions)


def write_all(descriptor: int, content: bytes) -> None:
    """write(2), to the end."""
    while content:
        content = content[os.write(descriptor, content) :]


def put_in_place(folder: int, name: bytes, make: Callable[[bytes], None]) -> None:
    """Make something under a name of its own, and let it take the place of `name`."""
    temporary = b".pithos-" + secrets.token_hex(8).encode()
    make(temporary)
    try:
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(temporary, dir_fd=folder)
        raise


def remove(folder: int, name: bytes, node: Node) -> None:
    """Remove a name that was copied in, with all below that was; what else is there stays. Raises OSError."""
    if not node.is_directory:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        return
    try:
        inner = os.open(name, FOLDER, dir_fd=folder)
    except FileNotFoundError:
        return
    try:
        for child, below in node.children.items():
            remove(inner, child, below)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=folder)
