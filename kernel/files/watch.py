"""Watches: who wants to know what happens to a file, and the events that wait to be read (inotify(7)).

Interface: whoever does something to a file calls `notify` (the file, and the directory that it is in), `notify_self` or
`notify_entry` (a name in a directory). inotify.py makes the queue an open file.

Invariants
- A watch is on the list of its queue and on the chain of its inode, which it does not keep: when the inode goes, so
  does the watch.
- Queues and all in them are charged to the container that made them, and counted for the user who did. An event that
  finds no room, or no memory, is told as an overflow.
- A file that loses its last name while it is open and its directory is watched remembers that name: what happens to it
  is told of there, too, but to those who do not want it (IN_EXCL_UNLINK).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntFlag
from typing import TYPE_CHECKING

from codegen.lang import (
    Array,
    Fallible,
    MutableSlice,
    Slice,
    array,
    copy,
    i32,
    inline,
    noinline,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
    width,
    wrapping_add,
)
from kernel.base.errno import ENOMEM, ENOSPC
from kernel.base.list import Link, List
from kernel.base.tree import Tree, TreeNode
from kernel.files.flags import NAME_MAX
from kernel.files.notice import WATCHING, NoticeFlags, happened, tell_notices
from kernel.files.poll import readiness_changed
from kernel.files.route import Band
from kernel.files.user_counts import WATCHES_MAX, UserCounts
from kernel.memory.heap import free, owner_of
from kernel.sched.wait import WaitQueue

if TYPE_CHECKING:
    from kernel.files.directory import DirectoryEntry
    from kernel.files.inode import Inode
    from kernel.files.signalled import SignalledFiles

EVENTS_MAX: u64 = 16_384
"""How many events a queue keeps (/proc/sys/fs/inotify/max_queued_events)."""


NUMBER_MAX: i32 = 0x7FFF_FFFF
"""The highest number of a watch."""


@width(u32)
class Happening(IntFlag):
    """IN_*: what happened to a file (inotify.h)."""

    NONE = 0
    ACCESS = 0x1
    MODIFY = 0x2
    ATTRIBUTES = 0x4
    CLOSE_WRITE = 0x8
    CLOSE_NO_WRITE = 0x10
    OPEN = 0x20
    MOVED_FROM = 0x40
    MOVED_TO = 0x80
    CREATE = 0x100
    DELETE = 0x200
    DELETE_SELF = 0x400
    MOVE_SELF = 0x800
    OVERFLOW = 0x4000
    IGNORED = 0x8000
    """The watch is gone."""
    EXCLUDE_UNLINKED = 0x0400_0000
    """Of a watch on a directory: files that have lost their name are not told of."""
    ONE_SHOT = 0x8000_0000
    """Of a watch: it ends with the first event."""
    IS_DIRECTORY = 0x4000_0000


ALL_EVENTS: u32 = 0xFFF


@struct
class FileEvent:
    """One event that was not read yet."""

    link: Link[FileEvent] = inline()
    watch: i32 = 0
    mask: u32 = 0
    cookie: u32 = 0
    name_length: u64 = 0
    name_text: Array[u8] = array(NAME_MAX)

    @property
    def name(self) -> MutableSlice[u8]:
        """The name in the directory that is watched; nothing when the file itself is."""
        return self.name_text[0 : self.name_length]


@struct
class Watch:
    """One file that one queue is interested in."""

    queue: EventQueue = uninitialised()
    node: TreeNode[Watch] = inline()
    inode: Inode = uninitialised()
    next: Watch | None = None
    """On the chain of the inode."""
    number: i32 = 0
    mask: u32 = 0


@struct
class LostName:
    """The last name that a file had, on the chain of the directory, which it does not keep."""

    inode: Inode = uninitialised()
    directory: Inode = uninitialised()
    next: LostName | None = None
    previous: LostName | None = None
    name_length: u64 = 0
    name_text: Array[u8] = array(NAME_MAX)

    @property
    def name(self) -> MutableSlice[u8]:
        """The name in the directory."""
        return self.name_text[0 : self.name_length]


@struct
class EventQueue:
    """The watches of one descriptor, and its events in order."""

    counts: UserCounts = uninitialised()
    """Those of the user who made it, held."""
    watches: Tree[Watch] = inline(Tree(Watch.node))
    """By number."""
    events: List[FileEvent] = inline(List(FileEvent.link))
    has_overflowed: bool = False
    last_number: i32 = 0
    changed: WaitQueue = inline()
    signalled: SignalledFiles | None = None
    """Who is told by a signal that there are events."""

    def find(self, number: i32) -> Watch | None:
        """The watch with a number."""
        if number < 0:
            return None
        found = self.watches.at_or_below(u64(number))
        return found if found is not None and found.number == number else None

    def watch_of(self, inode: Inode) -> Watch | None:
        """The watch on a file."""
        for watch in watches_on(inode):
            if watch.queue is self:
                return watch
        return None

    def take_number(self) -> i32:
        """The next number; after the highest come those that have become free."""
        while True:
            self.last_number = self.last_number + 1 if self.last_number < NUMBER_MAX else 1
            if self.find(self.last_number) is None:
                return self.last_number

    def add(self, inode: Inode, mask: u32) -> Fallible[Watch]:
        """Watch a file that is not watched yet. ENOMEM; ENOSPC when the user has too many watches."""
        if self.counts.watches >= WATCHES_MAX:
            raise ENOSPC
        watch = owner_of(self).heap.new(Watch)
        watch.queue = self
        watch.inode = inode
        watch.number = self.take_number()
        watch.mask = mask
        self.watches.insert(watch, u64(watch.number))
        self.counts.watches += 1
        chain(inode, watch)
        WATCHING.count += 1
        return watch

    def drop(self, watch: Watch) -> None:
        """End a watch, and tell so."""
        number = watch.number
        self.forget(watch)
        self.put(number, Happening.IGNORED, 0, b"")

    def forget(self, watch: Watch) -> None:
        """End a watch."""
        unchain(watch.inode, watch)
        self.watches.remove(watch)
        self.counts.watches -= 1
        WATCHING.count -= 1
        free(watch)

    def put(self, number: i32, mask: Happening, cookie: u32, name: Slice[u8]) -> None:
        """Queue an event, unless it is the same as the last one."""
        last = self.events.last
        if last is not None and last.watch == number and last.mask == u32(mask) and last.name == name:
            return
        try:
            if len(self.events) >= EVENTS_MAX:
                raise ENOMEM
            event = owner_of(self).heap.new(FileEvent)
            event.watch = number
            event.mask = u32(mask)
            event.cookie = cookie
            event.name_length = u64(len(name))
            copy(event.name, name)
            self.events.push_last(event)
        except ENOMEM:
            self.has_overflowed = True
        self.changed.wake_all()
        readiness_changed()
        signalled = self.signalled
        if signalled is not None:
            signalled.tell(Band.INPUT)

    def free_all(self) -> None:
        """End every watch and drop every event."""
        while True:
            watch = self.watches.at_or_above(0)
            if watch is None:
                break
            self.forget(watch)
        while True:
            event = self.events.pop_first()
            if event is None:
                break
            free(event)


# The chain of an inode.


def watches_on(inode: Inode) -> Iterator[Watch]:
    """The watches on a file; the one at hand may end meanwhile."""
    watch = inode.watches
    while watch is not None:
        following = watch.next
        yield watch
        watch = following


def chain(inode: Inode, watch: Watch) -> None:
    """Put a watch at the beginning."""
    watch.next = inode.watches
    inode.watches = watch


def unchain(inode: Inode, watch: Watch) -> None:
    """Take a watch off."""
    if inode.watches is watch:
        inode.watches = watch.next
        return
    for other in watches_on(inode):
        if other.next is watch:
            other.next = watch.next


# What happens.


@inline
def notify(inode: Inode, what: Happening) -> None:
    """Something happened to a file: tell who watches the directory that it is in, and who watches the file."""
    if WATCHING.count != 0:
        tell_all(inode, what)


@noinline
def tell_all(inode: Inode, what: Happening) -> None:
    """`notify`, while somebody watches anything."""
    entry = inode.entry
    if entry is not None:
        tell(entry.directory, inode, what, 0, entry.name)
    lost = inode.lost_name
    if lost is not None:
        tell(lost.directory, inode, what, 0, lost.name, True)
    tell(inode, inode, what, 0, b"")


def notify_self(inode: Inode, what: Happening) -> None:
    """Something happened that concerns only who watches the file."""
    if WATCHING.count != 0:
        tell(inode, inode, what, 0, b"")


def notify_entry(directory: Inode, subject: Inode, what: Happening, name: Slice[u8]) -> None:
    """A name of `subject` in `directory` was made or removed."""
    if WATCHING.count != 0:
        tell(directory, subject, what, 0, name)


def notify_move(old: Inode, old_name: Slice[u8], new: Inode, new_name: Slice[u8], subject: Inode) -> None:
    """`subject` has another name now: the two events have the same cookie."""
    if WATCHING.count == 0:
        return
    WATCHING.cookie = wrapping_add(u32, WATCHING.cookie, 1)
    tell(old, subject, Happening.MOVED_FROM, WATCHING.cookie, old_name)
    tell(new, subject, Happening.MOVED_TO, WATCHING.cookie, new_name)
    if old is new and old.notices is not None:
        tell_notices(old, NoticeFlags.RENAME)


def tell(inode: Inode, subject: Inode, what: Happening, cookie: u32, name: Slice[u8], is_lost: bool = False) -> None:
    """Tell who watches `inode` what happened to `subject`, which may have lost its name there."""
    if inode.notices is not None:
        tell_notices(inode, happened(u32(what)))
    if inode.watches is None:
        return
    told = what
    if subject.described.is_directory and what != Happening.DELETE_SELF and what != Happening.MOVE_SELF:
        told = what | Happening.IS_DIRECTORY
    for watch in watches_on(inode):
        if is_lost and watch.mask & u32(Happening.EXCLUDE_UNLINKED) != 0:
            continue
        if watch.mask & u32(what) != 0:
            queue = watch.queue
            queue.put(watch.number, told, cookie, name)
            if watch.mask & u32(Happening.ONE_SHOT) != 0:
                queue.drop(watch)


def inode_gone(inode: Inode) -> None:
    """A file is freed: who watched it is told, and watches nothing any more."""
    for watch in watches_on(inode):
        if watch.mask & u32(Happening.DELETE_SELF) != 0:
            watch.queue.put(watch.number, Happening.DELETE_SELF, 0, b"")
        watch.queue.drop(watch)


# Names that files have lost.


def note_lost_name(inode: Inode, entry: DirectoryEntry) -> None:
    """The last name of a file was `entry`: remember it if somebody has the file open and the directory is watched.

    Without memory for it the directory hears no more of the file.
    """
    directory = entry.directory
    is_watched = directory.watches is not None or directory.notices is not None
    if inode.references <= 1 or not is_watched or inode.lost_name is not None:
        return
    try:
        lost = owner_of(inode).heap.new(LostName)
    except ENOMEM:
        return
    lost.inode = inode
    lost.directory = directory
    following = directory.lost_below
    lost.next = following
    if following is not None:
        following.previous = lost
    directory.lost_below = lost
    lost.name_length = entry.name_length
    copy(lost.name, entry.name)
    inode.lost_name = lost


def forget_lost_names(inode: Inode) -> None:
    """A file is gone: its name is, and those of files that were in it if it was a directory."""
    lost = inode.lost_name
    if lost is not None:
        forget_lost_name(lost)
    while True:
        below = inode.lost_below
        if below is None:
            break
        forget_lost_name(below)


def forget_lost_name(lost: LostName) -> None:
    """Take a name off the chain of its directory, and free it."""
    lost.inode.lost_name = None
    following, previous = lost.next, lost.previous
    if following is not None:
        following.previous = previous
    if previous is not None:
        previous.next = following
    else:
        lost.directory.lost_below = following
    free(lost)
