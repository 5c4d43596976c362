"""Content: the bytes of a regular file, in page frames of the file system's account.

Interface: `frame_at` `make_own` `truncate` `forget` `give_up`; bytes go in and out by content_transfer.py. A
`Content` is the `Pager` of mappings of its file.

A page shows from the first of these that has it:
1. the file's own frames (frame_tree.py);
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
    Fallible,
    FrameNumber,
    fill,
    inline,
    local,
    on_error,
    sleeps,
    struct,
    u64,
)
from kernel.base.errno import EFBIG, EIO, ENXIO
from kernel.base.list import Link, List
from kernel.files.frame_tree import HOLE, PAGES_MAX, FrameTree
from kernel.machine.clock import wall_time
from kernel.machine.cpu import request_attention
from kernel.memory import frames
from kernel.memory.budget import Budget
from kernel.memory.frames import FrameUse
from kernel.memory.heap import free, owner_of
from kernel.memory.identity import new_identity
from kernel.memory.mappings import Mappings
from kernel.memory.pager import Pager
from kernel.memory.region import Region
from kernel.sched.preemption import give_way

if TYPE_CHECKING:
    from kernel.files.inode import Inode

PAGE: u64 = 4096
SIZE_MAX: u64 = 0x7FFF_FFFF_FFFF_FFFF
"""The largest file (MAX_LFS_FILESIZE): beyond, EFBIG."""
SMALL: u64 = 256
"""A file of so many own pages is given back at once when it is gone."""


@struct
class Content(Pager):
    """The pages of one regular file."""

    inode: Inode | None = None
    size: u64 = 0
    mappings: Mappings = inline()
    """The regions of address spaces that map it."""
    number: u64 = 0
    """Its identity, once somebody has asked for it."""
    own: FrameTree = inline()
    own_hiding: u64 = 0
    """How many own pages stand before a page of a layer below."""
    extent: FrameNumber = HOLE
    extent_pages: u64 = 0
    origin: Content | None = None
    origin_size: u64 = 0
    is_ending: bool = False
    """It is cut off from those that map it, and gives back what it has (`end_step`)."""
    may_reclaim: bool = False
    """Some own pages were made as a mapping had to show one: they may be as they would be without (reclaim.py)."""
    link: Link[Content] = inline()
    """Among those of the file system that are to be looked at for such pages; when it is gone, among the dying."""

    # What shows.

    @property
    def own_pages(self) -> u64:
        """How many own frames there are."""
        return self.own.count

    def own_frame(self, index: u64) -> FrameNumber:
        """The file's own frame for page `index`, or HOLE."""
        return self.own.at(index)

    def frame_at(self, index: u64) -> FrameNumber:
        """The frame that shows at page `index`, of whatever layer; HOLE if none."""
        own = self.own.at(index)
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
            frame = content.own.at(index)
            if frame != HOLE:
                return frame

    def make_own(self, index: u64) -> Fallible[FrameNumber]:
        """The file's own frame for page `index`, made from what shows there if it is missing. EFBIG, EIO, ENOMEM."""
        if index >= PAGES_MAX:
            raise EFBIG
        own = self.own.at(index)
        if own != HOLE:
            return own
        if self.is_ending:
            raise EIO
        shown = self.frame_below(index)
        if shown == HOLE:
            frame = frames.allocate(owner_of(self), FrameUse.FILE)
        else:
            frame = frames.allocate_uncleared(owner_of(self), 0, FrameUse.FILE)
            frames.copy_contents(frame, shown)
        with on_error(frames.release, frame):
            self.own.put(index, frame, owner_of(self))
        if shown != HOLE:
            self.own_hiding += 1
        return frame

    def make_for_mapping(self, index: u64) -> Fallible[FrameNumber]:
        """`make_own`, because a mapping has to show a page; ENXIO beyond the end."""
        self.check_shown(index)
        before = self.own.count
        frame = self.make_own(index)
        if self.own.count != before:
            self.may_reclaim = True
            self.list_for_reclaim()
        return frame

    def list_for_reclaim(self) -> None:
        """Let this be looked at when memory is short: pages may have become such that can be made again."""
        inode = self.inode
        if self.may_reclaim and not self.link.linked and inode is not None and not inode.is_dead:
            inode.fs.reclaimable.push_last(self)

    # Pager.

    def page(self, index: u64) -> Fallible[FrameNumber]:
        """The frame that shows at page `index`; a hole becomes an own page, so that mappings agree on it."""
        self.check_shown(index)
        shown = self.frame_at(index)
        return self.make_for_mapping(index) if shown == HOLE else shown

    def own_page(self, index: u64) -> Fallible[FrameNumber]:
        return self.make_for_mapping(index)

    def has_page(self, index: u64) -> bool:
        return index < PAGES_MAX and self.frame_at(index) != HOLE

    def note_write(self) -> None:
        inode = self.inode
        if inode is not None:
            inode.described.touch(wall_time())

    def identity(self) -> u64:
        if self.number == 0:
            self.number = new_identity()
        return self.number

    def check_shown(self, index: u64) -> Fallible[None]:
        """ENXIO for a page beyond the end of the file, or of one whose file system has ended."""
        inode = self.inode
        if index >= PAGES_MAX or index * PAGE >= self.size or (inode is not None and inode.is_dead):
            raise ENXIO

    def hold(self) -> None:
        inode = self.inode
        assert inode is not None, "only regular files are mapped"
        inode.hold()

    def drop(self) -> None:
        inode = self.inode
        assert inode is not None, "only regular files are mapped"
        inode.drop()

    def enter(self, region: Region) -> None:
        self.mappings.enter(region)

    def leave(self, region: Region) -> None:
        self.mappings.leave(region)
        self.list_for_reclaim()

    # Size.

    @sleeps
    def truncate(self, size: u64) -> Fallible[None]:
        """Make the file `size` bytes long (truncate(2)); what is cut off never shows again, and is mapped nowhere.

        Nobody else changes the file meanwhile, but its end may come (`end_step`): EIO.
        """
        if size > SIZE_MAX:
            raise EFBIG
        old = self.size
        if size < old:
            kept = pages_of(size)
            if size % PAGE != 0 and self.frame_at(size // PAGE) != HOLE:
                frame = self.make_own(size // PAGE)
                fill(frames.contents(frame)[size % PAGE : PAGE], 0)
            self.size = size
            self.unmap(kept, PAGES_MAX, True)
            self.extent_pages = min(self.extent_pages, kept)
            self.origin_size = min(self.origin_size, size)
            while not self.release(kept, PAGES_MAX):
                give_way()
            self.count_hiding()
            if self.is_ending:
                raise EIO
        self.size = size

    @sleeps
    def unmap(self, first: u64, end: u64, private_too: bool) -> None:
        """Let pages be mapped nowhere, and with `private_too` nor what was made of them by writing to a mapping.

        The end of the file begins a round of its own, in which all pages go: then this one is over.
        """
        if self.mappings.is_empty:
            return
        self.mappings.begin_round()
        while not self.is_ending and not self.mappings.sweep_step(first, end, private_too):
            give_way()

    # Giving back.

    def end_step(self) -> bool:
        """A step of the end of the pages of a file that is dead and is referred to. Whether all are given back.

        Those that map it find nothing there from the first step on (SIGBUS).
        """
        if not self.is_ending:
            self.is_ending = True
            self.size = 0
            self.origin = None
            self.extent_pages = 0
            self.mappings.begin_round()
        return self.mappings.sweep_step(0, PAGES_MAX, True) and self.release(0, PAGES_MAX)

    def release(self, first: u64, end: u64) -> bool:
        """Release own frames of the pages from `first` to before `end`. Whether all are released."""
        budget = local(Budget)
        return self.own.release(first, end, budget)

    @sleeps
    def count_hiding(self) -> None:
        """Count anew what own pages stand before pages of layers below."""
        self.own_hiding = 0
        below = pages_below(self)
        index: u64 = 0
        while index < below:
            budget = local(Budget)
            index = self.own.next_used(index, below, budget)
            if index < below and not budget.is_spent:
                if self.frame_below(index) != HOLE:
                    self.own_hiding += 1
                index += 1
            give_way()

    def forget(self, index: u64) -> None:
        """Give back the own frame of page `index`."""
        frame = self.own.at(index)
        self.own.clear(index)
        frames.release(frame)
        if self.own_hiding > 0 and self.frame_below(index) != HOLE:
            self.own_hiding -= 1

    def give_up(self) -> None:
        """The file is gone, and this with it: at once if it is small, else in steps (`release_dying`)."""
        inode = self.inode
        if self.link.linked and inode is not None:
            inode.fs.forget_reclaimable(self)
        self.inode = None
        self.origin = None
        self.extent_pages = 0
        self.size = 0
        if self.own.count <= SMALL and self.release(0, PAGES_MAX):
            free(self)
        else:
            DYING.contents.push_last(self)
            request_attention()


@struct
class Dying:
    """What is left of files that are gone and were large."""

    contents: List[Content] = inline(List(Content.link))

    def release_step(self) -> bool:
        """Give back some of it. Whether there was anything."""
        content = self.contents.first
        if content is None:
            return False
        if content.release(0, PAGES_MAX):
            self.contents.remove(content)
            free(content)
        return True


DYING = Dying()


@sleeps
def release_dying() -> None:
    """Give back all of it, and let others run meanwhile."""
    while DYING.release_step():
        give_way()


def pages_of(size: u64) -> u64:
    """How many pages hold `size` bytes."""
    return size // PAGE + (1 if size % PAGE != 0 else 0)


def pages_below(content: Content) -> u64:
    """Up to which page something may show that is not the file's own."""
    below = content.extent_pages
    if content.origin is not None:
        below = max(below, pages_of(content.origin_size))
    return below
