"""Boot archives: what a machine's files are at first, in the kernel's own format (kernel/files/archive_format.py)."""

from __future__ import annotations

import io
import os
import stat
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.errors import HarnessError
from harness.images import explained, read_image
from harness.images.contents import PAGE, Bytes, Contents, Piece, contents_of, pages
from harness.images.graft import Graft, graft_all
from harness.images.limits import NAME_MAX
from harness.images.losses import Warn
from harness.images.memory import check_machine
from harness.images.tree import Facts, Node, directory
from harness.interface import layout, number
from harness.structs import Packer

IMAGES = b"images"
ZEROS = bytes(1 << 16)


class Format:
    """The records of an archive, and where its contents begin: as the kernel that was built has them."""

    def __init__(self) -> None:
        self.header = Packer(layout("ArchiveHeader"))
        self.entry = Packer(layout("ArchiveEntry"))
        self.piece = Packer(layout("ArchivePiece"))
        self.attribute = Packer(layout("ArchiveAttribute"))
        self.alignment = number("ARCHIVE_ALIGNMENT")
        self.magic = number("ARCHIVE_MAGIC")


class Output(Protocol):
    """Where an archive is written."""

    def write(self, content: bytes, /) -> object:
        """Write on. Raises OSError."""
        ...


@dataclass(frozen=True, slots=True)
class Named:
    """A name of a node, in the directory that is the entry of this number."""

    directory: int
    name: bytes
    node: Node
    first: int | None
    """The number of the entry that named the node first; None if it is this one."""


def entries_of(root: Node) -> Iterator[Named]:
    """Every name of a tree, each directory before what is in it."""
    numbers: dict[int, int] = {}
    count = 1
    yield Named(0, b"", root, None)
    left = deque([(0, root)])
    while left:
        number, place = left.popleft()
        for name, node in place.children.items():
            first = numbers.get(id(node))
            yield Named(number, name, node, first)
            if node.is_directory:
                left.append((count, node))
            elif first is None:
                numbers[id(node)] = count
            count += 1


class Layout:
    """Where everything of an archive lies: the records of its tables, and the files whose contents follow."""

    def __init__(self, root: Node) -> None:
        self._format = form = Format()
        named = list(entries_of(root))
        nodes = [one.node for one in named if one.first is None]
        pieces = sum(len(node.contents.behind) for node in nodes if node.contents is not None)
        attributes = sum(len(node.facts.attributes) for node in nodes)
        self._texts: list[bytes] = []
        tables = len(named) * form.entry.size + pieces * form.piece.size + attributes * form.attribute.size
        self._text_end = form.header.size + tables
        text_size = sum(len(one.name) for one in named) + sum(text_size_of(node) for node in nodes)
        self._pieces: list[bytes] = []
        self._attributes: list[bytes] = []
        self._contents: list[Contents] = []
        self._start = -(-(self._text_end + text_size) // form.alignment) * form.alignment
        self.size = self._start
        self._entries = [self._entry(one) for one in named]
        self._header = form.header.pack(form.magic, len(named), pieces, attributes)

    def write(self, output: Output) -> None:
        """Write all of it; contents are read meanwhile. Raises Damage, HarnessError, OSError."""
        head = b"".join([self._header, *self._entries, *self._pieces, *self._attributes, *self._texts])
        output.write(head.ljust(self._start, b"\0"))
        for contents in self._contents:
            write_contents(output, contents)

    def _text(self, content: bytes) -> int:
        """Put a text behind the tables; returns where it is."""
        place = self._text_end
        self._texts.append(content)
        self._text_end += len(content)
        return place

    def _entry(self, one: Named) -> bytes:
        """The record of one name."""
        name, node, form = self._text(one.name), one.node, self._format
        if one.first is not None:
            return form.entry.pack(one.directory, len(one.name), name, 0, 0, 0, 0, 0, one.first, 0, 0, 0, 0, 0, 0)
        size, place, length, pieces = 0, 0, 0, 0
        if node.contents is not None:
            size = node.contents.size
            place, length, pieces = self._place(node.contents)
        elif node.kind == stat.S_IFLNK:
            size, place = len(node.target), self._text(node.target)
        facts = node.facts
        permissions = 0o777 if node.kind == stat.S_IFLNK else facts.permissions
        for key, value in facts.attributes.items():
            self._attributes.append(
                self._format.attribute.pack(self._text(key), len(key), self._text(value), len(value))
            )
        return form.entry.pack(
            *(one.directory, len(one.name), name, node.kind | permissions, facts.user, facts.group),
            *(facts.nanoseconds, facts.seconds, node.device, size, place, length, pieces, len(facts.attributes), 0),
        )

    def _place(self, contents: Contents) -> tuple[int, int, int]:
        """Give contents a place; returns that, how much of them lies in place, and how many pieces lie behind holes."""
        place, behind = self.size, contents.behind
        self.size += pages(contents.in_place) * PAGE
        for piece in behind:
            self._pieces.append(self._format.piece.pack(piece.offset, self.size, piece.length))
            self.size += pages(piece.length) * PAGE
        self._contents.append(contents)
        return place, contents.in_place, len(behind)


def text_size_of(node: Node) -> int:
    """How many bytes of text an entry takes beside its name."""
    attributes = sum(len(key) + len(value) for key, value in node.facts.attributes.items())
    return len(node.target) + attributes


def write_contents(output: Output, contents: Contents) -> None:
    """Write the contents of a file as `Layout` has placed them, each part filled up to a whole page."""
    behind = contents.behind
    position = 0
    for piece in contents.pieces[: len(contents.pieces) - len(behind)]:
        write_zeros(output, piece.offset - position)
        position = piece.offset + write_piece(output, contents, piece)
    write_zeros(output, contents.in_place - position)
    write_zeros(output, -contents.in_place % PAGE)
    for piece in behind:
        write_zeros(output, -write_piece(output, contents, piece) % PAGE)


def write_piece(output: Output, contents: Contents, piece: Piece) -> int:
    """Write one piece; returns its length."""
    chunks = contents.source.chunks(piece.place, piece.length)
    while True:
        with explained(contents.source.origin):
            chunk = next(chunks, b"")
        if not chunk:
            return piece.length
        output.write(chunk)


def write_zeros(output: Output, count: int) -> None:
    """Fill up with zeros."""
    while count > 0:
        output.write(ZEROS[:count])
        count -= len(ZEROS)


def add_program(root: Node, path: str, content: bytes) -> bool:
    """Put an executable file into the tree, in directories that are made for it; a file that is there stays.

    False, and nothing is put, where there is something else on the way.
    """
    *folders, name = os.fsencode(path).split(b"/")
    node: Node | None = root
    for folder in folders:
        if node is not None:
            node = node.children.get(folder)
            if node is not None and not node.is_directory:
                return False
    for folder in folders:
        root = root.children.setdefault(folder, directory())
    root.children.setdefault(name, Node(stat.S_IFREG, Facts(), contents_of(len(content), Bytes(content))))
    return True


def write_boot_archive(
    output: Output,
    agent: bytes,
    images: Mapping[str, Path],
    warn: Warn,
    files: Mapping[str, bytes],
    memory: int | None,
    grafts: Mapping[str, Sequence[Graft]] | None = None,
) -> None:
    """Write the archive that the kernel starts from: `/agent`, `/images/NAME/...`, and further executable files, which
    may be below those. Into each image its `grafts` are put.

    Raises HarnessError: for a root file system that cannot be read or is damaged, or if all do not fit into a machine
    with so much `memory`, which is known before contents are read; OSError for `output`. What cannot be kept is said
    by `warn`.
    """
    root = directory()
    add_program(root, "agent", agent)
    root.children[IMAGES] = folder = directory()
    with ExitStack() as stack:
        trees = []
        for name, source in images.items():
            encoded = os.fsencode(name)
            if not 0 < len(encoded) <= NAME_MAX or b"/" in encoded or encoded in (b".", b".."):
                raise HarnessError(f"{name!r} cannot be the name of a root file system")
            trees.append(read_image(source, stack))
            graft_all(trees[-1], (grafts or {}).get(name, []), warn)
            folder.children[encoded] = trees[-1].root
            if memory is not None:
                check_machine(source, sum(tree.cost for tree in trees), memory)
        for path, content in files.items():
            if not add_program(root, path, content):
                warn(f"no {path} in the boot archive: a part of the path is no directory")
        Layout(root).write(output)
        for tree in trees:
            tree.losses.say(tree.source, warn)


def boot_archive(
    agent: bytes, images: Mapping[str, Path], warn: Warn, files: Mapping[str, bytes] | None = None
) -> bytes:
    """A boot archive as bytes; see `write_boot_archive`."""
    output = io.BytesIO()
    write_boot_archive(output, agent, images, warn, files or {}, None)
    return output.getvalue()
