"""Inode: a file, directory, symbolic link or device of a file system in memory.

Interface: it is the `FileOps` of regular files and directories; `lookup` finds a name in a directory; `hold`
and `drop` count references from open files and processes. Making and removing names is in tree.py.

An inode may have an `origin`, the inode in the layer below that it stands for. It begins with the attributes
of the origin and shows its contents, entries and target until these are changed here; the origin never is.

Invariants
- An inode lives as long as it has a name or a reference; then its frames and objects are given back.
- When its file system ends, what is still referred to becomes a dead inode: it has no contents, entries or names, and
  whatever is asked of it is EIO, or ENOENT for a name (README.md, "Life and death").
- `origin` is held, so what was removed from the layer below stays as long as it shows through.
- `parent` is set on directories that have a name; `entry` is the newest of the names, from which the older ones are
  chained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import (
    Array,
    Fallible,
    Interface,
    MutableSlice,
    Slice,
    UserAddr,
    array,
    copy,
    i64,
    inline,
    local,
    sleeps,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EACCES, EINVAL, EIO, EISDIR, ENOENT, ENOTDIR, ENOTTY
from kernel.base.list import Link
from kernel.base.writer import Writer
from kernel.files.attributes import Attributes, Kind
from kernel.files.content import Content
from kernel.files.directory import Directory, DirectoryEntry, free_entry, new_entry
from kernel.files.file import ALWAYS_READY, Events, FileOps, OpenFile
from kernel.files.name_chain import chain_name
from kernel.files.seals import Seals, check_size, check_write
from kernel.machine.clock import wall_time
from kernel.sched.mutex import Mutex

if TYPE_CHECKING:
    from kernel.files.extended import ExtendedAttributes
    from kernel.files.fifo import Fifo
    from kernel.files.lease import Lease
    from kernel.files.notice import Notice
    from kernel.files.ramfs import RamFs
    from kernel.files.watch import LostName, Watch

TARGET_MAX = 256
"""The longest target of a symbolic link that is kept in a `LinkTarget`; longer ones take a page."""


class View(Interface):
    """Text that the kernel makes when it is read: the files and links of /proc."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        """Write the whole text of `inode`; the writer keeps the part that is wanted."""
        ...


class TextReceiver(Interface):
    """Who takes the text that a program writes to a file of /proc."""

    def receive(self, inode: Inode, text: Slice[u8]) -> Fallible[None]:
        """Take the text of one write(2)."""
        ...


class Population(Interface):
    """Who makes the entries of a directory when they are asked for: the folders of /proc that change by themselves."""

    def populate(self, directory: Inode, name: Slice[u8]) -> Fallible[None]:
        """Bring the entry `name` up to date, or with an empty name all entries."""
        ...


@struct
class Destination:
    """Where a link of the kernel's leads: a file of a file system, or one that is open and in none."""

    inode: Inode | None = None
    opened: OpenFile | None = None


class MagicLink(Interface):
    """Where a link leads, whatever its text says (proc(5), /proc/pid/fd)."""

    def follow(self, link: Inode, destination: Destination) -> Fallible[None]:
        """Set one of the fields of `destination`, lent; neither, to go by the text."""
        ...


@struct
class LinkTarget:
    """Where a symbolic link points."""

    length: u64 = 0
    text: Array[u8] = array(TARGET_MAX)


@struct
class Inode(FileOps):
    """One file of a `RamFs`."""

    fs: RamFs = uninitialised()
    fs_link: Link[Inode] = inline()
    described: Attributes = inline()
    references: u64 = 0
    names: u64 = 0
    is_linkable: bool = False
    """It never had a name, and may get one (open(2), O_TMPFILE)."""
    origin: Inode | None = None
    parent: Inode | None = None
    entry: DirectoryEntry | None = None
    entries: Directory | None = None
    content: Content | None = None
    write_lock: Mutex = inline()
    """Held by what changes the contents: a write of many pages is not mixed with another (i_rwsem of Linux)."""
    target: LinkTarget | None = None
    extended: ExtendedAttributes | None = None
    has_capability: bool = False
    """Whether one of its extended attributes, or of those below, gives capabilities to who executes it."""
    watches: Watch | None = None
    """Who wants to know what happens to it (watch.py)."""
    notices: Notice | None = None
    """Which open files tell by a signal what happens in it (notice.py)."""
    leases: Lease | None = None
    lost_name: LostName | None = None
    """Its last name, where somebody watched the directory when it was removed (watch.py)."""
    lost_below: LostName | None = None
    """The first of such names that were in this directory."""
    writers: u32 = 0
    """How many open files may write to it; `readers`: only read it; `executions`: how many programs it is
    (execution.py)."""
    readers: u32 = 0
    executions: u32 = 0
    is_memory: bool = False
    """Made by memfd_create(2), with its name in `target`."""
    seals: Seals = Seals.SEAL
    device: FileOps | None = None
    fifo: Fifo | None = None
    """While a FIFO is open: what its ends share (fifo.py)."""
    view: View | None = None
    receiver: TextReceiver | None = None
    population: Population | None = None
    magic: MagicLink | None = None
    subject: u64 = 0
    """What `view`, `population` and `magic` are about: the number of a process, and the descriptor."""

    # Life.

    def hold(self) -> None:
        """One more reference."""
        self.references += 1

    def drop(self) -> None:
        """One reference less; frees the inode, and so perhaps its origin, when nothing else keeps it."""
        inode: Inode | None = self
        while inode is not None:
            inode.references -= 1
            inode = inode.fs.free_if_unused(inode)

    @property
    def is_dead(self) -> bool:
        """Whether its file system has ended."""
        return self.fs.has_ended

    def check_alive(self) -> Fallible[None]:
        """EIO once its file system has ended."""
        if self.fs.has_ended:
            raise EIO

    def die(self, dead: RamFs) -> None:
        """Its file system ends while it is referred to: be one of `dead`, with nothing behind it."""
        self.fs = dead
        self.parent = None
        self.origin = None
        self.device = None
        self.view = None
        self.receiver = None
        self.population = None
        self.magic = None
        self.described.links = 0
        self.described.size = 0

    # FileOps.

    def read(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        self.check_alive()
        if self.described.is_directory:
            raise EISDIR
        view = self.view
        if view is not None:
            return read_view(self, view, offset, destination)
        content = self.content
        if content is None:
            raise EINVAL
        self.described.note_access()
        return content.read(offset, destination)

    def write(self, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
        self.check_alive()
        receiver = self.receiver
        if receiver is not None:
            receiver.receive(self, source)
            return u64(len(source))
        if self.view is not None:
            raise EIO  # as proc_reg_write() has it
        content = self.content
        if content is None:
            raise EINVAL
        check_write(self, offset + len(source))
        done = content.write(offset, source)
        self.described.size = content.size
        self.described.touch(wall_time())
        return done

    def attributes(self) -> Attributes:
        return self.described

    def is_seekable(self) -> bool:
        return True

    def readiness(self) -> Events:
        return ALWAYS_READY

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        raise ENOTTY

    def closed(self) -> None:
        """The open file drops its inode itself."""

    def revoked(self) -> None:
        """An inode belongs to its file system, and ends with that."""

    # Contents.

    def check_resize(self, size: u64) -> Fallible[Content]:
        """The contents, if the file may become `size` bytes long.

        EISDIR, EINVAL for what has no contents, EPERM for what is sealed, EIO.
        """
        self.check_alive()
        if self.described.is_directory:
            raise EISDIR
        content = self.content
        if content is None:
            raise EINVAL
        check_size(self, size)
        return content

    @sleeps
    def set_size(self, size: u64) -> Fallible[None]:
        """Make a regular file `size` bytes long. `write_lock` is held. As `check_resize`, EFBIG, ENOMEM."""
        self.check_resize(size).truncate(size)
        self.described.size = size
        self.described.touch(wall_time())

    def pager(self) -> Fallible[Content]:
        """What serves the pages of a mapping of this file; EACCES unless it is a regular file (mmap(2)), EIO."""
        self.check_alive()
        content = self.content
        if content is None:
            raise EACCES
        return content

    def read_target(self, destination: MutableSlice[u8]) -> Fallible[u64]:
        """The target of a symbolic link, cut off at the length of `destination`; EINVAL for other files."""
        inode = self
        while True:
            view = inode.view
            if view is not None and inode.described.is_symlink:
                return read_view(inode, view, 0, destination)
            content = inode.content
            if content is not None and inode.described.is_symlink:
                return content.read(0, destination)
            target = inode.target
            if target is not None:
                length = min(target.length, u64(len(destination)))
                copy(destination[0:length], target.text[0:length])
                return length
            origin = inode.origin
            if origin is None:
                raise EINVAL
            inode = origin

    # Names.

    def lookup(self, name: Slice[u8]) -> Fallible[Inode]:
        """The inode called `name` in this directory. The reference is lent.

        An entry of a layer below is given an inode and an entry of its own here, so that it can be changed.
        """
        if self.fs.has_ended:
            raise ENOENT
        entries = self.entries
        if entries is None:
            raise ENOTDIR
        self.populate(name)
        own = entries.find(name)
        if own is not None:
            inode = own.inode
            if inode is None:
                raise ENOENT
            return inode
        below = self.find_below(name)
        if below is None:
            raise ENOENT
        return self.fs.shadow(self, name, below)

    def populate(self, name: Slice[u8]) -> Fallible[None]:
        """Let who makes the entries of this directory, if anybody does, bring `name` up to date: all if it is empty."""
        population = self.population
        if population is not None:
            population.populate(self, name)

    def find_below(self, name: Slice[u8]) -> Inode | None:
        """What the layers below show under `name`; None if nothing."""
        level = self.origin
        while level is not None:
            entries = level.entries
            assert entries is not None, "the origin of a directory is a directory"
            entry = entries.find(name)
            if entry is not None:
                return entry.inode
            level = level.origin
        return None

    def add(self, name: Slice[u8], inode: Inode) -> Fallible[None]:
        """Let `name`, which this directory does not show, name `inode` here."""
        entries = self.entries
        if entries is None:
            raise ENOTDIR
        entry = entries.find(name)
        if entry is None:
            entry = new_entry(self.fs.account.heap, self, name, inode)
            entries.insert(entry)
        else:
            entries.renew(entry, inode)
        self.count_name(entry, inode)

    def name_by(self, entry: DirectoryEntry, inode: Inode) -> None:
        """Let `entry` of this directory name `inode`."""
        entries = self.entries
        assert entries is not None, "entries are in directories"
        entries.renew(entry, inode)
        self.count_name(entry, inode)

    def count_name(self, entry: DirectoryEntry, inode: Inode) -> None:
        """`entry` of this directory names `inode` from now on."""
        inode.names += 1
        chain_name(inode, entry)
        if inode.described.kind == Kind.DIRECTORY:
            inode.parent = self

    def name_over(self, entry: DirectoryEntry, inode: Inode) -> None:
        """Let `entry` of this directory name `inode` instead of what it names, which may be freed."""
        replaced = entry.inode
        assert replaced is not None, "the name is in use"
        replaced.hold()
        self.fs.forget_name(replaced, entry)
        self.name_by(entry, inode)
        replaced.drop()

    def remove(self, entry: DirectoryEntry) -> None:
        """Take the name `entry` out of this directory; what it named is freed unless something else keeps it.

        Where the layer below shows the name, the entry stays as a whiteout.
        """
        entries = self.entries
        inode = entry.inode
        assert entries is not None and inode is not None, "the name is in use"
        if self.find_below(entry.name) is not None:
            entries.renew(entry, None)
            self.fs.forget_name(inode, entry)
        else:
            entries.remove(entry)
            self.fs.forget_name(inode, entry)
            free_entry(entry)


def read_view(inode: Inode, view: View, offset: u64, destination: MutableSlice[u8]) -> Fallible[u64]:
    """The part of a made text that begins at `offset`."""
    writer = local(Writer)
    writer.buffer = destination
    writer.skip = offset
    view.produce(inode, writer)
    return writer.length
