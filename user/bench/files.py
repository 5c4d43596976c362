"""Measures what bytes cost on their way: of files, devices and pipes; directory entries; and a signal to oneself."""

from __future__ import annotations

from codegen.lang import MutableSlice, Slice, address_of, local_array, static_array, store, u8, u32, u64
from user.bench.measure import checked, now, report
from user.bench.processes import close, make_pipe
from user.lib.system import system_call

READ: u64 = 0
WRITE: u64 = 1
OPEN: u64 = 2
LSEEK: u64 = 8
PREAD64: u64 = 17
PWRITE64: u64 = 18
MKDIR: u64 = 83
UNLINK: u64 = 87
GETDENTS64: u64 = 217

READ_WRITE_CREATE: u64 = 0o102
DIRECTORY: u64 = 0o200000

PAGE: u64 = 4096
BLOCK: u64 = 65536
TRANSFERS: u64 = 2000
BLOCKS: u64 = 100
ENTRIES: u64 = 200
ROUNDS: u64 = 20

MEMORY = static_array(u8, 65536)
FILE = b"/measured\0"
ZERO = b"/dev/zero\0"
NULL = b"/dev/null\0"
FOLDER = b"/folder\0"


def open_file(path: Slice[u8], flags: u64) -> u64:
    """open(2); `path` ends with a NUL."""
    return checked(system_call(OPEN, address_of(path), flags, 0o644, 0, 0, 0), b"open")


def repeat_transfer(name: Slice[u8], number: u64, descriptor: u64, length: u64) -> None:
    """Measure a call that transfers `length` bytes at offset 0."""
    memory = address_of(MEMORY)
    checked(system_call(number, descriptor, memory, length, 0, 0, 0), name)
    start = now()
    for _ in range(TRANSFERS):
        checked(system_call(number, descriptor, memory, length, 0, 0, 0), name)
    report(name, start, TRANSFERS)


def files() -> None:
    """A page of a file, read and written over."""
    file = open_file(FILE, READ_WRITE_CREATE)
    repeat_transfer(b"pwrite", PWRITE64, file, PAGE)
    repeat_transfer(b"pread", PREAD64, file, PAGE)
    close(u32(file))
    checked(system_call(UNLINK, address_of(FILE), 0, 0, 0, 0, 0), b"unlink")


def devices() -> None:
    """A byte of the memory devices."""
    zero, null = open_file(ZERO, 0), open_file(NULL, READ_WRITE_CREATE)
    repeat_transfer(b"zero", READ, zero, 1)
    repeat_transfer(b"null", WRITE, null, 1)
    close(u32(zero))
    close(u32(null))


def pipes() -> None:
    """64 KiB into a pipe and out of it."""
    ends = local_array(u32, 2)
    make_pipe(ends)
    memory = address_of(MEMORY)
    start = now()
    for _ in range(BLOCKS):
        checked(system_call(WRITE, u64(ends[1]), memory, BLOCK, 0, 0, 0), b"write")
        checked(system_call(READ, u64(ends[0]), memory, BLOCK, 0, 0, 0), b"read")
    report(b"pipe_block", start, BLOCKS)
    close(ends[0])
    close(ends[1])


def name_entry(path: MutableSlice[u8], number: u64) -> None:
    """Put `number` in the place of the last three letters of a path."""
    for place in range(3):
        path[10 - place] = u8(0x30 + number % 10)
        number //= 10


def listings() -> None:
    """An entry of a directory that is listed."""
    path = local_array(u8, 12)
    for index in range(len(FOLDER) - 1):
        path[index] = FOLDER[index]
    checked(system_call(MKDIR, address_of(FOLDER), 0o755, 0, 0, 0, 0), b"mkdir")
    store(u8, path, 7, 0x2F)
    for number in range(ENTRIES):
        name_entry(path, number)
        close(u32(open_file(path, READ_WRITE_CREATE)))
    start = now()
    for _ in range(ROUNDS):
        folder = open_file(FOLDER, DIRECTORY)
        while checked(system_call(GETDENTS64, folder, address_of(MEMORY), BLOCK, 0, 0, 0), b"getdents64") > 0:
            pass
        close(u32(folder))
    report(b"listing", start, ROUNDS * ENTRIES)


def measure() -> None:
    """All of it."""
    files()
    devices()
    pipes()
    listings()
