"""Archive: fills a file system from a cpio archive in the "newc" form (cpio(5)), such as the boot archive.

An entry is a header of fixed-size hexadecimal numbers, the name, and the contents, each padded to 4 bytes.
Contents that begin on a page boundary are not copied: the file shows the frames of the archive, which
therefore stays in memory. Entries of one number are
one file: the later ones are empty, and hard links to the first. The name may be followed by any number of
zero bytes, which is how a writer reaches such a boundary.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    FrameNumber,
    Nanoseconds,
    PhysAddr,
    Slice,
    align_up,
    deferred,
    local,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EINVAL
from kernel.files import tree
from kernel.files.attributes import PERMISSION_BITS, Kind
from kernel.files.content import PAGE
from kernel.files.credentials import ROOT
from kernel.files.flags import Resolve
from kernel.files.inode import Inode
from kernel.files.path import LastComponent, Lookup, walk
from kernel.files.path_buffer import PATH_BUFFERS
from kernel.files.ramfs import RamFs

MAGIC = b"070701"
TRAILER = b"TRAILER!!!"
HEADER_SIZE: u64 = 110
SECOND: u64 = 1_000_000_000

FIRST_NUMBER: u64 = 2
"""Added to the number of an entry to make the inode number; that of the root stays as it is."""


@struct
class Entry:
    """One entry of the archive: the fields of its header, and where its parts are."""

    number: u64 = 0
    mode: u32 = 0
    user: u32 = 0
    group: u32 = 0
    modified: u64 = 0
    size: u64 = 0
    name_start: u64 = 0
    name_end: u64 = 0
    data_start: u64 = 0
    following: u64 = 0

    def decode(self, archive: Slice[u8], start: u64) -> Fallible[None]:
        """Read the header at `start`; EINVAL when it is none, or reaches beyond the archive."""
        if start + HEADER_SIZE > len(archive) or archive[start : start + 6] != MAGIC:
            raise EINVAL
        self.number = number_at(archive, start, 0)
        self.mode = u32(number_at(archive, start, 1))
        self.user = u32(number_at(archive, start, 2))
        self.group = u32(number_at(archive, start, 3))
        self.modified = number_at(archive, start, 5)
        self.size = number_at(archive, start, 6)
        self.name_start = start + HEADER_SIZE
        padded_end = self.name_start + number_at(archive, start, 11)
        self.data_start = align_up(padded_end, 4)
        self.following = align_up(self.data_start + self.size, 4)
        if self.data_start + self.size > len(archive):
            raise EINVAL
        self.name_end = self.name_start
        while self.name_end < padded_end and archive[self.name_end] != 0:
            self.name_end += 1


def number_at(archive: Slice[u8], start: u64, field: u64) -> Fallible[u64]:
    """Field number `field` of the header at `start`: eight hexadecimal digits."""
    value: u64 = 0
    first = start + 6 + field * 8
    for index in range(first, first + 8):
        value = value * 16 + digit_value(archive[index])
    return value


def digit_value(digit: u8) -> Fallible[u64]:
    """The value of one hexadecimal digit."""
    if 0x30 <= digit <= 0x39:
        return digit - 0x30
    if 0x41 <= digit <= 0x46:
        return digit - 0x41 + 10
    if 0x61 <= digit <= 0x66:
        return digit - 0x61 + 10
    raise EINVAL


def unpack(archive: Slice[u8], physical: PhysAddr, fs: RamFs) -> Fallible[u64]:
    """Make in `fs` everything that `archive` holds; it lies at `physical`. Returns the number of entries.

    EINVAL when the archive is damaged; device nodes, sockets and FIFOs are left out.
    """
    lookup = local(Lookup)
    lookup.root = fs.root
    lookup.directory = fs.root
    lookup.credentials = ROOT
    entry = local(Entry)
    count: u64 = 0
    start: u64 = 0
    while True:
        entry.decode(archive, start)
        name = archive[entry.name_start : entry.name_end]
        if name == TRAILER:
            return count
        fs.next_number = max(fs.next_number, entry.number + FIRST_NUMBER + 1)
        find_parent(lookup, name)
        data = archive[entry.data_start : entry.data_start + entry.size]
        make(lookup, entry, data, PhysAddr(physical + entry.data_start))
        start = entry.following
        count += 1


def find_parent(lookup: Lookup, name: Slice[u8]) -> Fallible[None]:
    """Walk to the directory that the entry called `name` goes into."""
    buffer = PATH_BUFFERS.take()
    with deferred(PATH_BUFFERS.give_back, buffer):
        buffer.set(name)
        walk(lookup, buffer, Resolve.PARENT)


def make(lookup: Lookup, entry: Entry, data: Slice[u8], physical: PhysAddr) -> Fallible[None]:
    """Make the inode of one entry."""
    kind = entry.mode >> 12
    if kind == u32(Kind.DIRECTORY):
        existing = lookup.inode
        if existing is not None:
            set_attributes(existing, entry)
            return
        make_inode(lookup, entry, Kind.DIRECTORY, data, physical)
    elif kind == u32(Kind.REGULAR):
        make_inode(lookup, entry, Kind.REGULAR, data, physical)
    elif kind == u32(Kind.SYMLINK):
        make_inode(lookup, entry, Kind.SYMLINK, data, physical)


def make_inode(lookup: Lookup, entry: Entry, kind: Kind, data: Slice[u8], physical: PhysAddr) -> Fallible[None]:
    """Make an inode of `kind` with the contents `data`."""
    if lookup.last != LastComponent.NAME:
        raise EINVAL
    if kind == Kind.REGULAR and entry.size == 0:
        first = find_number(lookup.parent.fs, entry.number + FIRST_NUMBER)
        if first is not None:
            tree.make_link(lookup, first)
            return
    inode = tree.create(lookup, kind, 0)
    with deferred(inode.drop):
        inode.described.number = entry.number + FIRST_NUMBER
        if kind == Kind.REGULAR:
            fill_file(inode, data, physical)
        elif kind == Kind.SYMLINK:
            inode.fs.set_target(inode, data)
        set_attributes(inode, entry)


def find_number(fs: RamFs, number: u64) -> Inode | None:
    """The regular file with an inode number. Only empty entries need it, so a search through all is good
    enough.
    """
    for inode in fs.inodes:
        if inode.described.number == number and inode.described.is_regular:
            return inode
    return None


def set_attributes(inode: Inode, entry: Entry) -> None:
    """Give an inode the attributes that the archive has for it."""
    about = inode.described
    about.permissions = entry.mode & PERMISSION_BITS
    about.user = entry.user
    about.group = entry.group
    about.touch(Nanoseconds(entry.modified * SECOND))


def fill_file(inode: Inode, data: Slice[u8], physical: PhysAddr) -> Fallible[None]:
    """Let a new regular file have the contents `data`, in place as far as whole pages can be shown."""
    content = inode.content
    assert content is not None, "a regular file has contents"
    size = u64(len(data))
    shown: u64 = 0
    if physical % PAGE == 0 and size >= PAGE:
        content.extent = FrameNumber(physical // PAGE)
        content.extent_pages = size // PAGE
        shown = content.extent_pages * PAGE
        content.size = shown
    if shown < size:
        content.write(shown, data[shown:size])
    inode.described.size = size
