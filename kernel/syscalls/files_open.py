"""open(2), openat(2), creat(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, UserAddr, deferred, i32, local, on_error, u32
from kernel.base.errno import (
    EACCES,
    EEXIST,
    EINVAL,
    EIO,
    EISDIR,
    ELOOP,
    ENOENT,
    ENOTDIR,
    ENXIO,
)
from kernel.devices.dev import character_device
from kernel.devices.terminal_nodes import TerminalNode
from kernel.files import tree
from kernel.files.attributes import PERMISSION_BITS, Access, Kind
from kernel.files.execution import check_writable
from kernel.files.fifo import open_fifo
from kernel.files.file import FileOwner, OpenFile, open_file
from kernel.files.flags import (
    AT_FDCWD,
    OPEN_FLAG_BITS,
    PATH_FLAG_BITS,
    OpenFlags,
    Resolve,
    access_wanted,
    lasting,
    writable,
)
from kernel.files.inode import Inode
from kernel.files.lease import break_leases
from kernel.files.made import MadeFile
from kernel.files.operations import FileOps
from kernel.files.path import LastComponent, Lookup, Restrictions
from kernel.files.read_only import check_changeable
from kernel.files.watch import Happening, notify
from kernel.sched.thread import Thread
from kernel.syscalls import terminals
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_io import resize
from kernel.syscalls.files_support import walk_at


@syscall(2)
def open_(task: Thread, path: UserAddr, flags: u32, mode: u32) -> Fallible[Fd]:
    """open(2)."""
    return open_at(task, AT_FDCWD, path, flags, mode)


@syscall(257)
def openat(task: Thread, directory: i32, path: UserAddr, flags: u32, mode: u32) -> Fallible[Fd]:
    """openat(2)."""
    return open_at(task, directory, path, flags, mode)


@syscall(85)
def creat(task: Thread, path: UserAddr, mode: u32) -> Fallible[Fd]:
    """creat(2)."""
    flags = OpenFlags.CREATE | OpenFlags.WRITE_ONLY | OpenFlags.TRUNCATE
    return open_at(task, AT_FDCWD, path, u32(flags), mode)


def open_at(task: Thread, directory: i32, path: UserAddr, raw_flags: u32, mode: u32) -> Fallible[Fd]:
    """Open or create a file, and give it the lowest free descriptor."""
    return open_within(task, directory, path, checked(raw_flags & OPEN_FLAG_BITS), mode, Restrictions.NONE)


def checked(raw_flags: u32) -> Fallible[OpenFlags]:
    """The flags of open(2); EINVAL for what contradicts itself (build_open_flags())."""
    flags = OpenFlags(raw_flags)
    if OpenFlags.PATH in flags:
        return OpenFlags(raw_flags & PATH_FLAG_BITS)
    if OpenFlags.TEMPORARY in flags:
        if OpenFlags.DIRECTORY not in flags or OpenFlags.CREATE in flags or not writable(flags):
            raise EINVAL
    elif OpenFlags.CREATE in flags and OpenFlags.DIRECTORY in flags:
        raise EINVAL
    return flags


def open_within(
    task: Thread, directory: i32, path: UserAddr, flags: OpenFlags, mode: u32, restrictions: Restrictions
) -> Fallible[Fd]:
    """`open_at` with checked flags, and a path that may be restricted (openat2(2))."""
    lookup = local(Lookup)
    lookup.restrictions = restrictions
    walk_at(task, lookup, directory, path, how_to_resolve(flags))
    found = lookup.inode
    opened = lookup.opened
    if opened is not None:
        return open_again(task, opened, flags)
    permissions = mode & PERMISSION_BITS & (task.process.umask ^ PERMISSION_BITS)
    if OpenFlags.TEMPORARY in flags:
        inode = tree.create_nameless(lookup, permissions, OpenFlags.EXCLUSIVE not in flags)
    elif found is None:
        inode = create_file(lookup, flags, permissions)
    else:
        check_open(lookup, found, flags)
        inode = found
        inode.hold()
    # The parent, too, as opening may sleep: a FIFO waits for its other end.
    parent = lookup.parent
    parent.hold()
    with deferred(parent.drop), deferred(inode.drop), on_error(remove_created, lookup, inode):
        file = open_inode(task, inode, flags)
        if OpenFlags.PATH not in flags:
            notify(inode, Happening.OPEN)
        with deferred(file.drop):
            if truncates(inode, flags) and found is not None:
                check_writable(inode)
                resize(task, inode, 0, True)
            return task.process.files.install(file, OpenFlags.CLOSE_ON_EXEC in flags)


def remove_created(lookup: Lookup, inode: Inode) -> None:
    """No descriptor could be had for a file: take back its name, if this very open(2) gave it."""
    if lookup.inode is None:
        tree.take_back(lookup, inode)


def open_again(task: Thread, file: OpenFile, flags: OpenFlags) -> Fallible[Fd]:
    """Open what /proc/self/fd/N leads to and no file system has, such as a pipe: one more descriptor for it.

    Unlike on Linux the flags and the position are shared with the other descriptors. ENXIO for a socket.
    """
    if file.is_revoked:
        raise EIO
    if file.ops.attributes().kind == Kind.SOCKET:
        raise ENXIO
    wanted = access_wanted(flags)
    if (Access.READ in wanted and not file.is_readable) or (Access.WRITE in wanted and not file.is_writable):
        raise EACCES
    return task.process.files.install(file, OpenFlags.CLOSE_ON_EXEC in flags)


def how_to_resolve(flags: OpenFlags) -> Resolve:
    """How the path of open(2) is resolved."""
    how = Resolve.FOLLOW
    creates_anew = OpenFlags.CREATE in flags and OpenFlags.EXCLUSIVE in flags
    if OpenFlags.NO_FOLLOW in flags or creates_anew:
        how = Resolve.NONE
    if OpenFlags.DIRECTORY in flags:
        how = how | Resolve.DIRECTORY
    if OpenFlags.CREATE in flags and OpenFlags.PATH not in flags:
        how = how | Resolve.CREATE
    return how


def create_file(lookup: Lookup, flags: OpenFlags, permissions: u32) -> Fallible[Inode]:
    """The file that open(2) makes, held; ENOENT unless it is asked to."""
    if OpenFlags.CREATE not in flags or OpenFlags.PATH in flags:
        raise ENOENT
    return tree.create(lookup, Kind.REGULAR, permissions)


def check_open(lookup: Lookup, inode: Inode, flags: OpenFlags) -> Fallible[None]:
    """Whether a file that exists may be opened so; the order is that of do_open() and may_open()."""
    if OpenFlags.PATH in flags:
        return
    about = inode.described
    if OpenFlags.CREATE in flags:
        if OpenFlags.EXCLUSIVE in flags:
            raise EEXIST
        if about.is_directory or lookup.last != LastComponent.NAME:
            raise EISDIR
    if about.is_symlink:
        raise ELOOP
    if OpenFlags.DIRECTORY in flags and not about.is_directory:
        raise ENOTDIR
    if about.is_directory and (writable(flags) or OpenFlags.TRUNCATE in flags):
        raise EISDIR
    inode.check(lookup.credentials, access_wanted(flags))
    if about.is_regular and (writable(flags) or OpenFlags.TRUNCATE in flags):
        check_changeable(inode)
    if OpenFlags.NO_ACCESS_TIME in flags:
        about.check_owner(lookup.credentials)


def check_openable(inode: Inode) -> Fallible[None]:
    """ENXIO for what only connect(2) could reach, and for devices that nothing here serves (open(2))."""
    match inode.described.kind:
        case Kind.SOCKET | Kind.BLOCK:
            raise ENXIO
        case Kind.CHARACTER:
            if character_device(inode.described.device) is None:
                raise ENXIO
        case _:
            pass


def truncates(inode: Inode, flags: OpenFlags) -> bool:
    """Whether open(2) cuts a file that was there to nothing."""
    return (
        OpenFlags.TRUNCATE in flags and OpenFlags.PATH not in flags and inode.content is not None and inode.made is None
    )


def open_inode(task: Thread, inode: Inode, flags: OpenFlags) -> Fallible[OpenFile]:
    """An open file on `inode`. One reference, the caller's. ETXTBSY to write to a program that runs."""
    owner = task.process.container.files
    if OpenFlags.PATH in flags:
        return open_ops(owner, inode, inode, flags)
    made = inode.made
    if made is not None:
        return open_made(owner, made, inode, flags)
    check_openable(inode)
    match inode.described.kind:
        case Kind.FIFO:
            return open_fifo(owner, inode, flags)
        case Kind.CHARACTER:
            device = character_device(inode.described.device)
            assert device is not None, "it can be opened"
            if isinstance(device, TerminalNode):
                return terminals.open_node(task, device, inode, flags)
            return open_ops(owner, device, inode, flags)
        case _:
            return open_contents(owner, inode, flags)


def open_contents(owner: FileOwner, inode: Inode, flags: OpenFlags) -> Fallible[OpenFile]:
    """An open file on a file with contents, or a directory. ETXTBSY; what has a lease on it is told."""
    if writable(flags) and inode.content is not None:
        check_writable(inode)
    file = open_ops(owner, inode, inode, flags)
    if inode.content is not None:
        file.count_in(inode)
        if inode.leases is not None:
            with on_error(file.drop):
                break_leases(inode, writable(flags), OpenFlags.NONBLOCK not in flags)
    return file


def open_ops(owner: FileOwner, ops: FileOps, inode: Inode, flags: OpenFlags) -> Fallible[OpenFile]:
    """An open file on `inode` that does what `ops` does."""
    file = open_file(owner, ops, inode, lasting(flags))
    inode.hold()
    return file


def open_made(owner: FileOwner, made: MadeFile, inode: Inode, flags: OpenFlags) -> Fallible[OpenFile]:
    """An open file on a file whose contents the kernel makes. EINVAL for O_DIRECT."""
    if OpenFlags.DIRECT in flags:
        raise EINVAL
    ops = made.open(inode, owner)
    with on_error(ops.closed):
        return open_ops(owner, ops, inode, flags)
