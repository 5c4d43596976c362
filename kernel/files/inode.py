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
    Fallible,
    MutableSlice,
    Slice,
    copy,
    hot,
    inline,
    local,
    sleeps,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EACCES, EINVAL, EIO, EISDIR, ENODEV, ENOENT, ENOTDIR, ESRCH
from kernel.base.list import Link
from kernel.base.writer import Writer
from kernel.files.attributes import Access, Attributes, Kind
from kernel.files.content import Content
from kernel.files.content_transfer import read_content, read_to_kernel, write_content
from kernel.files.directory import Directory, DirectoryEntry, free_entry, new_entry
from kernel.files.link_target import LinkTarget
from kernel.files.made import Guard
from kernel.files.mount_kind import MountKind
from kernel.files.name_chain import chain_name
from kernel.files.operations import ALWAYS_READY, Events, FileOps
from kernel.files.seals import Seals, check_size, check_write
from kernel.machine.clock import wall_time
from kernel.memory.buffer import Buffer
from kernel.sched.mutex import Mutex

if TYPE_CHECKING:
    from kernel.files.credentials import Credentials
    from kernel.files.extended import ExtendedAttributes
    from kernel.files.fifo import Fifo
    from kernel.files.lease import Lease
    from kernel.files.made import MadeFile, MadeLink, Population, Subject
    from kernel.files.notice import Notice
    from kernel.files.ramfs import RamFs
    from kernel.files.watch import LostName, Watch

ABOUT_THREAD_BITS: u64 = 24
ABOUT_THREAD: u64 = 0xFF_FFFF
"""The part of `Inode.about` that is the number of a thread, which has 22 bits."""
ABOUT_SHIFT: u64 = 16
"""Inodes that the kernel makes have numbers of so many bits in the layer that all containers share."""


@struct
class Inode(FileOps):
    """One file of a `RamFs`."""

    fs: RamFs = uninitialised()
    fs_link: Link[Inode] = inline()
    described: Attributes = inline()
    references: u64 = 0
    names: u64 = 0
    is_linkable: bool = False  # it never had a name, and may get one (open(2), O_TMPFILE)
    origin: Inode | None = None
    parent: Inode | None = None
    entry: DirectoryEntry | None = None
    former: DirectoryEntry | None = None
    """The entry of a name that it lost while it was referred to; it is in no directory, and holds the one it was in."""
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
    lease_count: u32 = 0
    notice_count: u32 = 0
    lost_name: LostName | None = None
    """Its last name, where somebody watched the directory when it was removed (watch.py)."""
    lost_below: LostName | None = None
    """The first of such names that were in this directory."""
    writers: u32 = 0
    """How many open files may write to it; `readers`: only read it; `executions`: how many programs it is
    (execution.py)."""
    readers: u32 = 0
    executions: u32 = 0
    is_left_writable: bool = False  # with all below it, though its file system is read-only (read_only.py)
    is_memory: bool = False
    """Made by memfd_create(2), with its name in `target`."""
    seals: Seals = Seals.SEAL
    fifo: Fifo | None = None
    """While a FIFO is open: what its ends share (fifo.py)."""
    mounted: MountKind = MountKind.ROOT
    """The kind of file system that is mounted here (mounts.py); ROOT: none is."""
    made: MadeFile | None = None
    made_link: MadeLink | None = None
    population: Population | None = None
    subject: Subject | None = None
    guard: Guard = Guard.NONE
    about: u64 = 0
    """Which part of `subject`: the number of a thread, and of a descriptor (kernel/views/subject.py)."""

    # Life.

    def hold(self) -> None:
        """One more reference."""
        self.references += 1

    def drop(self) -> None:
        """One reference less; frees the inode when nothing else keeps it, and so perhaps its origin, and the directory
        that it was in.
        """
        unused = self.release(None)
        while unused is not None:
            inode = unused
            unused = inode.parent
            origin = inode.origin
            former = inode.former
            if former is not None:
                unused = former.directory.release(unused)
                free_entry(former)
            inode.fs.free_inode(inode)
            if origin is not None:
                unused = origin.release(unused)

    def release(self, unused: Inode | None) -> Inode | None:
        """One reference less; returns the chain `unused` of inodes that are to be freed, linked by `parent`, with this
        one before it if nothing keeps it.
        """
        inode = self
        while True:
            inode.references -= 1
            if inode.references > 0:
                return unused
            if inode.names == 0:
                inode.parent = unused
                return inode
            former = inode.former
            if former is None:
                return unused
            inode.former = None
            inode = former.directory
            free_entry(former)

    def forget_former(self) -> None:
        """It has got a name, or is found by one: that which it lost is of no interest any more."""
        former = self.former
        if former is not None:
            self.former = None
            directory = former.directory
            free_entry(former)
            directory.drop()

    @property
    def is_dead(self) -> bool:
        """Whether its file system has ended."""
        return self.fs.has_ended

    def check_alive(self) -> Fallible[None]:
        """EIO once its file system has ended."""
        if self.fs.has_ended:
            raise EIO

    def permits(self, credentials: Credentials, wanted: Access) -> bool:
        """Whether the running thread, with `credentials`, may do all of `wanted`."""
        subject = self.subject
        if subject is not None:
            return subject.permits(self, credentials, wanted)
        return self.described.permits(credentials, wanted)

    def check(self, credentials: Credentials, wanted: Access) -> Fallible[None]:
        """EACCES unless the running thread, with `credentials`, may do all of `wanted`."""
        if not self.permits(credentials, wanted):
            raise EACCES

    def describe(self) -> None:
        """Bring the attributes of what the kernel makes up to date."""
        population = self.population
        if population is not None:
            population.describe(self)
        subject = self.subject
        if subject is not None:
            subject.describe(self)

    def be_about(self, subject: Subject | None, about: u64) -> None:
        """Be what the kernel makes of this part of `subject`, which it does not change any more."""
        if subject is not None:
            subject.hold()
        self.subject = subject
        self.about = about

    def number_of(self, below: Inode) -> u64:
        """The inode number of what shows `below`, of the layer below, in this directory.

        What is about different threads shows the same inodes of one layer below.
        """
        return (self.about & ABOUT_THREAD) << ABOUT_SHIFT | below.described.number

    def die(self, dead: RamFs) -> None:
        """Its file system ends while it is referred to: be one of `dead`, with nothing behind it."""
        self.fs = dead
        self.parent = None
        self.origin = None
        self.mounted = MountKind.ROOT
        self.made = None
        self.made_link = None
        self.population = None
        self.described.links = 0
        self.described.size = 0

    # FileOps.

    @hot
    def read(self, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
        self.check_alive()
        if self.described.is_directory:
            raise EISDIR
        content = self.content
        if content is None:
            raise EINVAL
        self.described.note_access()
        return read_content(content, offset, buffer)

    @hot
    def write(self, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
        self.check_alive()
        content = self.content
        if content is None:
            raise EINVAL
        check_write(self, offset + buffer.left)
        done = write_content(content, offset, buffer)
        self.described.size = content.size
        self.described.touch(wall_time())
        return done

    def attributes(self) -> Attributes:
        return self.described

    def is_seekable(self) -> bool:
        return True

    def readiness(self) -> Events:
        return ALWAYS_READY

    # Contents.

    def check_resize(self, size: u64) -> Fallible[None]:
        """Whether the file may become `size` bytes long. EISDIR, EINVAL for what has no contents, EPERM for what is
        sealed, EIO.
        """
        self.check_alive()
        if self.described.is_directory:
            raise EISDIR
        if self.made is not None:
            return
        if self.content is None:
            raise EINVAL
        check_size(self, size)

    @sleeps
    def set_size(self, size: u64) -> Fallible[None]:
        """Make a regular file `size` bytes long; `write_lock` is held. As `check_resize`, EFBIG, ENOMEM."""
        self.check_resize(size)
        content = self.content
        if content is None or self.made is not None:
            return
        content.truncate(size)
        self.described.size = size
        self.described.touch(wall_time())

    def pager(self) -> Fallible[Content]:
        """What serves the pages of a mapping of this file; EACCES unless it is a regular file (mmap(2)), ENODEV where
        the kernel makes the contents, EIO.
        """
        self.check_alive()
        if self.made is not None:
            raise ENODEV
        content = self.content
        if content is None:
            raise EACCES
        return content

    def read_target(self, destination: MutableSlice[u8]) -> Fallible[u64]:
        """The target of a symbolic link, cut off at the length of `destination`; EINVAL for other files."""
        inode = self
        while True:
            made = inode.made_link
            if made is not None and inode.described.is_symlink:
                writer = local(Writer)
                writer.buffer = destination
                made.read(inode, writer)
                return writer.length
            content = inode.content
            if content is not None and inode.described.is_symlink:
                return read_to_kernel(content, 0, destination)
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
        if self.subject is not None and self.described.links == 0:
            raise ESRCH
        if self.fs.has_ended or self.described.links == 0:
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
            inode.forget_former()
            return inode
        below = self.find_below(name)
        if below is None:
            raise ENOENT
        return self.fs.shadow(self, name, below)

    def populate(self, name: Slice[u8]) -> Fallible[None]:
        """Let who makes the entries of this directory, if anybody does, bring `name` up to date."""
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
        inode.forget_former()
        inode.names += 1
        chain_name(inode, entry)
        if inode.described.kind == Kind.DIRECTORY:
            inode.parent = self
