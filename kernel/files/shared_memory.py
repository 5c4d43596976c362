"""Shared memory without a file: a file that never has a name (mmap(2) MAP_SHARED | MAP_ANONYMOUS; shmem of Linux)."""

from __future__ import annotations

from codegen.lang import Fallible, must_use, on_error, u64
from kernel.files.attributes import Kind
from kernel.files.credentials import Credentials
from kernel.files.inode import Inode
from kernel.files.ramfs import RamFs

PERMISSIONS = 0o777


@must_use
def create_shared_memory(fs: RamFs, credentials: Credentials, size: u64) -> Fallible[Inode]:
    """`size` bytes of zeros, charged to the owner of `fs`, with one reference, the caller's: gone with the last one."""
    inode = fs.new_inode(Kind.REGULAR, PERMISSIONS, credentials.user, credentials.group)
    with on_error(inode.drop):
        inode.is_memory = True
        inode.set_size(size)
    return inode
