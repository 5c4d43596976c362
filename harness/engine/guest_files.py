"""Files of a container, seen from its root, by system calls of the agent. No link leads out of it."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from harness.agent_protocol import into, out
from harness.containers import open_root
from harness.guest import Guest
from harness.interface import member

RESOLVE_IN_ROOT = 0x10
AT_EMPTY_PATH = 0x1000
AT_SYMLINK_NOFOLLOW = 0x100
STATX_BASIC_STATS = 0x7FF
STATX_SIZE = 256
STATX = struct.Struct("<IIQIIIHxxQQQ")
"""The first fields of struct statx (statx(2)): up to stx_blocks."""
MODIFIED_OFFSET = 112
TIME = struct.Struct("<qI")
CHUNK = 65536
PATH_MAX = 4096
OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True)
class Status:
    """What statx(2) tells of a file, as far as it is kept on the host."""

    mode: int
    user: int
    group: int
    size: int
    seconds: int
    nanoseconds: int

    @property
    def kind(self) -> int:
        """S_IF*."""
        return stat.S_IFMT(self.mode)

    @property
    def permissions(self) -> int:
        """The bits of chmod(2)."""
        return stat.S_IMODE(self.mode)


class GuestFiles:
    """The files of one container."""

    def __init__(self, guest: Guest, container: int) -> None:
        self._guest = guest
        self._container = container

    async def open(self, path: bytes) -> int:
        """A descriptor of what `path` names from the root, links included. Raises OSError."""
        root = await open_root(self._guest, self._container)
        how = struct.pack("<QQQ", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, 0, RESOLVE_IN_ROOT)
        try:
            return await self._guest.sys.openat2(root, into(path + b"\0"), into(how), len(how))
        finally:
            await self.close(root)

    async def open_in(self, folder: int, name: bytes) -> int:
        """A descriptor of `name` in the directory `folder`, which is no link. Raises OSError."""
        return await self._guest.sys.openat(folder, into(name + b"\0"), OPEN, 0)

    async def make_read_only(self, places: Sequence[bytes]) -> None:
        """Let all but what is at `places` be read-only. Raises OSError."""
        for place in places:
            descriptor = await self.open(place)
            operation = member("ControlOperation", "LEAVE_WRITABLE")
            await self._guest.sys.control_container(self._container, operation, descriptor)
            await self.close(descriptor)
        await self._guest.sys.control_container(self._container, member("ControlOperation", "MAKE_READ_ONLY"), 0)

    async def close(self, descriptor: int) -> None:
        """close(2)."""
        await self._guest.sys.close(descriptor)

    async def read_file(self, path: bytes, limit: int) -> bytes | None:
        """At most `limit` bytes of a regular file; None where there is none."""
        try:
            descriptor = await self.open(path)
        except OSError:
            return None
        try:
            if not stat.S_ISREG((await self.status(descriptor)).mode):
                return None
            content = b""
            while len(content) < limit:
                part = await self._guest.read(descriptor, min(CHUNK, limit - len(content)))
                if not part:
                    break
                content += part
            return content
        finally:
            await self.close(descriptor)

    async def chunks(self, descriptor: int) -> AsyncIterator[bytes]:
        """What can be read, to its end."""
        while part := await self._guest.read(descriptor, CHUNK):
            yield part

    async def status(self, folder: int, name: bytes = b"") -> Status:
        """Of `name` in a directory, or of the descriptor itself. Raises OSError."""
        content = out(STATX_SIZE)
        flags = AT_SYMLINK_NOFOLLOW | (0 if name else AT_EMPTY_PATH)
        await self._guest.sys.statx(folder, into(name + b"\0"), flags, STATX_BASIC_STATS, content)
        _, _, _, _, user, group, mode, _, size, _ = STATX.unpack_from(content.content)
        seconds, nanoseconds = TIME.unpack_from(content.content, MODIFIED_OFFSET)
        return Status(mode, user, group, size, seconds, nanoseconds)

    async def names(self, folder: int) -> list[bytes]:
        """What is in a directory, sorted."""
        found: list[bytes] = []
        while True:
            content = out(CHUNK)
            length = await self._guest.sys.getdents64(folder, content, CHUNK)
            if length == 0:
                return sorted(name for name in found if name not in (b".", b".."))
            place = 0
            while place < length:
                size = int.from_bytes(content.content[place + 16 : place + 18], "little")
                found.append(content.content[place + 19 : place + size].split(b"\0")[0])
                place += size

    async def target(self, folder: int, name: bytes) -> bytes:
        """Of a symbolic link."""
        content = out(PATH_MAX)
        length = await self._guest.sys.readlinkat(folder, into(name + b"\0"), content, PATH_MAX)
        return content.content[:length]
