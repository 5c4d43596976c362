"""What the file calls share: paths from user memory, descriptors as starting points, structs to user
memory.
"""

from __future__ import annotations

from codegen.lang import (
    Errno,
    Fallible,
    Fd,
    MutableSlice,
    Nanoseconds,
    Slice,
    UserAddr,
    UserSlice,
    copy,
    deferred,
    errno_of,
    i32,
    inline,
    local,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EBADF, EINVAL, ENOENT, ENOTDIR, EOPNOTSUPP, EPERM
from kernel.files.attributes import Access, Attributes
from kernel.files.credentials import Credentials
from kernel.files.file import OpenFile
from kernel.files.flags import AT_FDCWD, PATH_MAX, AtFlags, Resolve
from kernel.files.inode import Inode
from kernel.files.mount_kind import MountKind
from kernel.files.path import SLASH, Lookup, Restrictions, walk
from kernel.files.path_buffer import PATH_BUFFERS, PathBuffer
from kernel.files.read_only import check_changeable
from kernel.files.watch import Happening, notify
from kernel.memory import user
from kernel.sched.thread import Thread

HIGHEST_OFFSET: u64 = 0x7FFF_FFFF_FFFF_FFFF


def begin_lookup(task: Thread, lookup: Lookup) -> None:
    """Resolve for `task`: from its root and working directory, with its credentials."""
    process = task.process
    lookup.root = process.root
    lookup.directory = process.directory
    lookup.credentials = process.credentials


def hold_start(lookup: Lookup) -> None:
    """Hold where a resolution starts, for a call that may sleep meanwhile: other threads may chdir(2)."""
    lookup.root.hold()
    lookup.directory.hold()


def drop_start(lookup: Lookup) -> None:
    """Undo `hold_start`."""
    lookup.root.drop()
    lookup.directory.drop()


def take_path(path: UserAddr, buffer: PathBuffer) -> Fallible[u64]:
    """Copy a path from user memory; returns its length. EFAULT; ENAMETOOLONG from PATH_MAX bytes on."""
    length = user.copy_in_string(buffer.text[:], path)
    buffer.start = PATH_MAX - length
    copy(buffer.text[buffer.start : PATH_MAX], buffer.text[0:length])
    return length


def start_at(task: Thread, lookup: Lookup, directory: i32, buffer: PathBuffer) -> Fallible[None]:
    """Let a relative path begin at the descriptor `directory` (openat(2)): EBADF, ENOTDIR."""
    if directory == AT_FDCWD or buffer.start == PATH_MAX:
        return
    if buffer.text[buffer.start] == SLASH and Restrictions.IN_ROOT not in lookup.restrictions:
        return
    inode = task.process.files.get(Fd(directory)).inode
    if inode is None or not inode.described.is_directory:
        raise ENOTDIR
    lookup.directory = inode


def walk_at(task: Thread, lookup: Lookup, directory: i32, path: UserAddr, how: Resolve) -> Fallible[None]:
    """Walk `path` as an *at() call gives it. What is found is lent by `lookup`: it lasts until the thread sleeps."""
    buffer = PATH_BUFFERS.take()
    with deferred(PATH_BUFFERS.give_back, buffer):
        take_path(path, buffer)
        walk_from(task, lookup, directory, buffer, how)


def walk_from(task: Thread, lookup: Lookup, directory: i32, buffer: PathBuffer, how: Resolve) -> Fallible[None]:
    """`walk_at`, of a path that is in the kernel's memory."""
    begin_lookup(task, lookup)
    start_at(task, lookup, directory, buffer)
    walk(lookup, buffer, how)


@struct
class SecondPath:
    """The second path of a call. It is copied before the first one is walked, as what that finds is only lent; what is
    wrong with it counts after what is wrong with the first."""

    text: MutableSlice[u8] = uninitialised()
    error: i32 = 0

    def take(self, path: UserAddr, room: MutableSlice[u8]) -> None:
        """Copy it from user memory to `room`."""
        self.text = room
        try:
            length = user.copy_in_string(room, path)
            self.text = room[0:length]
        except Errno as error:
            self.error = error.code

    def put_in(self, buffer: PathBuffer) -> Fallible[None]:
        """Let it be walked next. EFAULT, ENAMETOOLONG."""
        if self.error != 0:
            raise errno_of(self.error)
        buffer.set(self.text)


def find_at(task: Thread, directory: i32, path: UserAddr, flags: AtFlags, how: Resolve) -> Fallible[Inode]:
    """The inode that an *at() call names. The reference is lent: it lasts until the thread sleeps.

    With AT_EMPTY_PATH an empty path names what `directory` refers to; ENOENT without.
    """
    lookup = local(Lookup)
    buffer = PATH_BUFFERS.take()
    with deferred(PATH_BUFFERS.give_back, buffer):
        length = take_path(path, buffer)
        if length == 0 and AtFlags.EMPTY_PATH in flags:
            return inode_of(task, directory)
        walk_from(task, lookup, directory, buffer, how)
    inode = lookup.inode
    if inode is None:
        raise ENOENT
    return inode


@struct
class Changeable:
    """What a call changes the attributes of: a file of a file system, or one that is open and in none. It is lent."""

    about: Attributes = uninitialised()
    inode: Inode | None = None

    def find(self, task: Thread, directory: i32, path: UserAddr, flags: AtFlags, how: Resolve) -> Fallible[None]:
        """Be what an *at() call names, as `find_at` has it; also a pipe, by /proc/self/fd."""
        lookup = local(Lookup)
        buffer = PATH_BUFFERS.take()
        with deferred(PATH_BUFFERS.give_back, buffer):
            length = take_path(path, buffer)
            if length == 0 and AtFlags.EMPTY_PATH in flags and directory != AT_FDCWD:
                self.be(task.process.files.get(Fd(directory)))
                return
            if length == 0 and AtFlags.EMPTY_PATH in flags:
                self.be_inode(task.process.paths.directory)
                return
            walk_from(task, lookup, directory, buffer, how)
        opened = lookup.opened
        inode = lookup.inode
        if opened is not None:
            self.be(opened)
        elif inode is None:
            raise ENOENT
        else:
            self.be_inode(inode)

    def be(self, file: OpenFile) -> Fallible[None]:
        """Be what is open. EOPNOTSUPP for files whose attributes nobody changes: those of eventfd(2) and the like."""
        inode = file.inode
        if inode is not None:
            self.be_inode(inode)
            return
        self.inode = None
        self.about = file.ops.attributes()
        if self.about.is_regular:
            raise EOPNOTSUPP

    def be_inode(self, inode: Inode) -> None:
        """Be a file of a file system."""
        self.inode = inode
        self.about = inode.described

    def check_changeable(self) -> Fallible[None]:
        """EROFS for a file of a read-only file system: asked before all else (mnt_want_write())."""
        inode = self.inode
        if inode is not None:
            check_changeable(inode)

    def check_owner(self, task: Thread) -> Fallible[None]:
        """EPERM unless the thread acts as the owner, or has CAP_FOWNER."""
        self.about.check_owner(task.process.credentials)

    def check_kept(self) -> Fallible[None]:
        """EPERM for what the kernel alone says of a file of /proc."""
        inode = self.inode
        if inode is not None and inode.fs.kind == MountKind.PROC:
            raise EPERM

    def check(self, credentials: Credentials, wanted: Access) -> Fallible[None]:
        """EACCES unless the running thread, with `credentials`, may do all of `wanted`."""
        inode = self.inode
        if inode is None:
            self.about.check(credentials, wanted)
        else:
            inode.check(credentials, wanted)

    def note_change(self, moment: Nanoseconds, what: Happening) -> None:
        """The attributes are other ones since `moment`: tell who watches the file what happened."""
        self.about.changed.set(moment)
        inode = self.inode
        if inode is not None and what != Happening.NONE:
            notify(inode, what)


def inode_of(task: Thread, directory: i32) -> Fallible[Inode]:
    """What the descriptor `directory`, or AT_FDCWD, refers to. EBADF, and EINVAL for what has no inode."""
    if directory == AT_FDCWD:
        return task.process.directory
    inode = task.process.files.get(Fd(directory)).inode
    if inode is None:
        raise EINVAL
    return inode


def follow_unless(no_follow: bool) -> Resolve:
    """How to resolve for a call that follows the last symbolic link unless a flag says otherwise."""
    return Resolve.NONE if no_follow else Resolve.FOLLOW


def checked_flags(flags: u32, known: u32) -> Fallible[AtFlags]:
    """The AT_* flags of a call; EINVAL if there are others than `known`."""
    if flags & known != flags:
        raise EINVAL
    return AtFlags(flags)


@inline
def readable_file(task: Thread, fd: Fd) -> Fallible[OpenFile]:
    """The open file `fd`, if it may be read; EBADF otherwise. The reference is the caller's."""
    file = task.process.files.get(fd)
    if not file.is_readable or file.is_path_only:
        raise EBADF
    file.hold()
    return file


@inline
def writable_file(task: Thread, fd: Fd) -> Fallible[OpenFile]:
    """The open file `fd`, if it may be written; EBADF otherwise. The reference is the caller's."""
    file = task.process.files.get(fd)
    if not file.is_writable or file.is_path_only:
        raise EBADF
    file.hold()
    return file


def put_bytes(address: UserAddr, content: Slice[u8]) -> Fallible[None]:
    """Copy `content` to user memory."""
    user.copy_out(UserSlice(address, u64(len(content))), content)


def advance(address: UserAddr, distance: u64) -> UserAddr:
    """The user address `distance` bytes further; the highest one if that is beyond the end of memory."""
    if u64(address) > 0xFFFF_FFFF_FFFF_FFFF - distance:
        return UserAddr(0xFFFF_FFFF_FFFF_FFFF)
    return UserAddr(address + distance)
