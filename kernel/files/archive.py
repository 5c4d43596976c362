"""Archive: fills a file system from the boot archive (archive_format.py says what it looks like).

Each entry names its directory by number, so nothing is looked up, no link is followed, and nothing can be made
outside of the file system or of the directory that an entry names. Everything is checked before it is used.

Contents are not copied: a file shows the frames of the archive, which therefore stays in memory. Only pieces behind
holes are.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    FrameNumber,
    MutableSlice,
    PhysAddr,
    Slice,
    address_of,
    align_up,
    deferred,
    fill,
    inline,
    load,
    local,
    offset_of,
    reference,
    store,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EINVAL, ENOMEM
from kernel.files import tree
from kernel.files.archive_format import (
    ALIGNMENT,
    ATTRIBUTE_SIZE,
    ENTRY_SIZE,
    HEADER_SIZE,
    MAGIC,
    PIECE_SIZE,
    Attribute,
    Entry,
    Header,
    Piece,
)
from kernel.files.attributes import PERMISSION_BITS, Kind
from kernel.files.content import Content
from kernel.files.content_transfer import write_from_kernel
from kernel.files.extended import VALUE_MAX, ExtendedAttributes
from kernel.files.flags import NAME_MAX, PATH_MAX
from kernel.files.inode import Inode
from kernel.files.ramfs import RamFs
from kernel.files.timestamp import SECOND

KIND_SHIFT: u32 = 12
HARD_LINK: u32 = 0
INODE: u64 = offset_of(Entry, "inode")
SLASH: u8 = 0x2F


@struct
class Archive:
    """The archive that is being unpacked, and how far that has come."""

    content: MutableSlice[u8] = uninitialised()
    physical: PhysAddr = PhysAddr(0)
    fs: RamFs = uninitialised()
    next_piece: u64 = 0
    last_piece: u64 = 0
    next_attribute: u64 = 0
    last_attribute: u64 = 0
    """Where the tables go on, and where they end."""
    shown_end: u64 = 0
    """Where the pages end that files show already."""
    entry: Entry = inline()

    def part(self, start: u64, length: u64) -> Fallible[MutableSlice[u8]]:
        """Some bytes behind the tables; EINVAL where there are no such bytes."""
        total = u64(len(self.content))
        if start < self.last_attribute or start > total or length > total - start:
            raise EINVAL
        return self.content[start : start + length]

    def inode(self, number: u64) -> Inode:
        """The inode that was made for an entry."""
        return reference(Inode, load(u64, self.content, HEADER_SIZE + number * ENTRY_SIZE + INODE))

    def remember(self, number: u64, inode: Inode) -> None:
        """Say which inode was made for an entry."""
        store(u64, self.content, HEADER_SIZE + number * ENTRY_SIZE + INODE, address_of(inode))


def unpack(content: MutableSlice[u8], physical: PhysAddr, fs: RamFs) -> Fallible[u64]:
    """Make in `fs`, which is empty, all that an archive holds; it lies at `physical`. Returns the number of entries.

    EINVAL, EFBIG and ENOSPC when the archive is damaged; ENOMEM.
    """
    header = local(Header)
    if u64(len(content)) < HEADER_SIZE or physical % ALIGNMENT != 0:
        raise EINVAL
    header.decode(content)
    if header.magic != MAGIC or header.entry_count == 0:
        raise EINVAL
    archive = local(Archive)
    archive.content = content
    archive.physical = physical
    archive.fs = fs
    entries_end = table_end(HEADER_SIZE, header.entry_count, ENTRY_SIZE, u64(len(content)))
    pieces_end = table_end(entries_end, header.piece_count, PIECE_SIZE, u64(len(content)))
    archive.next_piece = entries_end
    archive.last_piece = pieces_end
    archive.next_attribute = pieces_end
    archive.last_attribute = table_end(pieces_end, header.attribute_count, ATTRIBUTE_SIZE, u64(len(content)))
    archive.shown_end = archive.last_attribute
    for number in range(header.entry_count):
        start = HEADER_SIZE + number * ENTRY_SIZE
        archive.entry.decode(content[start : start + ENTRY_SIZE])
        make(archive, number)
    return header.entry_count


def table_end(start: u64, count: u64, size: u64, total: u64) -> Fallible[u64]:
    """Where a table of `count` records ends that begins at `start`; EINVAL if that is behind the end of the archive."""
    if count > (total - start) // size:
        raise EINVAL
    return start + count * size


def make(archive: Archive, number: u64) -> Fallible[None]:
    """Make what the entry says that was read last, the one with this number."""
    entry = archive.entry
    kind = entry.mode >> KIND_SHIFT
    if number == 0:
        if kind != u32(Kind.DIRECTORY) or entry.name_length != 0 or entry.directory != 0:
            raise EINVAL
        archive.remember(0, archive.fs.root)
        set_attributes(archive, archive.fs.root)
        return
    if u64(entry.directory) >= number:
        raise EINVAL
    parent = archive.inode(u64(entry.directory))
    name = archive.part(entry.name, u64(entry.name_length))
    check_name(parent, name)
    if kind == HARD_LINK:
        link(archive, number, parent, name)
        return
    inode = archive.fs.new_inode(kind_of(kind), 0, 0, 0)
    with deferred(inode.drop):
        match inode.described.kind:
            case Kind.REGULAR:
                fill_file(archive, inode)
            case Kind.SYMLINK:
                set_target(archive, inode)
            case Kind.CHARACTER | Kind.BLOCK:
                inode.described.device = entry.device
            case _:
                pass
        set_attributes(archive, inode)
        tree.name_inode(parent, name, inode)
    archive.remember(number, inode)


def kind_of(number: u32) -> Fallible[Kind]:
    """The kind of file that an entry makes."""
    for kind in (Kind.FIFO, Kind.CHARACTER, Kind.DIRECTORY, Kind.BLOCK, Kind.REGULAR, Kind.SYMLINK):
        if number == u32(kind):
            return kind
    raise EINVAL


def check_name(parent: Inode, name: Slice[u8]) -> Fallible[None]:
    """EINVAL unless an entry may get this name in `parent`."""
    entries = parent.entries
    if entries is None or len(name) == 0 or len(name) > NAME_MAX or name == b"." or name == b"..":
        raise EINVAL
    for byte in name:
        if byte == SLASH:
            raise EINVAL
    check_text(name)
    if entries.find(name) is not None:
        raise EINVAL


def check_text(text: Slice[u8]) -> Fallible[None]:
    """EINVAL for a text with a zero byte, which no program could give or be given."""
    for byte in text:
        if byte == 0:
            raise EINVAL


def link(archive: Archive, number: u64, parent: Inode, name: Slice[u8]) -> Fallible[None]:
    """Give an inode that is made one more name."""
    if archive.entry.device >= number:
        raise EINVAL
    inode = archive.inode(archive.entry.device)
    if inode.described.is_directory:
        raise EINVAL
    tree.name_inode(parent, name, inode)
    archive.remember(number, inode)


def set_attributes(archive: Archive, inode: Inode) -> Fallible[None]:
    """Give an inode the owner, permissions, time and extended attributes that its entry has."""
    entry = archive.entry
    if entry.nanoseconds >= SECOND:
        raise EINVAL
    about = inode.described
    about.permissions = entry.mode & PERMISSION_BITS
    about.user = entry.user
    about.group = entry.group
    about.modified.set_parts(entry.seconds, entry.nanoseconds)
    about.changed.copy_from(about.modified)
    if entry.attribute_count > 0:
        set_extended(archive, inode)


def set_extended(archive: Archive, inode: Inode) -> Fallible[None]:
    """Give an inode the next extended attributes of the table."""
    made = archive.fs.account.heap.new(ExtendedAttributes)
    inode.extended = made
    one = local(Attribute)
    for _ in range(archive.entry.attribute_count):
        start = archive.next_attribute
        if start >= archive.last_attribute:
            raise EINVAL
        archive.next_attribute += ATTRIBUTE_SIZE
        one.decode(archive.content[start : start + ATTRIBUTE_SIZE])
        if one.name_length == 0 or one.name_length > NAME_MAX or one.value_length > VALUE_MAX:
            raise EINVAL
        name = archive.part(one.name, one.name_length)
        check_text(name)
        made.append(name, archive.part(one.value, one.value_length))


def set_target(archive: Archive, inode: Inode) -> Fallible[None]:
    """Let a new symbolic link point where its entry says."""
    entry = archive.entry
    if entry.size == 0 or entry.size >= PATH_MAX:
        raise EINVAL
    target = archive.part(entry.contents, entry.size)
    check_text(target)
    archive.fs.set_target(inode, target)


def fill_file(archive: Archive, inode: Inode) -> Fallible[None]:
    """Let a new regular file have the contents that its entry says: what lies in place, holes, and pieces."""
    entry = archive.entry
    content = inode.content
    assert content is not None, "a regular file has contents"
    if entry.contents_length > entry.size:
        raise EINVAL
    content.truncate(entry.size)
    inode.described.size = entry.size
    if entry.contents_length > 0:
        show_in_place(archive, content)
    piece = local(Piece)
    for _ in range(entry.piece_count):
        start = archive.next_piece
        if start >= archive.last_piece:
            raise EINVAL
        archive.next_piece += PIECE_SIZE
        piece.decode(archive.content[start : start + PIECE_SIZE])
        if piece.offset > entry.size or piece.length > entry.size - piece.offset:
            raise EINVAL
        if write_from_kernel(content, piece.offset, archive.part(piece.contents, piece.length)) < piece.length:
            raise ENOMEM


def show_in_place(archive: Archive, content: Content) -> Fallible[None]:
    """Let a file show the pages of the archive that its contents are in, the rest of the last one cleared."""
    start = archive.entry.contents
    if start % ALIGNMENT != 0 or start < archive.shown_end:
        raise EINVAL
    length = archive.entry.contents_length
    contents = archive.part(start, length)
    padded = align_up(u64(len(contents)), ALIGNMENT)
    pages = archive.part(start, padded)
    fill(pages[length:padded], 0)
    archive.shown_end = start + padded
    content.extent = FrameNumber((archive.physical + start) // ALIGNMENT)
    content.extent_pages = padded // ALIGNMENT
