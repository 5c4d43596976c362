"""Listing: the entries that a directory shows, its own and those of the layers below (getdents64(2)).

The layers are gone through from the lowest to the highest. A name is shown where it first appears, unless a
higher layer hides or replaces it. A position is the number of the layer and the cookie of the last entry, so
a listing goes on correctly however the directory changed meanwhile.
"""

from __future__ import annotations

from codegen.lang import local, struct, u64, uninitialised
from kernel.files.directory import DirectoryEntry
from kernel.files.inode import Inode

LAYER_POSITIONS: u64 = 1 << 40
"""Positions in one layer; an entry's cookie is always below."""


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
