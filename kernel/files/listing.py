"""Listing: the entries that a directory shows, its own and those of the layers below (getdents64(2)).

Interface: `Records` is room for a part of a listing, `list_directory` fills it.

The layers are gone through from the lowest to the highest. A name is shown where it first appears, unless a
higher layer hides or replaces it. A position is the number of the layer and the cookie of the last entry, so
a listing goes on correctly however the directory changed meanwhile. Last come the entries that are made when they are
asked for (`Population`).
"""

from __future__ import annotations

from codegen.lang import MutableSlice, Slice, align_up, copy, fill, local, store, struct, u8, u16, u64, uninitialised
from kernel.files.attributes import Kind
from kernel.files.directory import FIRST_COOKIE, DirectoryEntry
from kernel.files.inode import Inode

LAYER_POSITIONS: u64 = 1 << 40
"""Positions in one layer; an entry's cookie is always below."""
MADE_POSITIONS: u64 = 1 << 61
"""Where the positions of entries begin that are made when they are asked for."""

NAME_OFFSET: u64 = 19
"""Where the name is in a `struct linux_dirent64`: after d_ino, d_off, d_reclen and d_type (getdents(2))."""
OLD_NAME_OFFSET: u64 = 18
"""Where it is in a `struct linux_dirent`, whose d_type is the last byte of the record."""


@struct
class Records:
    """Room for some records of getdents64(2), or of getdents(2)."""

    buffer: MutableSlice[u8] = uninitialised()
    is_old: bool = False
    length: u64 = 0
    position: u64 = 0
    """What the listing goes on from."""
    is_full: bool = False
    """An entry had no room."""

    def begin(self, buffer: MutableSlice[u8], position: u64) -> None:
        """Have `buffer` as the room, for what follows `position`."""
        self.buffer = buffer
        self.length = 0
        self.position = position
        self.is_full = False

    def add(self, name: Slice[u8], number: u64, kind: Kind, following: u64) -> bool:
        """Tell an entry, behind which the position is `following`; False, and nothing is told, if it has no room."""
        length = u64(len(name))
        start = OLD_NAME_OFFSET if self.is_old else NAME_OFFSET
        size = align_up(start + length + (2 if self.is_old else 1), 8)
        if size > len(self.buffer) - self.length:
            self.is_full = True
            return False
        record = self.buffer[self.length : self.length + size]
        fill(record, 0)
        store(u64, record, 0, number)
        store(u64, record, 8, following)
        store(u16, record, 16, u16(size))
        record[size - 1 if self.is_old else 18] = u8(kind)
        copy(record[start : start + length], name)
        self.length += size
        self.position = following
        return True

    def add_made(self, name: Slice[u8], number: u64, kind: Kind, key: u64) -> bool:
        """`add` for who makes entries, each with a key of its own (`Population.list`)."""
        return self.add(name, number, kind, MADE_POSITIONS + key + 1)


def list_directory(directory: Inode, records: Records) -> None:
    """Tell the entries from `records.position` on, as far as there is room; nothing at the end. `.` and `..` first."""
    if records.position == 0 and not add_inode(records, b".", directory, directory, 1):
        return
    if records.position == 1:
        above = directory.parent
        if not add_inode(records, b"..", directory, directory if above is None else above, FIRST_COOKIE - 1):
            return
    if records.position < MADE_POSITIONS:
        cursor = local(Cursor)
        cursor.start(directory, records.position)
        while True:
            entry = cursor.advance()
            if entry is None:
                break
            inode = entry.inode
            assert inode is not None, "the entry is shown"
            if not add_inode(records, entry.name, directory, inode, cursor.position):
                return
    population = directory.population
    if population is not None:
        start = records.position - MADE_POSITIONS if records.position >= MADE_POSITIONS else 0
        population.list(directory, start, records)


def add_inode(records: Records, name: Slice[u8], directory: Inode, inode: Inode, following: u64) -> bool:
    """Tell an entry of `directory` that names `inode`, which may be one of a layer below."""
    about = inode.described
    number = about.number if inode.fs is directory.fs else directory.number_of(inode)
    return records.add(name, number, about.kind, following)


@struct
class Cursor:
    """A place in a listing: it refers to no entry, so that entries may come and go while the thread sleeps."""

    top: Inode = uninitialised()
    layers: u64 = 0
    layer: u64 = 0
    within: u64 = 0

    @property
    def position(self) -> u64:
        """What to start from to go on after the entry that `advance` gave last."""
        return self.layer * LAYER_POSITIONS + self.within

    def start(self, top: Inode, position: u64) -> None:
        """Go to `position` of the listing of the directory `top`."""
        self.top = top
        self.layers = count_layers(top)
        self.layer = position // LAYER_POSITIONS
        self.within = position % LAYER_POSITIONS

    def advance(self) -> DirectoryEntry | None:
        """The next entry that is shown; it names an inode. None at the end."""
        while self.layer < self.layers:
            entries = self.layer_at(self.layer).entries
            entry = None if entries is None else entries.after(self.within)
            if entry is None:
                self.layer += 1
                self.within = 0
                continue
            self.within = entry.cookie
            if entry.inode is not None and not entry.shadows and not self.is_hidden(entry):
                return entry
        return None

    def layer_at(self, number: u64) -> Inode:
        """The directory in layer `number`, counted from the lowest."""
        inode = self.top
        for _ in range(self.layers - 1 - number):
            below = inode.origin
            assert below is not None, "the layers were counted"
            inode = below
        return inode

    def is_hidden(self, entry: DirectoryEntry) -> bool:
        """Whether a layer above that of `entry` has something else, or nothing, under its name."""
        inode = self.top
        for _ in range(self.layers - 1 - self.layer):
            entries = inode.entries
            below = inode.origin
            assert entries is not None and below is not None, "the layers were counted"
            above = entries.find(entry.name)
            if above is not None and not above.shadows:
                return True
            inode = below
        return False


def count_layers(top: Inode) -> u64:
    """In how many layers the directory `top` is."""
    count: u64 = 1
    below = top.origin
    while below is not None:
        count += 1
        below = below.origin
    return count


def is_empty(directory: Inode) -> bool:
    """Whether a directory shows no entry (rmdir(2))."""
    cursor = local(Cursor)
    cursor.start(directory, 0)
    return cursor.advance() is None
