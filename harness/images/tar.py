"""A root file system out of a tar file, plain or compressed.

Read here and not by Python's tarfile, which takes a damaged header for the end of the archive, and has times as
floating-point numbers.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import HarnessError
from harness.images import attributes, limits
from harness.images.contents import Contents, Piece
from harness.images.losses import Loss
from harness.images.recognise import look, not_a_tar
from harness.images.stream import Bytes, Damage, open_bytes
from harness.images.tar_header import BLOCK, ZEROS, Header, is_header, parse
from harness.images.tar_pax import LARGEST, Records, parse_records
from harness.images.tar_sparse import is_sparse, old_map, pax_map, pieces_of
from harness.images.tree import Facts, Node, Tree

SCAN = 1 << 16
REGULAR, LINK, SYMLINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO, CONTIGUOUS = (b"%d" % number for number in range(8))
SPARSE, LONG_NAME, LONG_TARGET, DUMPED_DIRECTORY, VOLUME, LATER_VOLUME = b"S", b"L", b"K", b"D", b"V", b"M"
PROMISES = (LONG_NAME, LONG_TARGET, b"x", b"X")
"""Headers that say more of the next member."""
GLOBALS_MAX = 1000
"""All of these are looked through for each member."""
NODES = {
    SYMLINK: stat.S_IFLNK,
    CHARACTER: stat.S_IFCHR,
    BLOCK_DEVICE: stat.S_IFBLK,
    DIRECTORY: stat.S_IFDIR,
    DUMPED_DIRECTORY: stat.S_IFDIR,
    FIFO: stat.S_IFIFO,
}
"""The types that have no contents, and the kind of file of each."""
FILES = (REGULAR, CONTIGUOUS, SPARSE)
MINOR_MAX, MAJOR_MAX = (1 << 20) - 1, (1 << 12) - 1


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its header, and what the extended headers before it say."""

    header: Header
    records: Records
    long_name: bytes | None
    long_target: bytes | None
    contents: Contents | None = None
    """Of a regular file."""

    @property
    def name(self) -> bytes:
        sparse = self.records.text(b"GNU.sparse.name")
        return sparse or self.records.text(b"path") or self.long_name or self.header.name

    @property
    def target(self) -> bytes:
        return self.records.text(b"linkpath") or self.long_target or self.header.target

    @property
    def kind(self) -> int:
        """The kind of file, S_IF*, unless it is a hard link."""
        kind = NODES.get(self.header.type, stat.S_IFREG)
        # The oldest tar programs knew no other way to write a directory.
        return stat.S_IFDIR if kind == stat.S_IFREG and self.name.endswith(b"/") else kind

    @property
    def stored_size(self) -> int:
        """How many bytes of contents follow the header."""
        if (self.header.type in NODES and self.header.type != DUMPED_DIRECTORY) or self.header.type == LINK:
            return 0
        told = self.records.natural(b"size")
        return self.header.size if told is None else told


def read_tar(source: Path, tree: Tree, files: ExitStack) -> None:
    """Put what a tar file holds into a tree. Raises Damage, HarnessError, OSError."""
    content = open_bytes(source, files)
    tree.is_checked_early = content.is_compressed
    first = content.read(0, BLOCK)
    if not is_header(first) and (first != ZEROS or look(content) is not None):
        if content.is_compressed:
            content.read(0, LARGEST_BLOCK)  # damage shows at the end of a block, and what comes before is anything
        raise HarnessError(f"{source}: {not_a_tar(content)}")
    for member in TarReader(content).members():
        add(tree, member)
    tree.finish()


LARGEST_BLOCK = 48 << 20
"""No compression checks less often: a block of bzip2 has 900,000 bytes, of which five may stand for 259."""


class TarReader:
    """The members of a tar file, one after the other."""

    def __init__(self, content: Bytes) -> None:
        self._content = content
        self._globals = Records()
        self._place = 0
        """Where the next header has to be."""

    def members(self) -> Iterator[Member]:
        """Every member; its contents may not be there yet, as they are unpacked behind it. Raises Damage."""
        while (header := self._next_header()) is not None:
            member = self._member(header)
            if member is None:
                return
            size = member.stored_size
            contents = None
            if member.kind == stat.S_IFREG and member.header.type != LINK:
                contents, self._place = contents_of(self._content, member, self._place, size)
            yield replace(member, contents=contents)
            self._skip(self._place, size)

    def _next_header(self) -> Header | None:
        """The header at `place`; None at the end of the archive, and of all that were put behind it."""
        block = self._content.read(self._place, BLOCK)
        if block == ZEROS:
            self._skip_zeros()
            block = self._content.read(self._place, BLOCK)
            if not block:
                return None
            self._globals = Records()
            if not is_header(block):
                raise Damage(f"behind its end, at byte {self._place}, there is something that is no other tar file")
        if len(block) < BLOCK:
            raise Damage(f"it is cut off at byte {self._place + len(block)}: the mark of its end is missing")
        header = parse(block, self._place)
        self._place += BLOCK
        return header

    def _skip_zeros(self) -> None:
        """Go on to the first block that is not zero."""
        while part := self._content.read(self._place, SCAN):
            zeros = len(part) - len(part.lstrip(b"\0"))
            self._place += zeros if zeros == len(part) else zeros // BLOCK * BLOCK
            if zeros < len(part):
                return

    def _member(self, header: Header) -> Member | None:
        """The member that begins with a header, which may be one that says more of the next; None at the end."""
        records, long_name, long_target = Records(), None, None
        while True:
            is_promise = header.type in PROMISES
            match header.type:
                case b"L":
                    long_name = self._extension(header).partition(b"\0")[0]
                case b"K":
                    long_target = self._extension(header).partition(b"\0")[0]
                case b"x" | b"X":
                    records = records.updated(parse_records(self._extension(header)))
                case b"g":
                    self._globals = self._globals.updated(parse_records(self._extension(header)))
                    if len(self._globals.values) > GLOBALS_MAX:
                        raise Damage(f"more than {GLOBALS_MAX} records count for all members")
                case b"A" | b"V":
                    self._skip(self._place, header.size)
                case _:
                    return Member(header, self._globals.updated(records), long_name, long_target)
            if is_promise and self._content.read(self._place, BLOCK) == ZEROS:
                raise Damage(f"the header at byte {header.place} says more of a member that is not there")
            following = self._next_header()
            if following is None:
                return None
            header = following

    def _extension(self, header: Header) -> bytes:
        """The contents of an extended header."""
        if header.size > LARGEST:
            raise Damage(f"the extended header at byte {header.place} is larger than {LARGEST >> 20} MiB")
        start = self._place
        self._skip(start, header.size)
        return self._content.read(start, header.size)

    def _skip(self, start: int, size: int) -> None:
        """Let the next header be behind `size` bytes from `start` on, which have to be there."""
        end = start + -(-size // BLOCK) * BLOCK
        if not self._content.reaches(end):
            raise Damage(f"it is cut off within the member whose contents begin at byte {start}")
        self._place = end


def add(tree: Tree, member: Member) -> None:
    """Put one member into a tree."""
    header, name, kind = member.header, member.name, member.kind
    if not name:
        raise Damage(f"the member at byte {header.place} has no name")
    if header.type == LATER_VOLUME:
        raise Damage(f"at byte {header.place} a file goes on that begins in another volume")
    if header.type == LINK:
        tree.link(name, member.target)
        return
    node = Node(kind, facts_of(tree, member), member.contents)
    if node.contents is not None:
        if header.type not in FILES:
            tree.losses.note(Loss.KIND, name)
        if node.contents.size > limits.FILE_MAX:
            tree.losses.note(Loss.LARGE, name)
            return
    elif kind == stat.S_IFLNK:
        node.target = member.target
        if not 0 < len(node.target) < limits.PATH_MAX:
            tree.losses.note(Loss.TARGET, name)
            return
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        major, minor = header.device
        if major > MAJOR_MAX or minor > MINOR_MAX:
            tree.losses.note(Loss.DEVICE, name)
            return
        node.device = os.makedev(major, minor)
    tree.put(name, node)


def contents_of(content: Bytes, member: Member, place: int, stored: int) -> tuple[Contents, int]:
    """Where the bytes of a regular file are, whose header ends at `place`, and where the `stored` ones begin."""
    if member.header.type == SPARSE:
        pairs, size, start = old_map(content, member.header)
        # The blocks of this map are not counted in what is stored.
        return Contents(size, pieces_of(pairs, size, start, start + stored), content), start
    if is_sparse(member.records):
        pairs, size, start = pax_map(content, member.records, place, stored)
        return Contents(size, pieces_of(pairs, size, start, place + stored), content), place
    return Contents(stored, (Piece(0, stored, place),) if stored else (), content), place


def facts_of(tree: Tree, member: Member) -> Facts:
    """Permissions, owner, time and extended attributes of a member."""
    header, records, name = member.header, member.records, member.name
    moment = records.moment(b"mtime")
    seconds, nanoseconds = (header.seconds, 0) if moment is None else moment
    if not limits.MOMENT_MIN <= seconds <= limits.MOMENT_MAX:
        tree.losses.note(Loss.TIME, name)
        seconds, nanoseconds = min(max(seconds, limits.MOMENT_MIN), limits.MOMENT_MAX), 0
    user, group = records.natural(b"uid"), records.natural(b"gid")
    user, group = header.user if user is None else user, header.group if group is None else group
    if user >= limits.NO_ID or group >= limits.NO_ID:
        tree.losses.note(Loss.OWNER, name)
        user, group = (limits.NOBODY if one >= limits.NO_ID else one for one in (user, group))
    if records.has_access_list:
        tree.losses.note(Loss.ACCESS_LIST, name)
    kept = attributes.kept(name, member.kind, records.attributes(), tree.losses)
    return Facts(header.permissions, user, group, seconds, nanoseconds, kept)
