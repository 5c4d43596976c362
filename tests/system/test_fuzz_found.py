"""What random system calls have found (test_fuzz.py), each a call that stopped the kernel or answered wrongly."""

from __future__ import annotations

import errno
import os
import stat
import struct

import pytest

from harness.agent_protocol import both
from harness.guest import Guest
from tests.system import puppet

LAST_ADDRESSES = (-1, -8, -16)
"""Addresses to which nothing can be added."""
PAGE = 4096
FIXED_SHARED = 0x11
LARGEST = (1 << 63) - 1
"""Of a signed word."""


@pytest.mark.parametrize("address", LAST_ADDRESSES)
async def test_sigaltstack_at_the_last_addresses(guest: Guest, address: int) -> None:
    """Found by seed 1899142438: the address of a field overflowed, and the kernel stopped."""
    for arguments in ((address, 0), (0, address)):
        with pytest.raises(OSError) as caught:
            await guest.sys.sigaltstack(*(argument % (1 << 64) for argument in arguments))
        assert caught.value.errno == errno.EFAULT


async def test_kill_of_the_lowest_number(guest: Guest) -> None:
    """Found by seed 1899142460: the number of the group overflowed, and the kernel stopped."""
    with pytest.raises(ProcessLookupError):
        await guest.sys.kill(1 << 31, 0)


async def test_a_robust_list_at_the_last_address(guest: Guest) -> None:
    """Nothing is read there when the thread ends, and the kernel goes on."""
    worker = await puppet.in_new_container(guest)
    await worker.call("set_robust_list", -8, 24)
    assert await worker.end() == 0


@pytest.mark.parametrize(
    ("seconds", "microseconds", "expected"),
    [(0, 1_000_001, 0), (LARGEST, 1, 0), (0, -1, errno.EINVAL), (-1, 0, errno.EINVAL), (1, -LARGEST, errno.EINVAL)],
)
async def test_select_of_any_time(guest: Guest, seconds: int, microseconds: int, expected: int) -> None:
    """Found by the first long run: microseconds times 1000 overflowed. More of them than a second are welcome."""
    ready = both(struct.pack("<Q", 1 << 1))
    time = both(struct.pack("<2q", seconds, microseconds))
    if expected == 0:
        assert await guest.sys.select(2, None, ready, None, time) == 1
        return
    with pytest.raises(OSError) as caught:
        await guest.sys.select(2, None, ready, None, time)
    assert caught.value.errno == expected


@pytest.mark.parametrize("length", [(1 << 64) - 1, (1 << 64) - PAGE, 1 << 63, 1 << 47])
async def test_mprotect_of_any_length(guest: Guest, length: int) -> None:
    """Found by the first run of declared calls: the rounded length overflowed."""
    with pytest.raises(OSError) as caught:
        await guest.sys.mprotect(1 << 40, length, 1)
    assert caught.value.errno == errno.ENOMEM


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        ((1 << 64) - PAGE, errno.EOVERFLOW),
        (1 << 63, errno.EOVERFLOW),
        ((1 << 63) - 4 * PAGE, errno.EOVERFLOW),
        ((1 << 63) - 5 * PAGE, 0),
    ],
)
async def test_mmap_of_the_end_of_all_files(guest: Guest, offset: int, expected: int) -> None:
    """The offset of the upper part overflowed when a mapping was split."""
    file = await guest.sys.open("/end", os.O_CREAT | os.O_RDWR, 0o600)
    arguments = (1 << 40, 4 * PAGE, 1, FIXED_SHARED, file, offset)
    if expected == 0:
        assert await guest.sys.mmap(*arguments) == 1 << 40
        await guest.sys.munmap((1 << 40) + PAGE, PAGE)
        await guest.sys.munmap(1 << 40, 4 * PAGE)
        return
    with pytest.raises(OSError) as caught:
        await guest.sys.mmap(*arguments)
    assert caught.value.errno == expected


@pytest.mark.parametrize("flags", [0, os.O_NONBLOCK])
async def test_a_fifo_opened_for_nothing(guest: Guest, flags: int) -> None:
    """Found near seed 1939499207: an end that neither reads nor writes outlived the pipe, and the kernel stopped."""
    await guest.sys.mknod("/fifo", stat.S_IFIFO | 0o600, 0)
    with pytest.raises(OSError) as caught:
        await guest.sys.open("/fifo", os.O_ACCMODE | flags, 0)
    assert caught.value.errno == errno.EINVAL
