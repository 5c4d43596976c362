"""System calls from ring 3 (syscall(2): number in rax; rdi rsi rdx r10 r8 r9; result or -errno in rax)."""

from __future__ import annotations

from codegen.lang import (
    Fd,
    MutableSlice,
    Never,
    Slice,
    address_of,
    i32,
    i64,
    instruction,
    slice_at,
    truncate,
    u8,
    u32,
    u64,
    unreachable,
)

READ: u64 = 0
WRITE: u64 = 1
EXIT_GROUP: u64 = 231

STANDARD_ERROR = Fd(2)


@instruction("syscall", "={rax},{rax},{rdi},{rsi},{rdx},{r10},{r8},{r9},~{rcx},~{r11},~{memory}")
def system_call(number: u64, a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64) -> i64:
    """Perform one system call; -4095 to -1 is an errno."""
    ...


def read(fd: Fd, destination: MutableSlice[u8]) -> i64:
    """read(2): the bytes read, 0 at the end, or -errno."""
    length = len(destination)
    return system_call(READ, descriptor(fd), address_of(destination), u64(length), 0, 0, 0)


def write(fd: Fd, source: Slice[u8]) -> i64:
    """write(2): the bytes written, or -errno."""
    length = len(source)
    return system_call(WRITE, descriptor(fd), address_of(source), u64(length), 0, 0, 0)


def exit_group(status: u32) -> Never:
    """_exit(2)."""
    system_call(EXIT_GROUP, u64(status), 0, 0, 0, 0, 0)
    unreachable()


def descriptor(fd: Fd) -> u64:
    """A descriptor as a register holds it."""
    return truncate(u64, i32(fd))


def read_all(fd: Fd, destination: MutableSlice[u8]) -> bool:
    """Fill `destination`; False at the end of the input or on an error."""
    done: u64 = 0
    while done < len(destination):
        count = read(fd, destination[done : len(destination)])
        if count <= 0:
            return False
        done += u64(count)
    return True


def write_all(fd: Fd, source: Slice[u8]) -> bool:
    """Write all of `source`; False on an error."""
    done: u64 = 0
    while done < len(source):
        count = write(fd, source[done : len(source)])
        if count <= 0:
            return False
        done += u64(count)
    return True


def text_at(address: u64, length: u64) -> Slice[u8]:
    """`length` bytes of this program's memory at `address`."""
    return slice_at(u8, address, length)
