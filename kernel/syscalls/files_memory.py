"""memfd_create(2), and the seals of such files (fcntl(2))."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, UserAddr, copy, deferred, local_array, u8, u32, u64
from kernel.base.errno import EBUSY, EINVAL, ENAMETOOLONG, ENODEV, EPERM
from kernel.files.attributes import Kind
from kernel.files.file import OpenFile, open_file
from kernel.files.flags import OpenFlags
from kernel.files.inode import Inode
from kernel.files.seals import SEAL_BITS, Seals
from kernel.memory import user
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall

F_ADD_SEALS = 1033
F_GET_SEALS = 1034

MFD_CLOEXEC: u32 = 0x1
MFD_ALLOW_SEALING: u32 = 0x2
MFD_HUGETLB: u32 = 0x4
MFD_NOEXEC_SEAL: u32 = 0x8
MFD_EXEC: u32 = 0x10
MEMFD_FLAGS: u32 = 0x1F

PREFIX = b"memfd:"
NAME_LENGTH = 249
"""The longest name of such a file, which only /proc/PID/fd shows."""

EXECUTE_BITS: u32 = 0o111


@syscall(319, missing="MFD_HUGETLB (ENODEV)")
def memfd_create(task: Thread, name: UserAddr, flags: u32) -> Fallible[Fd]:
    """memfd_create(2)."""
    if flags & MFD_HUGETLB != 0:
        raise ENODEV
    if flags & MEMFD_FLAGS != flags or flags & (MFD_EXEC | MFD_NOEXEC_SEAL) == MFD_EXEC | MFD_NOEXEC_SEAL:
        raise EINVAL
    text = local_array(u8, len(PREFIX) + NAME_LENGTH + 1)
    copy(text[0 : len(PREFIX)], PREFIX)
    try:
        length = user.copy_in_string(text[len(PREFIX) : len(PREFIX) + NAME_LENGTH + 1], name)
    except ENAMETOOLONG:
        raise EINVAL from None
    process = task.process
    inode = process.container.file_system.new_inode(
        Kind.REGULAR, 0o777, process.credentials.user, process.credentials.group
    )
    with deferred(inode.drop):
        inode.fs.set_memory_name(inode, text[0 : len(PREFIX) + length])
        if flags & MFD_NOEXEC_SEAL != 0:
            inode.described.permissions = 0o666
            inode.seals = Seals.EXECUTE
        elif flags & MFD_ALLOW_SEALING != 0:
            inode.seals = Seals.NONE
        file = open_file(process.container.files, inode, inode, OpenFlags.READ_WRITE | OpenFlags.LARGE_FILE)
        inode.hold()
        with deferred(file.drop):
            return process.files.install(file, flags & MFD_CLOEXEC != 0)


def control_seals(task: Thread, file: OpenFile, command: u32, argument: u64) -> Fallible[u64]:
    """F_ADD_SEALS and F_GET_SEALS. EINVAL for other files, EPERM when no seal may be added, EBUSY."""
    inode = file.inode
    if command == F_GET_SEALS:
        return u64(u32(memory_file(inode).seals))
    if not file.is_writable:
        raise EPERM
    if argument & u64(SEAL_BITS) != argument & 0xFFFF_FFFF:
        raise EINVAL
    target = memory_file(inode)
    file.hold()
    with deferred(file.drop), target.write_lock:  # a write that sleeps has been allowed already
        add_seals(target, Seals(argument & u64(SEAL_BITS)))
    return 0


def add_seals(target: Inode, wanted: Seals) -> Fallible[None]:
    """Seal a file. EPERM, EBUSY."""
    if Seals.SEAL in target.seals:
        raise EPERM
    added = wanted
    if Seals.WRITE in added and Seals.WRITE not in target.seals:
        content = target.content
        assert content is not None, "regular files have contents"
        if content.mappings.writers > 0:
            raise EBUSY
    if Seals.EXECUTE in added and target.described.permissions & EXECUTE_BITS != 0:
        added = added | Seals.SHRINK | Seals.GROW | Seals.WRITE | Seals.FUTURE_WRITE
    target.seals = target.seals | added


def memory_file(inode: Inode | None) -> Fallible[Inode]:
    """`inode`, if it can have seals, as every regular file in memory; those with a name begin with F_SEAL_SEAL."""
    if inode is None or inode.content is None or not inode.described.is_regular:
        raise EINVAL
    return inode
