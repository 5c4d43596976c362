"""Epoll: a list of files that is asked as a whole which of them are ready (epoll(7)).

Interface: `open_epoll`; `Epoll.add` `change` `get`, and `collect` for epoll_wait(2).

Invariants
- An interest is on the list of its epoll and on that of the open file that it is in, which takes it off when it is
  closed for good; so an interest never keeps a file open.
- Epolls watch epolls to a depth of five (epoll_nesting.py), so asking one for its readiness is bounded.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    Fallible,
    MutableSlice,
    Slice,
    array,
    bounded,
    field_offset,
    i32,
    inline,
    store,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EEXIST, EINVAL, ENOENT, EPERM
from kernel.base.list import Link, List
from kernel.base.tree import Tree, TreeNode
from kernel.base.writer import Writer
from kernel.files.anonymous import describe, open_anonymous
from kernel.files.attributes import Attributes
from kernel.files.epoll_changes import changes_of
from kernel.files.epoll_key import key_of
from kernel.files.eventfd import EventCounter
from kernel.files.fifo import FifoEnd
from kernel.files.file import FileOwner, OpenFile
from kernel.files.operations import Events, FileOps
from kernel.files.pipe_ends import PipeReader, PipeWriter
from kernel.files.poll import ALL_SOURCES, OTHERS, readiness_changed
from kernel.memory.heap import free, owner_of

EVENT_BITS: u32 = 0x23FF
"""The events that there are: those of poll(2)."""
ALWAYS_TOLD: u32 = 0x18
"""EPOLLERR and EPOLLHUP."""
EXCLUSIVE: u32 = 1 << 28
ONE_SHOT: u32 = 1 << 30
EDGE: u32 = 1 << 31
"""EPOLLEXCLUSIVE, EPOLLONESHOT and EPOLLET (epoll_ctl(2)); EPOLLWAKEUP changes nothing."""
EXCLUSIVE_WITH: u32 = 0xB000_001D
"""What may be asked for with EPOLLEXCLUSIVE: in, out, error, hang-up, EPOLLWAKEUP, EPOLLET."""
RECORD: u64 = 12
"""The size of a struct epoll_event, which is packed on x86-64: the events, and 8 bytes of the program's."""
BATCH: u64 = 32
"""How many events are collected before they are told; one wait tells of as many as there are."""
LOOKS: u64 = 512
"""How many interests are looked at before others may run."""


@struct
class Interest:
    """What one epoll wants to know of one descriptor."""

    epoll: Epoll = uninitialised()
    file: OpenFile = uninitialised()
    fd: i32 = 0
    events: u32 = 0
    data: u64 = 0
    told: u64 = 0
    """EPOLLET: how often the file had changed when it was last told of."""
    is_fresh: bool = True
    """EPOLLET: it was not told of since it was set."""
    is_spent: bool = False
    """EPOLLONESHOT: it was told of, and has to be set again."""
    is_offered: bool = True
    """EPOLLEXCLUSIVE: an event was for this epoll, and the file is ready since. Others are told of all events."""
    looked: u64 = 0
    """EPOLLEXCLUSIVE: how often the file had changed when this epoll last looked."""
    round: u64 = 0
    """The round of `collect` in which it was looked at last."""
    node: TreeNode[Interest] = inline()
    epoll_link: Link[Interest] = inline()
    file_link: Link[Interest] = inline()
    nested_link: Link[Interest] = inline()
    """If the file is an epoll itself, among those."""

    def set(self, events: u32, data: u64) -> None:
        """Want `events` from now on, and answer with `data`."""
        self.events = events
        self.data = data
        self.is_fresh = True
        self.is_spent = False

    def changes(self) -> u64:
        """A number that is another one after each event at the file that is asked for."""
        return changes_of(self.file.ops, self.events)

    def all_changes(self) -> u64:
        """EPOLLEXCLUSIVE: `changes` as all those count who have interest in the file, whatever they ask for."""
        return changes_of(self.file.ops, EVENT_BITS)

    @bounded(6)
    def found(self) -> u32:
        """The events to tell of now, whoever is to be told of them."""
        if self.is_spent:
            return 0
        if self.events & EDGE != 0 and not self.is_fresh and self.changes() == self.told:
            return 0
        return u32(self.file.ops.readiness()) & (self.events | ALWAYS_TOLD) & EVENT_BITS

    @bounded(6)
    def peek(self) -> bool:
        """Whether a wait would tell of it."""
        if self.found() == 0:
            return False
        return self.events & EXCLUSIVE == 0 or self.is_offered or self.is_offered_anew()

    def is_offered_anew(self) -> bool:
        """EPOLLEXCLUSIVE: whether there was an event since this epoll last looked for which no thread had waited."""
        changes = self.all_changes()
        return self.looked != changes and self.file.exclusive_taken < changes

    def take_offer(self, was_asleep: bool) -> bool:
        """EPOLLEXCLUSIVE, and the file is ready: whether this epoll is the one to tell of it.

        An event wakes one thread of those that wait for the file; where none waits, every epoll may tell of it.
        """
        if was_asleep:
            if not self.is_offered and self.file.exclusive_taken < self.all_changes():
                self.file.exclusive_taken += 1
                self.is_offered = True
        elif self.is_offered_anew():
            self.is_offered = True
        self.looked = self.all_changes()
        return self.is_offered

    def note_idle(self) -> None:
        """EPOLLEXCLUSIVE, and the file is not ready: what was offered is over."""
        self.is_offered = False
        self.looked = self.all_changes()
        self.file.exclusive_taken = max(self.file.exclusive_taken, self.looked)

    def note_told(self) -> None:
        """The program is told of it."""
        self.is_fresh = False
        self.is_spent = self.events & ONE_SHOT != 0
        if self.events & EDGE != 0:
            self.told = self.changes()
            self.is_offered = False

    def note_untold(self) -> None:
        """The program could not be told of it."""
        self.is_fresh = True
        self.is_spent = False
        self.is_offered = True

    def write_details(self, writer: Writer) -> None:
        """What /proc/PID/fdinfo shows of it."""
        inode = self.file.inode
        about = self.file.ops.attributes() if inode is None else inode.described
        writer.text(b"tfd: ")
        writer.padded(u64(self.fd), 10, 8)
        writer.text(b" events: ")
        writer.padded(u64(self.events | ALWAYS_TOLD), 16, 8)
        writer.text(b" data: ")
        writer.padded(self.data, 16, 16)
        writer(f"  pos:{self.file.position} ino:{about.number:x} sdev:{about.file_system:x}\n")

    def drop(self) -> None:
        """Take it off both lists and free it: it was removed, or one of the two files is closed."""
        self.epoll.remove(self)
        self.file.watchers.remove(self)
        if self.events & EXCLUSIVE != 0:
            self.file.exclusive_watchers -= 1
        free(self)


def sources_of(file: OpenFile) -> u64:
    """Where changes of a file's readiness come from (poll.py)."""
    ops = file.ops
    if isinstance(ops, PipeReader):
        return ops.pipe.source
    if isinstance(ops, PipeWriter):
        return ops.pipe.source
    if isinstance(ops, EventCounter):
        return ops.source
    if isinstance(ops, FifoEnd):
        return ops.fifo.pipe.source | OTHERS
    if isinstance(ops, Epoll):
        return ALL_SOURCES
    return file.source


@struct
class Batch:
    """Events that were collected, to be told: whose they are, for when that fails."""

    count: u64 = 0
    keys: Array[u64] = array(BATCH)


@struct
class Epoll(FileOps):
    """One list of interests."""

    file: OpenFile | None = None
    interests: List[Interest] = inline(List(Interest.epoll_link))
    """Those that were told of last are at the end, so that with few records all get their turn."""
    by_key: Tree[Interest] = inline(Tree(Interest.node))
    nested: List[Interest] = inline(List(Interest.nested_link))
    """Those in other epolls."""
    sources: u64 = OTHERS
    """Where changes of its readiness come from: its files, and those who change its interests."""
    round: u64 = 0
    check: u64 = 0
    """The last check of nesting that came here, and how many epolls deep it found it (epoll_nesting.py)."""
    depth: u64 = 0
    described: Attributes = inline()

    def find(self, file: OpenFile, fd: i32) -> Interest | None:
        """The interest in `fd` when it refers to `file`."""
        return self.with_key(key_of(file, fd))

    def with_key(self, key: u64) -> Interest | None:
        """The interest with a key."""
        found = self.by_key.at_or_below(key)
        return found if found is not None and found.node.key == key else None

    def get(self, file: OpenFile, fd: i32) -> Fallible[Interest]:
        """`find`, or ENOENT."""
        interest = self.find(file, fd)
        if interest is None:
            raise ENOENT
        return interest

    def add(self, file: OpenFile, fd: i32, events: u32, data: u64) -> Fallible[Interest]:
        """EPOLL_CTL_ADD, where nesting is checked. EEXIST, ENOMEM."""
        if self.find(file, fd) is not None:
            raise EEXIST
        interest = owner_of(self).heap.new(Interest)
        interest.epoll = self
        interest.file = file
        interest.fd = fd
        interest.set(events, data)
        self.interests.push_last(interest)
        self.by_key.insert(interest, key_of(file, fd))
        self.sources |= sources_of(file)
        file.watchers.offset = field_offset(Interest.file_link)
        file.watchers.push_last(interest)
        if isinstance(file.ops, Epoll):
            self.nested.push_last(interest)
        if events & EXCLUSIVE != 0:
            if file.exclusive_watchers == 0:
                file.exclusive_taken = interest.all_changes()
            file.exclusive_watchers += 1
        return interest

    def remove(self, interest: Interest) -> None:
        """Take an interest off the lists of the epoll."""
        self.interests.remove(interest)
        self.by_key.remove(interest)
        if self.nested.contains_link(interest):
            self.nested.remove(interest)
        if self.interests.is_empty:
            self.sources = OTHERS

    def change(self, file: OpenFile, fd: i32, events: u32, data: u64) -> Fallible[None]:
        """EPOLL_CTL_MOD. ENOENT; EINVAL for an interest with EPOLLEXCLUSIVE."""
        interest = self.get(file, fd)
        if interest.events & EXCLUSIVE != 0:
            raise EINVAL
        interest.set(events, data)
        readiness_changed()

    # Telling.

    def begin_round(self) -> u64:
        """Begin to look at all interests once; returns the number of the round."""
        self.round += 1
        return self.round

    def collect(self, round: u64, was_asleep: bool, records: MutableSlice[u8], batch: Batch) -> bool:
        """Write the events of ready files to `records`, up to its end, and note in `batch` whose they are.

        Looks only at interests that were not looked at in `round`, and at LOOKS of them; whether some may be left.
        """
        batch.count = 0
        room = min(u64(len(records)) // RECORD, BATCH)
        for _ in range(LOOKS):
            interest = self.interests.first
            if interest is None or interest.round == round:
                return False
            if batch.count == room:
                return True
            interest.round = round
            self.interests.remove(interest)
            self.interests.push_last(interest)
            events = interest.found()
            if interest.events & EXCLUSIVE != 0:
                if events == 0:
                    interest.note_idle()
                elif not interest.take_offer(was_asleep):
                    continue
            if events != 0:
                interest.note_told()
                store(u32, records, batch.count * RECORD, events)
                store(u64, records, batch.count * RECORD + 4, interest.data)
                batch.keys[batch.count] = interest.node.key
                batch.count += 1
        return True

    def take_back(self, batch: Batch) -> None:
        """The events of `batch` could not be told: they are told of again."""
        for index in range(batch.count):
            interest = self.with_key(batch.keys[index])
            if interest is not None:
                interest.note_untold()

    # FileOps.

    def title(self) -> Slice[u8]:
        return b"[eventpoll]"

    def write_details(self, writer: Writer, start: u64) -> u64:
        interest = self.by_key.at_or_above(start)
        if interest is None:
            return 0
        interest.write_details(writer)
        return interest.node.key + 1

    def attributes(self) -> Attributes:
        return self.described

    def readiness(self) -> Events:
        for interest in self.interests:
            if interest.peek():
                return Events.INPUT | Events.READ_NORMAL
        return Events.NONE

    def closed(self) -> None:
        self.drop_interests()
        free(self)

    def revoked(self) -> None:
        self.drop_interests()

    def drop_interests(self) -> None:
        """Have no interest in any file."""
        while True:
            interest = self.interests.first
            if interest is None:
                break
            interest.drop()


def check_file(file: OpenFile) -> Fallible[None]:
    """EPERM for files that nobody has to wait for: regular ones, directories and some devices (epoll_ctl(2))."""
    inode = file.inode
    if inode is not None and (inode.described.is_regular or inode.described.is_directory):
        raise EPERM
    if not file.ops.is_pollable():
        raise EPERM


def check_exclusive(file: OpenFile, events: u32) -> Fallible[None]:
    """EINVAL for what does not go with EPOLLEXCLUSIVE, if that is among `events`: other flags, and epolls."""
    if events & EXCLUSIVE != 0 and (events & EXCLUSIVE_WITH != events or isinstance(file.ops, Epoll)):
        raise EINVAL


def open_epoll(owner: FileOwner) -> Fallible[OpenFile]:
    """An epoll without interests, charged to `owner`, as an open file with one reference."""
    epoll = owner.account.heap.new(Epoll)
    describe(epoll.described)
    file = open_anonymous(owner, epoll, False)
    epoll.file = file
    return file
