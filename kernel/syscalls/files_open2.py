"""openat2(2), and name_to_handle_at(2), which is not supported here (EOPNOTSUPP)."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Fd,
    UserAddr,
    UserSlice,
    address_of,
    i32,
    local,
    size_of,
    slice_at,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import E2BIG, EINVAL, EOPNOTSUPP
from kernel.files.attributes import PERMISSION_BITS
from kernel.files.flags import OPEN_FLAG_BITS, AtFlags, OpenFlags, Resolve
from kernel.files.path import Restrictions
from kernel.memory import user
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_open import checked, open_within
from kernel.syscalls.files_support import advance, checked_flags, find_at

RESTRICTION_BITS: u64 = 0x3F


@struct(size=24)
class OpenHow:
    """`struct open_how` (openat2(2))."""

    flags: u64 = 0
    mode: u64 = 0
    resolve: u64 = 0


@syscall(437)
def openat2(task: Thread, directory: i32, path: UserAddr, how: UserAddr, size: u64) -> Fallible[Fd]:
    """openat2(2)."""
    wanted = local(OpenHow)
    if size < size_of(OpenHow):
        raise EINVAL
    check_rest(how, size)
    user.copy_in(slice_at(u8, address_of(wanted), size_of(OpenHow)), UserSlice(how, size_of(OpenHow)))
    if wanted.flags & u64(OPEN_FLAG_BITS) != wanted.flags or wanted.resolve & RESTRICTION_BITS != wanted.resolve:
        raise EINVAL
    restrictions = Restrictions(wanted.resolve)
    if Restrictions.BENEATH in restrictions and Restrictions.IN_ROOT in restrictions:
        raise EINVAL
    flags = OpenFlags(wanted.flags)
    creates = OpenFlags.CREATE in flags or OpenFlags.TEMPORARY in flags
    if wanted.mode & u64(PERMISSION_BITS) != wanted.mode or (wanted.mode != 0 and not creates):
        raise EINVAL
    if OpenFlags.PATH in flags and checked(u32(wanted.flags)) != flags:
        raise EINVAL
    return open_within(task, directory, path, checked(u32(wanted.flags)), u32(wanted.mode), restrictions)


def check_rest(how: UserAddr, size: u64) -> Fallible[None]:
    """E2BIG when a newer structure uses what is not known here (copy_struct_from_user())."""
    if size > 4096:
        raise E2BIG
    for offset in range(size_of(OpenHow), size):
        if user.get(u8, advance(how, offset)) != 0:
            raise E2BIG


@syscall(303)
def name_to_handle_at(
    task: Thread, directory: i32, path: UserAddr, handle: UserAddr, mount: UserAddr, flags: u32
) -> Fallible[None]:
    """name_to_handle_at(2): EOPNOTSUPP, as file systems without handles answer."""
    known = checked_flags(flags, u32(AtFlags.SYMLINK_FOLLOW | AtFlags.EMPTY_PATH))
    how = Resolve.FOLLOW if AtFlags.SYMLINK_FOLLOW in known else Resolve.NONE
    find_at(task, directory, path, known, how)
    raise EOPNOTSUPP
