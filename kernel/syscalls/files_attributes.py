"""stat(2), access(2), chmod(2), chown(2), statfs(2) and their families."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Fd,
    UserAddr,
    address_of,
    i32,
    invert,
    local,
    size_of,
    slice_at,
    u8,
    u32,
)
from kernel.base.errno import EBADF, EINVAL, ENOENT, EPERM
from kernel.files.attributes import BLOCK_SIZE, PERMISSION_BITS, Access, Attributes
from kernel.files.capability import Capability
from kernel.files.credentials import Credentials
from kernel.files.flags import AT_FDCWD, AtFlags, Resolve
from kernel.files.holes import data_pages
from kernel.files.inode import Inode
from kernel.files.made import Destination
from kernel.files.mount_kind import has_fixed_names, magic_of
from kernel.files.path import Lookup
from kernel.files.privileges import SET_GROUP, keeps_set_group, remove_capability, without_set_ids
from kernel.files.read_only import check_changeable, is_read_only
from kernel.files.seals import Seals
from kernel.files.stat import NAME_LIMIT, ST_READ_ONLY, ST_RELATIME, ST_VALID, Stat, StatFs, Statx, device_of
from kernel.files.tree import is_immutable
from kernel.files.watch import Happening
from kernel.machine.clock import wall_time
from kernel.memory import frames, user
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import (
    Changeable,
    checked_flags,
    find_at,
    follow_unless,
    put_bytes,
    walk_at,
)

STATX_SYNC_TYPE: u32 = 0x6000
STATX_RESERVED: u32 = 0x8000_0000
UNCHANGED: u32 = 0xFFFF_FFFF
"""In chown(2): leave this id."""

EXECUTE_BITS: u32 = 0o111


# stat.


def put_stat(about: Attributes, destination: UserAddr) -> Fallible[None]:
    """Tell `about` as a `struct stat`."""
    answer = local(Stat)
    answer.fill(about)
    put_bytes(destination, slice_at(u8, address_of(answer), size_of(Stat)))


def attributes_at(task: Thread, directory: i32, path: UserAddr, flags: AtFlags) -> Fallible[Attributes]:
    """The attributes of what a call of the stat family is about."""
    found = local(Destination)
    find_described(task, directory, path, flags, found)
    return attributes_of(found)


def find_described(task: Thread, directory: i32, path: UserAddr, flags: AtFlags, found: Destination) -> Fallible[None]:
    """What a call of the stat family is about: also an open file without inode, by AT_EMPTY_PATH or /proc/self/fd."""
    if AtFlags.EMPTY_PATH in flags and is_empty(path):
        if directory == AT_FDCWD:
            found.inode = task.process.directory
        else:
            file = task.process.files.get(Fd(directory))
            found.inode = file.inode
            found.opened = file
        return
    lookup = local(Lookup)
    walk_at(task, lookup, directory, path, follow_unless(AtFlags.SYMLINK_NO_FOLLOW in flags))
    found.opened = lookup.opened
    if lookup.opened is None:
        found.inode = lookup.inode


def attributes_of(found: Destination) -> Fallible[Attributes]:
    """The attributes of what was found; ENOENT if that is nothing."""
    inode = found.inode
    if inode is not None:
        return measured(inode)
    opened = found.opened
    if opened is None:
        raise ENOENT
    return opened.ops.attributes()


def measured(inode: Inode) -> Attributes:
    """The attributes of a file, with the room that its contents take."""
    inode.describe()
    content = inode.content
    if content is not None:
        inode.described.pages = data_pages(content)
    return inode.described


def is_empty(path: UserAddr) -> Fallible[bool]:
    """Whether the path in user memory is the empty one."""
    return user.get(u8, path) == 0


@syscall(4)
def stat(task: Thread, path: UserAddr, answer: UserAddr) -> Fallible[None]:
    """stat(2)."""
    put_stat(attributes_at(task, AT_FDCWD, path, AtFlags.NONE), answer)


@syscall(5)
def fstat(task: Thread, fd: Fd, answer: UserAddr) -> Fallible[None]:
    """fstat(2)."""
    file = task.process.files.get(fd)
    inode = file.inode
    put_stat(file.ops.attributes() if inode is None else measured(inode), answer)


@syscall(6)
def lstat(task: Thread, path: UserAddr, answer: UserAddr) -> Fallible[None]:
    """lstat(2)."""
    put_stat(attributes_at(task, AT_FDCWD, path, AtFlags.SYMLINK_NO_FOLLOW), answer)


@syscall(262)
def newfstatat(task: Thread, directory: i32, path: UserAddr, answer: UserAddr, flags: u32) -> Fallible[None]:
    """fstatat(2)."""
    known = AtFlags.SYMLINK_NO_FOLLOW | AtFlags.NO_AUTOMOUNT | AtFlags.EMPTY_PATH
    put_stat(attributes_at(task, directory, path, checked_flags(flags, u32(known))), answer)


@syscall(332)
def statx(task: Thread, directory: i32, path: UserAddr, flags: u32, mask: u32, answer: UserAddr) -> Fallible[None]:
    """statx(2)."""
    if mask & STATX_RESERVED != 0 or flags & STATX_SYNC_TYPE == STATX_SYNC_TYPE:
        raise EINVAL
    known = AtFlags.SYMLINK_NO_FOLLOW | AtFlags.NO_AUTOMOUNT | AtFlags.EMPTY_PATH
    asked = checked_flags(flags & (STATX_SYNC_TYPE ^ 0xFFFF_FFFF), u32(known))
    found = local(Destination)
    find_described(task, directory, path, asked, found)
    result = local(Statx)
    result.fill(attributes_of(found))
    inode = found.inode
    if inode is not None:
        result.fill_mount(inode.fs.id, inode is inode.fs.root)
    put_bytes(answer, slice_at(u8, address_of(result), size_of(Statx)))


# access.


@syscall(21)
def access(task: Thread, path: UserAddr, mode: u32) -> Fallible[None]:
    """access(2)."""
    check_access(task, AT_FDCWD, path, mode, AtFlags.NONE)


@syscall(269)
def faccessat(task: Thread, directory: i32, path: UserAddr, mode: u32) -> Fallible[None]:
    """faccessat(2): the call of three parameters; the flags of the library function come with faccessat2."""
    check_access(task, directory, path, mode, AtFlags.NONE)


@syscall(439)
def faccessat2(task: Thread, directory: i32, path: UserAddr, mode: u32, flags: u32) -> Fallible[None]:
    """faccessat2(2)."""
    known = AtFlags.SYMLINK_NO_FOLLOW | AtFlags.EFFECTIVE_ACCESS | AtFlags.EMPTY_PATH
    check_access(task, directory, path, mode, checked_flags(flags, u32(known)))


def check_access(task: Thread, directory: i32, path: UserAddr, mode: u32, flags: AtFlags) -> Fallible[None]:
    """Whether the real ids, or those for files with AT_EACCESS, may do all of `mode`."""
    if mode & 7 != mode:
        raise EINVAL
    how = follow_unless(AtFlags.SYMLINK_NO_FOLLOW in flags)
    inode = find_at(task, directory, path, flags, how)
    who = local(Credentials)
    who.copy_from(task.process.credentials)
    if AtFlags.EFFECTIVE_ACCESS not in flags:
        who.be_real()
    inode.check(who, Access(mode))
    if Access.WRITE in Access(mode) and (inode.described.is_regular or inode.described.is_directory):
        check_changeable(inode)


# chmod and chown.


def may_change(task: Thread, inode: Inode) -> bool:
    """Whether the thread is the owner of the file, or privileged."""
    who = task.process.credentials
    return who.user == inode.described.user or who.has(Capability.FOWNER)


def change_mode(task: Thread, subject: Changeable, mode: u32) -> Fallible[None]:
    """Set the permissions of a file (chmod(2))."""
    subject.check_changeable()
    subject.check_owner(task)
    subject.check_kept()
    about = subject.about
    permissions = mode & PERMISSION_BITS
    if not keeps_set_group(task.process.credentials, about.group):
        permissions = permissions & invert(u32, SET_GROUP)
    inode = subject.inode
    if inode is not None and Seals.EXECUTE in inode.seals and (permissions ^ about.permissions) & EXECUTE_BITS != 0:
        raise EPERM
    about.permissions = permissions
    subject.note_change(wall_time(), Happening.ATTRIBUTES)


@syscall(90)
def chmod(task: Thread, path: UserAddr, mode: u32) -> Fallible[None]:
    """chmod(2)."""
    fchmodat(task, AT_FDCWD, path, mode)


@syscall(268)
def fchmodat(task: Thread, directory: i32, path: UserAddr, mode: u32) -> Fallible[None]:
    """fchmodat(2): follows symbolic links."""
    subject = local(Changeable)
    subject.find(task, directory, path, AtFlags.NONE, Resolve.FOLLOW)
    change_mode(task, subject, mode)


@syscall(91)
def fchmod(task: Thread, fd: Fd, mode: u32) -> Fallible[None]:
    """fchmod(2)."""
    subject = local(Changeable)
    open_subject(task, fd, subject)
    change_mode(task, subject, mode)


def open_subject(task: Thread, fd: Fd, subject: Changeable) -> Fallible[None]:
    """Let `subject` be what is open as `fd`: EBADF for O_PATH."""
    file = task.process.files.get(fd)
    if file.is_path_only:
        raise EBADF
    subject.be(file)


def change_owner(task: Thread, subject: Changeable, user_id: u32, group_id: u32) -> Fallible[None]:
    """Set owner and group, those that are not UNCHANGED, and clear the set-id bits (chown(2)).

    The owner may name itself, and a group that the file has or that it is a member of; all else takes CAP_CHOWN.
    """
    subject.check_changeable()
    who = task.process.credentials
    about = subject.about
    if not changes_nothing(subject.inode, user_id, group_id):
        subject.check_kept()
    if not who.has(Capability.CHOWN):
        if user_id != UNCHANGED and (user_id != about.user or who.user != about.user):
            raise EPERM
        is_known = group_id == about.group or who.in_group(group_id)
        if group_id != UNCHANGED and (who.user != about.user or not is_known):
            raise EPERM
    inode = subject.inode
    if inode is not None:
        remove_capability(inode)
    kept = about.permissions if about.is_directory else without_set_ids(about, who)
    is_change = kept != about.permissions or user_id != UNCHANGED or group_id != UNCHANGED
    about.permissions = kept
    if user_id != UNCHANGED:
        about.user = user_id
    if group_id != UNCHANGED:
        about.group = group_id
    subject.note_change(wall_time(), Happening.ATTRIBUTES if is_change else Happening.NONE)


def changes_nothing(inode: Inode | None, user_id: u32, group_id: u32) -> bool:
    """Whether a file of /proc has this owner and group already; of the folder of a process not even that may be set."""
    if user_id == group_id == UNCHANGED:
        return True
    if inode is None:
        return False
    about = inode.described
    same = (user_id == UNCHANGED or user_id == about.user) and (group_id == UNCHANGED or group_id == about.group)
    return same and not is_immutable(inode)


@syscall(92)
def chown(task: Thread, path: UserAddr, user_id: u32, group_id: u32) -> Fallible[None]:
    """chown(2)."""
    fchownat(task, AT_FDCWD, path, user_id, group_id, 0)


@syscall(93)
def fchown(task: Thread, fd: Fd, user_id: u32, group_id: u32) -> Fallible[None]:
    """fchown(2)."""
    subject = local(Changeable)
    open_subject(task, fd, subject)
    change_owner(task, subject, user_id, group_id)


@syscall(94)
def lchown(task: Thread, path: UserAddr, user_id: u32, group_id: u32) -> Fallible[None]:
    """lchown(2)."""
    fchownat(task, AT_FDCWD, path, user_id, group_id, u32(AtFlags.SYMLINK_NO_FOLLOW))


@syscall(260)
def fchownat(task: Thread, directory: i32, path: UserAddr, user_id: u32, group_id: u32, flags: u32) -> Fallible[None]:
    """fchownat(2)."""
    known = checked_flags(flags, u32(AtFlags.SYMLINK_NO_FOLLOW | AtFlags.EMPTY_PATH))
    subject = local(Changeable)
    subject.find(task, directory, path, known, follow_unless(AtFlags.SYMLINK_NO_FOLLOW in known))
    change_owner(task, subject, user_id, group_id)


# statfs.


def put_statfs(task: Thread, inode: Inode, answer: UserAddr) -> Fallible[None]:
    """Tell of the file system of `inode`: its room is the memory of the machine."""
    result = local(StatFs)
    kind = inode.fs.kind
    result.type = magic_of(kind)
    result.block_size = BLOCK_SIZE
    result.fragment_size = BLOCK_SIZE
    result.id = device_of(inode.fs.id)
    result.name_length = NAME_LIMIT
    result.flags = ST_VALID | ST_RELATIME | (ST_READ_ONLY if is_read_only(inode) else 0)
    if not has_fixed_names(kind):
        pages = task.process.container.account.pages
        free, total = frames.counts()
        result.blocks = min(total, pages.limit)
        result.free = min(free, pages.limit - min(pages.used.load(), pages.limit))
        result.available = result.free
        result.files = result.blocks
        result.free_files = result.free
    put_bytes(answer, slice_at(u8, address_of(result), size_of(StatFs)))


@syscall(137)
def statfs(task: Thread, path: UserAddr, answer: UserAddr) -> Fallible[None]:
    """statfs(2)."""
    put_statfs(task, find_at(task, AT_FDCWD, path, AtFlags.NONE, Resolve.FOLLOW), answer)


@syscall(138)
def fstatfs(task: Thread, fd: Fd, answer: UserAddr) -> Fallible[None]:
    """fstatfs(2)."""
    inode = task.process.files.get(fd).inode
    put_statfs(task, task.process.root if inode is None else inode, answer)
