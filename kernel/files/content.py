"""Content: the bytes of a regular file, in page frames of the file system's account.

Interface: `read` `write` `truncate` `release_all`. A `Content` is the `Pager` of mappings
of its file.

A page shows from the first of these that has it:
1. the file's own frames, found like the blocks of a classic UNIX inode: a few directly, then by one frame of
   frame numbers, then by two steps of such frames;
2. the extent: frames of the boot archive, used where they lie (archive.py);
3. the origin: the content of the same file in the layer below, as far as `origin_size` bytes;
4. otherwise it is a hole, and reads as zeros.
Writing makes an own copy of that one page first. So a file of a lower layer is shared page by page until
written.

Invariant: bytes beyond `size` in an own frame are zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import (
    Array,
    Errno,
    Fallible,
    FrameNumber,
    MutableSlice,
    Slice,
    align_up,
    array,
    copy,
    fill,
    on_error,
    struct,
    u8,
    u64,
    view,
)
from kernel.base.errno import EFBIG, ENXIO
from kernel.memory import frames
from kernel.memory.frames import FrameUse
from kernel.memory.heap import owner_of
from kernel.memory.pager import Pager
from kernel.memory.spaces import unmap_beyond

if TYPE_CHECKING:
    from kernel.files.inode import Inode

PAGE: u64 = 4096
DIRECT: u64 = 4
NUMBERS: u64 = 512
"""Frame numbers in one frame."""

PAGES_MAX: u64 = DIRECT + NUMBERS + NUMBERS * NUMBERS
SIZE_MAX: u64 = PAGES_MAX * PAGE
"""The largest file, a little over 1 GiB: beyond, EFBIG."""

HOLE = FrameNumber(0)
"""Frame 0 belongs to the firmware; its number says that there is no frame."""


@struct
class Content(Pager):
    """The pages of one regular file."""

    inode: Inode | None = None
    size: u64 = 0
    mappings: u64 = 0
    """How many regions of address spaces map it."""
    own_pages: u64 = 0
    extent: FrameNumber = HOLE
    extent_pages: u64 = 0
    origin: Content | None = None
    origin_size: u64 = 0
    direct: Array[FrameNumber] = array(DIRECT)
    indirect: FrameNumber = HOLE
    double_indirect: FrameNumber = HOLE

    # Own frames.

    def table_of(self, index: u64) -> FrameNumber:
        """The frame of frame numbers that covers page `index`, which is not a direct one; HOLE if none."""
        number = (index - DIRECT) // NUMBERS
        if number == 0:
            return self.indirect
        if self.double_indirect == HOLE or number > NUMBERS:
            return HOLE
        return FrameNumber(numbers_of(self.double_indirect)[number - 1])

    def make_table_of(self, index: u64) -> Fallible[FrameNumber]:
        """`table_of`, made if it is missing."""
        found = self.table_of(index)
        if found != HOLE:
            return found
        number = (index - DIRECT) // NUMBERS
        if number == 0:
            self.indirect = frames.allocate(owner_of(self), FrameUse.FILE)
            return self.indirect
        if self.double_indirect == HOLE:
            self.double_indirect = frames.allocate(owner_of(self), FrameUse.FILE)
        made = frames.allocate(owner_of(self), FrameUse.FILE)
        numbers_of(self.double_indirect)[number - 1] = u64(made)
        return made

    def own_frame(self, index: u64) -> FrameNumber:
        """The file's own frame for page `index`, or HOLE."""
        if index < DIRECT:
            return self.direct[index]
        table = self.table_of(index)
        if table == HOLE:
            return HOLE
        return FrameNumber(numbers_of(table)[(index - DIRECT) % NUMBERS])

    def set_own_frame(self, index: u64, frame: FrameNumber) -> Fallible[None]:
        """Make `frame` the own frame of page `index`."""
        if index < DIRECT:
            self.direct[index] = frame
        else:
            numbers_of(self.make_table_of(index))[(index - DIRECT) % NUMBERS] = u64(frame)
        self.own_pages += 1

    # What shows.

    def frame_at(self, index: u64) -> FrameNumber:
        """The frame that shows at page `index`, of whatever layer; HOLE if none."""
        own = self.own_frame(index)
        return self.frame_below(index) if own == HOLE else own

    def frame_below(self, index: u64) -> FrameNumber:
        """The frame that would show at page `index` if the file had no own one; HOLE if none."""
        content = self
        while True:
            if index < content.extent_pages:
                return FrameNumber(content.extent + index)
            origin = content.origin
            if origin is None or index * PAGE >= content.origin_size:
                return HOLE
            content = origin
            frame = content.own_frame(index)
            if frame != HOLE:
                return frame

    def make_own(self, index: u64) -> Fallible[FrameNumber]:
        """The file's own frame for page `index`, made from what shows there if it is missing."""
        if index >= PAGES_MAX:
            raise EFBIG
        own = self.own_frame(index)
        if own != HOLE:
            return own
        frame = frames.allocate(owner_of(self), FrameUse.FILE)
        with on_error(frames.release, frame):
            shown = self.frame_at(index)
            if shown != HOLE:
                frames.copy_contents(frame, shown)
            self.set_own_frame(index, frame)
        return frame

    # Pager.

    def page(self, index: u64) -> Fallible[FrameNumber]:
        """The frame that shows at page `index`; a hole becomes an own page, so that mappings agree on it."""
        self.check_shown(index)
        shown = self.frame_at(index)
        return self.make_own(index) if shown == HOLE else shown

    def own_page(self, index: u64) -> Fallible[FrameNumber]:
        self.check_shown(index)
        return self.make_own(index)

    def check_shown(self, index: u64) -> Fallible[None]:
        """ENXIO for a page beyond the end of the file, or of one whose file system has ended."""
        inode = self.inode
        if index * PAGE >= self.size or (inode is not None and inode.is_dead):
            raise ENXIO

    def hold(self) -> None:
        inode = self.inode
        assert inode is not None, "only regular files are mapped"
        inode.hold()
        self.mappings += 1

    def drop(self) -> None:
        inode = self.inode
        assert inode is not None, "only regular files are mapped"
        self.mappings -= 1
        inode.drop()

    # Reading and writing.

    def read(self, offset: u64, destination: MutableSlice[u8]) -> u64:
        """Read up to len(destination) bytes at `offset`; returns how many, 0 at the end of the file."""
        if offset >= self.size:
            return 0
        total = min(u64(len(destination)), self.size - offset)
        done: u64 = 0
        while done < total:
            start = (offset + done) % PAGE
            step = min(PAGE - start, total - done)
            frame = self.frame_at((offset + done) // PAGE)
            if frame == HOLE:
                fill(destination[done : done + step], 0)
            else:
                copy(destination[done : done + step], frames.contents(frame)[start : start + step])
            done += step
        return done

    def write(self, offset: u64, source: Slice[u8]) -> Fallible[u64]:
        """Write `source` at `offset`, growing the file; returns how much of it fitted, at least one byte."""
        total = u64(len(source))
        done: u64 = 0
        while done < total:
            position = offset + done
            start = position % PAGE
            step = min(PAGE - start, total - done)
            try:
                frame = self.make_own(position // PAGE)
            except Errno:
                if done > 0:
                    break
                raise
            copy(frames.contents(frame)[start : start + step], source[done : done + step])
            done += step
            self.size = max(self.size, position + step)
        return done

    def truncate(self, size: u64) -> Fallible[None]:
        """Make the file `size` bytes long (truncate(2)); what is cut off never shows again, and is mapped nowhere."""
        if size > SIZE_MAX:
            raise EFBIG
        if size < self.size:
            kept = align_up(size, PAGE) // PAGE
            if self.mappings > 0:
                unmap_beyond(self, kept)
            if size % PAGE != 0 and self.frame_at(size // PAGE) != HOLE:
                frame = self.make_own(size // PAGE)
                fill(frames.contents(frame)[size % PAGE : PAGE], 0)
            self.release_from(kept)
            self.extent_pages = min(self.extent_pages, kept)
            self.origin_size = min(self.origin_size, size)
        self.size = size

    # Giving back.

    def unmap_all(self) -> None:
        """Be mapped nowhere: the file goes, and those that still map it find nothing there (SIGBUS)."""
        if self.mappings > 0:
            unmap_beyond(self, 0)

    def release_from(self, first: u64) -> None:
        """Release the own frames of page `first` and later ones, and the tables that only serve those."""
        for index in range(min(first, DIRECT), DIRECT):
            self.release_own(self.direct[index])
            self.direct[index] = HOLE
        self.indirect = self.release_table(self.indirect, DIRECT, first)
        if self.double_indirect == HOLE:
            return
        tables = numbers_of(self.double_indirect)
        for number in range(NUMBERS):
            base = DIRECT + (number + 1) * NUMBERS
            tables[number] = u64(self.release_table(FrameNumber(tables[number]), base, first))
        if first <= DIRECT + NUMBERS:
            frames.release(self.double_indirect)
            self.double_indirect = HOLE

    def release_table(self, table: FrameNumber, base: u64, first: u64) -> FrameNumber:
        """Release the frames of page `first` and later in `table`, which begins with page `base`.

        Returns the table, or HOLE when nothing is left in it and it was released as well.
        """
        if table == HOLE or first >= base + NUMBERS:
            return table
        numbers = numbers_of(table)
        start = first - base if first > base else 0
        for index in range(start, NUMBERS):
            self.release_own(FrameNumber(numbers[index]))
            numbers[index] = 0
        if start > 0:
            return table
        frames.release(table)
        return HOLE

    def release_own(self, frame: FrameNumber) -> None:
        """Release one own frame; mappings that share it keep it until they end."""
        if frame != HOLE:
            frames.release(frame)
            self.own_pages -= 1

    def reclaim(self) -> None:
        """Release the own pages that are not mapped, and show what would show without them: they can be made again."""
        index: u64 = 0
        left = self.own_pages
        while left > 0 and index < PAGES_MAX:
            frame = self.own_frame(index)
            if frame != HOLE:
                left -= 1
                if not frames.is_shared(frame) and is_same(frame, self.frame_below(index)):
                    self.forget_own(index)
                    self.release_own(frame)
            index += 1

    def forget_own(self, index: u64) -> None:
        """Let page `index` have no own frame."""
        if index < DIRECT:
            self.direct[index] = HOLE
        else:
            numbers_of(self.table_of(index))[(index - DIRECT) % NUMBERS] = u64(HOLE)

    def release_all(self) -> None:
        """Release all frames: the file is gone."""
        self.release_from(0)
        self.extent_pages = 0
        self.origin = None
        self.size = 0


def is_same(frame: FrameNumber, other: FrameNumber) -> bool:
    """Whether two frames hold the same; HOLE holds zeros."""
    if other != HOLE:
        return frames.contents(frame) == frames.contents(other)
    for number in numbers_of(frame):
        if number != 0:
            return False
    return True


def numbers_of(frame: FrameNumber) -> MutableSlice[u64]:
    """A frame seen as frame numbers."""
    return view(u64, frames.contents(frame))
