"""/proc/PID/fdinfo: how a descriptor is opened, where it stands, and what its file tells of itself (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, i64, u8, u32, u64
from kernel.base.errno import ENOENT
from kernel.base.writer import Writer
from kernel.files.attributes import Attributes
from kernel.files.file import OpenFile
from kernel.files.flags import OpenFlags
from kernel.files.inode import Inode
from kernel.files.locks import LAST_BYTE, FileLock, locks_on
from kernel.process.process import Process
from kernel.views.subject import descriptor_of, process_of
from kernel.views.text import END


def write_descriptor(inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
    """The lines that all files have, and those about locks; then what the file itself tells, piece by piece."""
    process = process_of(inode)
    if process.is_zombie:
        raise ENOENT
    number = descriptor_of(inode)
    descriptor = process.files.find(number)
    file = None if descriptor is None else descriptor.file
    if descriptor is None or file is None:
        raise ENOENT
    if key > 0:
        following = file.ops.write_details(writer, key - 1)
        return END if following == 0 else following + 1
    flags = u32(file.flags)
    if descriptor.close_on_exec:
        flags = flags | u32(OpenFlags.CLOSE_ON_EXEC)
    writer(f"pos:\t{file.position}\nflags:\t0")
    write_octal(writer, flags)
    about = described(file)
    writer(f"\nmnt_id:\t{about.file_system}\nino:\t{about.number}\n")
    write_locks(process, file, about, writer)
    return 1


def described(file: OpenFile) -> Attributes:
    """The attributes of what is open."""
    inode = file.inode
    return file.ops.attributes() if inode is None else inode.described


def write_octal(writer: Writer, value: u32) -> None:
    """A number in octal, without zeros before it."""
    digits: u32 = 10
    while digits > 0 and value >> (3 * digits) == 0:
        digits -= 1
    for digit in range(u64(digits) + 1):
        writer(f"{value >> (3 * (digits - u32(digit))) & 7}")


def write_locks(process: Process, file: OpenFile, about: Attributes, writer: Writer) -> None:
    """The locks on the file that the process has, or this opening of it."""
    number: u64 = 0
    for lock in locks_on(about):
        if not lock.is_waiting and is_owner(process, file, lock):
            number += 1
            writer(f"lock:\t{number}: ")
            write_lock(writer, lock)


def is_owner(process: Process, file: OpenFile, lock: FileLock) -> bool:
    """Whether `lock` belongs to the process, or to this opening of the file."""
    table = lock.table
    return table is process.files if table is not None else lock.file is file


def write_lock(writer: Writer, lock: FileLock) -> None:
    """What a lock is, whose, and on which bytes of which file."""
    kind: Slice[u8] = b"FLOCK " if lock.is_whole else (b"OFDLCK" if lock.table is None else b"POSIX ")
    right: Slice[u8] = b"WRITE" if lock.is_write else b"READ "
    owner: i64 = -1 if lock.table is None and not lock.is_whole else i64(lock.pid)
    about = lock.about
    writer(f"{kind} ADVISORY  {right} {owner} 00:{about.file_system:x}:{about.number} {lock.first} ")
    if lock.last == LAST_BYTE:
        writer.text(b"EOF\n")
    else:
        writer(f"{lock.last}\n")
