"""The boot archive: what the harness writes (harness/archive.py), and the kernel unpacks (archive.py).

    Header
    Entry          one for each name, the root first; a directory stands before what is in it
    Piece          contents of files with holes that do not lie at the beginning of the file
    Attribute      extended attributes
    names, targets of links, values, contents

All numbers are little-endian, all places are bytes from the beginning of the archive. The archive lies on a page
boundary in memory, where the contents of regular files are used in place.

An entry names its directory by the number of that one's entry: there are no paths, and no link is ever followed.
What does not hold to these rules is refused:

- Names, targets, values and contents lie behind the tables, and within the archive.
- Entry 0 is the root: a directory without a name. Every other entry is in an earlier one, a directory, and has a name
  of 1 to 255 bytes without slash or zero byte, neither `.` nor `..`, that no earlier entry has in that directory.
- Kinds are those of inode(7) but for sockets; 0 is a hard link, to an earlier entry that is no directory.
- Contents of a regular file begin on a page boundary, behind the pages of the files before, and take whole pages of
  the archive. Those of a symbolic link are its target, 1 to 4,095 bytes without a zero byte.
- The pieces and attributes of an entry follow those of the entries before in their tables. Names of attributes have 1
  to 255 bytes without a zero byte, and stand in ascending order.
"""

from __future__ import annotations

from codegen.lang import Slice, i64, load, offset_of, size_of, struct, u8, u32, u64

MAGIC: u64 = 0x4152_534F_4854_4950
"""The first eight bytes: `PITHOSRA`."""

ALIGNMENT: u64 = 4096
"""Of the contents of regular files."""


@struct(size=32)
class Header:
    """The beginning: how long the tables are that follow each other."""

    magic: u64 = 0
    entry_count: u64 = 0
    piece_count: u64 = 0
    attribute_count: u64 = 0

    def decode(self, content: Slice[u8]) -> None:
        """Read it; `content` has at least its size."""
        self.magic = load(u64, content, offset_of(Header, "magic"))
        self.entry_count = load(u64, content, offset_of(Header, "entry_count"))
        self.piece_count = load(u64, content, offset_of(Header, "piece_count"))
        self.attribute_count = load(u64, content, offset_of(Header, "attribute_count"))


@struct(size=88)
class Entry:
    """One name, and the file that it names."""

    directory: u32 = 0
    """The number of the entry that it is in; of the root, 0."""
    name_length: u32 = 0
    name: u64 = 0
    mode: u32 = 0
    """Kind and permissions, as st_mode has them."""
    user: u32 = 0
    group: u32 = 0
    nanoseconds: u32 = 0
    seconds: i64 = 0
    """When the contents were changed, from 1970-01-01 UTC."""
    device: u64 = 0
    """The number of a device node (makedev(3)); of a hard link, the number of the entry that it is another name of."""
    size: u64 = 0
    """Of a regular file: beyond its contents and pieces there are holes. Of a link, the length of its target."""
    contents: u64 = 0
    contents_length: u64 = 0
    """Of a regular file: how much from its beginning lies in one piece at `contents`."""
    piece_count: u32 = 0
    attribute_count: u32 = 0
    inode: u64 = 0
    """Room for the kernel: the address of the inode that it made."""

    def decode(self, record: Slice[u8]) -> None:
        """Read one."""
        self.directory = load(u32, record, offset_of(Entry, "directory"))
        self.name_length = load(u32, record, offset_of(Entry, "name_length"))
        self.name = load(u64, record, offset_of(Entry, "name"))
        self.mode = load(u32, record, offset_of(Entry, "mode"))
        self.user = load(u32, record, offset_of(Entry, "user"))
        self.group = load(u32, record, offset_of(Entry, "group"))
        self.nanoseconds = load(u32, record, offset_of(Entry, "nanoseconds"))
        self.seconds = load(i64, record, offset_of(Entry, "seconds"))
        self.device = load(u64, record, offset_of(Entry, "device"))
        self.size = load(u64, record, offset_of(Entry, "size"))
        self.contents = load(u64, record, offset_of(Entry, "contents"))
        self.contents_length = load(u64, record, offset_of(Entry, "contents_length"))
        self.piece_count = load(u32, record, offset_of(Entry, "piece_count"))
        self.attribute_count = load(u32, record, offset_of(Entry, "attribute_count"))


@struct(size=24)
class Piece:
    """Bytes of a file with holes, from `offset` on."""

    offset: u64 = 0
    contents: u64 = 0
    length: u64 = 0

    def decode(self, record: Slice[u8]) -> None:
        """Read one."""
        self.offset = load(u64, record, offset_of(Piece, "offset"))
        self.contents = load(u64, record, offset_of(Piece, "contents"))
        self.length = load(u64, record, offset_of(Piece, "length"))


@struct(size=32)
class Attribute:
    """An extended attribute (xattr(7))."""

    name: u64 = 0
    name_length: u64 = 0
    value: u64 = 0
    value_length: u64 = 0

    def decode(self, record: Slice[u8]) -> None:
        """Read one."""
        self.name = load(u64, record, offset_of(Attribute, "name"))
        self.name_length = load(u64, record, offset_of(Attribute, "name_length"))
        self.value = load(u64, record, offset_of(Attribute, "value"))
        self.value_length = load(u64, record, offset_of(Attribute, "value_length"))


HEADER_SIZE: u64 = size_of(Header)
ENTRY_SIZE: u64 = size_of(Entry)
PIECE_SIZE: u64 = size_of(Piece)
ATTRIBUTE_SIZE: u64 = size_of(Attribute)
