"""What is in a boot archive, read back by the rules of kernel/files/archive_format.py, each of which is checked."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field

from boot.interface import fields_of
from codegen.layout import size_of
from harness.interface import StructLayout
from harness.structs import unpack
from kernel.files.archive_format import ALIGNMENT, MAGIC, Attribute, Entry, Header, Piece

KINDS = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO)


@dataclass
class Found:
    """One file of an archive."""

    kind: int
    permissions: int
    user: int
    group: int
    seconds: int
    nanoseconds: int
    device: int = 0
    contents: bytes = b""
    """Of a link, its target."""
    attributes: dict[bytes, bytes] = field(default_factory=dict)
    names: list[bytes] = field(default_factory=list)
    is_holed: bool = False


class Reader:
    """Reads an archive, and fails where it breaks a rule."""

    def __init__(self, archive: bytes) -> None:
        self.archive = archive
        header = unpack(StructLayout.parse(fields_of(Header)), archive[: size_of(Header)])
        assert header["magic"] == MAGIC and len(archive) % ALIGNMENT == 0
        entries = size_of(Header)
        pieces = entries + header["entry_count"] * size_of(Entry)
        attributes = pieces + header["piece_count"] * size_of(Piece)
        self.tables_end = attributes + header["attribute_count"] * size_of(Attribute)
        self.entries = self.records(Entry, entries, header["entry_count"])
        self.pieces = self.records(Piece, pieces, header["piece_count"])
        self.attributes = self.records(Attribute, attributes, header["attribute_count"])
        self.shown_end = self.tables_end

    def records(self, kind: type, start: int, count: int) -> list[dict[str, int]]:
        """A table."""
        size = size_of(kind)
        assert start + count * size <= len(self.archive)
        form = StructLayout.parse(fields_of(kind))
        return [unpack(form, self.archive[place : place + size]) for place in range(start, start + count * size, size)]

    def part(self, start: int, length: int) -> bytes:
        """Bytes that are behind the tables."""
        assert self.tables_end <= start and start + length <= len(self.archive), (start, length)
        return self.archive[start : start + length]

    def read(self) -> dict[bytes, Found]:
        """Every name of the archive by its path."""
        paths: list[bytes] = []
        nodes: list[Found] = []
        found: dict[bytes, Found] = {}
        for number, entry in enumerate(self.entries):
            name = self.part(entry["name"], entry["name_length"])
            if number == 0:
                assert name == b"" and entry["directory"] == 0
                path = b""
            else:
                assert entry["directory"] < number and nodes[entry["directory"]].kind == stat.S_IFDIR
                assert 0 < len(name) <= 255 and name not in (b".", b"..") and not {0, 47} & set(name)
                path = paths[entry["directory"]] + b"/" + name
            assert path not in found, path
            if entry["mode"] >> 12 == 0:
                assert entry["device"] < number and nodes[entry["device"]].kind != stat.S_IFDIR
                node = nodes[entry["device"]]
            else:
                node = self.node(entry)
            paths.append(path)
            nodes.append(node)
            node.names.append(path)
            found[path] = node
        assert not self.pieces and not self.attributes
        assert nodes[0].kind == stat.S_IFDIR
        return found

    def node(self, entry: dict[str, int]) -> Found:
        """The file of one entry."""
        kind = stat.S_IFMT(entry["mode"])
        assert kind in KINDS and entry["mode"] >> 16 == 0 and 0 <= entry["nanoseconds"] < 10**9
        node = Found(
            kind, stat.S_IMODE(entry["mode"]), entry["user"], entry["group"], entry["seconds"], entry["nanoseconds"]
        )
        if kind == stat.S_IFREG:
            node.contents = self.contents(entry)
            node.is_holed = entry["contents_length"] < entry["size"]
        elif kind == stat.S_IFLNK:
            node.contents = self.part(entry["contents"], entry["size"])
            assert 0 < len(node.contents) < 4096 and 0 not in node.contents
        else:
            node.device = entry["device"]
        names = []
        for one in self.attributes[: entry["attribute_count"]]:
            name = self.part(one["name"], one["name_length"])
            assert 0 < len(name) <= 255 and 0 not in name
            names.append(name)
            node.attributes[name] = self.part(one["value"], one["value_length"])
        assert names == sorted(set(names))
        del self.attributes[: entry["attribute_count"]]
        return node

    def contents(self, entry: dict[str, int]) -> bytes:
        """The bytes of a regular file, with zeros where it has holes; only small ones are asked for."""
        assert entry["contents_length"] <= entry["size"]
        content = bytearray(min(entry["size"], 1 << 24))
        length = entry["contents_length"]
        if length:
            start, end = entry["contents"], entry["contents"] + -(-length // ALIGNMENT) * ALIGNMENT
            assert start % ALIGNMENT == 0 and start >= self.shown_end
            self.shown_end = end
            part = self.part(start, end - start)
            assert not any(part[length:])
            content[:length] = part[:length]
        for piece in self.pieces[: entry["piece_count"]]:
            assert piece["offset"] + piece["length"] <= entry["size"]
            content[piece["offset"] : piece["offset"] + piece["length"]] = self.part(piece["contents"], piece["length"])
        del self.pieces[: entry["piece_count"]]
        return bytes(content)


def files_of(archive: bytes) -> dict[bytes, Found]:
    """Every name of a boot archive by its path, of which the root's is empty."""
    return Reader(archive).read()


def image_of(archive: bytes, name: bytes = b"root") -> dict[bytes, Found]:
    """Every name of one image in a boot archive."""
    top = b"/images/" + name
    return {
        path[len(top) :]: node for path, node in files_of(archive).items() if path == top or path.startswith(top + b"/")
    }
