"""A container whose root is read-only, but for what was left writable."""

from __future__ import annotations

import errno
import os

import pytest

from harness import containers
from harness.agent_protocol import into
from harness.engine.guest_files import GuestFiles
from harness.guest import Guest
from harness.plugin import ROOT
from kernel.containers.abi import ControlOperation
from tests.system.programs import run_in

BUSYBOX = "/bin/busybox"
RENAME_EXCHANGE = 2
REFUSED = """
echo x > /etc/passwd; echo x > /new; mkdir /new; rm /etc/passwd; rmdir /nosuch; rmdir /tmp; ln -s x /new; mkfifo /new
chmod 600 /etc/passwd; chown 1 /etc/passwd; touch /etc/passwd; mv /etc/passwd /tmp/p; mv /left/file /etc/file
truncate -s 0 /etc/passwd; mkdir /etc/new; chmod 600 /bin
"""
ALLOWED = """
cat /etc/passwd > /left/copy; mkdir /left/d; echo x > /left/d/x; mv /left/d/x /left/y; ln /left/y /left/z; rm /left/y
chmod 600 /left/z; touch /left; echo x > /dev/null; echo x > /dev/shm/x; echo x >> /left-file; chmod 700 /left
"""

APART = ("ln /etc/passwd /left/p", "ln /left/z /second/z", "ln /left-file /left/f")
LINKS = f"ln /left/z /left/zz; ln /left/z /etc/z; {'; '.join(APART)}"


PLACES = [b"/left", b"/second", b"/left-file"]
"""What stays writable."""


async def with_places(guest: Guest) -> int:
    """A container with all of them, and with /left/file."""
    handle = await containers.create(guest, ROOT)
    script = "mkdir /left /second; echo a > /left/file; echo b > /left-file"
    done = await run_in(guest, handle, [BUSYBOX, "sh", "-c", script])
    assert done.status == 0
    return handle


async def prepared(guest: Guest) -> int:
    """Such a container, of which all else is read-only."""
    handle = await with_places(guest)
    await GuestFiles(guest, handle).make_read_only(PLACES)
    return handle


async def complaints(guest: Guest, handle: int, script: str) -> list[str]:
    """Each command of a script that fails, with what it says."""
    lines = [command.strip() for command in script.replace("\n", ";").split(";") if command.strip()]
    found = []
    for line in lines:
        done = await run_in(guest, handle, [BUSYBOX, "sh", "-c", line])
        if done.status != 0:
            found.append(f"{line}: {(done.output + done.errors).decode().strip().rpartition(': ')[2]}")
    return found


async def test_nothing_but_what_was_left_writable_is_changed(guest: Guest) -> None:
    handle = await prepared(guest)
    lines = [command.strip() for command in REFUSED.replace("\n", ";").split(";") if command.strip()]
    assert await complaints(guest, handle, REFUSED) == [f"{line}: Read-only file system" for line in lines]
    assert await complaints(guest, handle, "mkdir /etc") == ["mkdir /etc: File exists"]
    assert await complaints(guest, handle, ALLOWED) == []
    refused = await complaints(guest, handle, LINKS)
    assert refused == [
        "ln /left/z /etc/z: Read-only file system",
        *(f"{line}: Invalid cross-device link" for line in APART),
    ]
    script = "head -1 /proc/mounts; grep ' / / ' /proc/self/mountinfo"
    done = await run_in(guest, handle, [BUSYBOX, "sh", "-c", script])
    assert done.output.count(b" ro,relatime ") == 2
    await containers.destroy(guest, handle)


async def test_what_is_open_and_what_has_no_name_go_on(guest: Guest) -> None:
    handle = await with_places(guest)
    root = await containers.open_root(guest, handle)
    file = await guest.sys.openat(root, into(b"etc/passwd\0"), os.O_WRONLY, 0)
    await GuestFiles(guest, handle).make_read_only(PLACES)
    assert await guest.write(file, b"x") == 1, "it was opened before"
    for number, (call, *arguments) in enumerate(
        [
            ("openat", into(b"etc/group\0"), os.O_RDWR, 0),
            ("unlinkat", into(b"etc/group\0"), 0),
            ("mkdirat", into(b"x\0"), 0),
        ]
    ):
        with pytest.raises(OSError) as refused:
            await getattr(guest.sys, str(call))(root, *arguments)
        assert (number, refused.value.errno) == (number, errno.EROFS)
    with pytest.raises(OSError) as refused:
        await guest.sys.faccessat(root, into(b"etc/group\0"), os.W_OK)
    assert refused.value.errno == errno.EROFS
    assert await guest.sys.faccessat(root, into(b"etc/group\0"), os.R_OK) == 0
    for old, new, expected in (
        ("etc/passwd", "etc/group", errno.EROFS),
        ("etc/nosuch", "etc/group", errno.EROFS),
        ("etc/passwd", "left/p", errno.EXDEV),
        ("left/file", "second/file", errno.EXDEV),
        ("left", "second", errno.EROFS),
    ):
        for flags in (0, RENAME_EXCHANGE):
            with pytest.raises(OSError) as refused:
                await guest.sys.renameat2(root, into(f"{old}\0".encode()), root, into(f"{new}\0".encode()), flags)
            assert (old, flags, refused.value.errno) == (old, flags, expected)
    memory = await guest.sys.memfd_create("m", 0)
    await guest.sys.fchmod(memory, 0o600)
    for descriptor in (memory, file, root):
        await guest.sys.close(descriptor)
    await containers.destroy(guest, handle)


async def test_only_files_of_the_container_are_left_writable(guest: Guest) -> None:
    handle = await containers.create(guest, ROOT)
    elsewhere = await guest.sys.open("/", os.O_RDONLY, 0)
    for descriptor, expected in (
        (elsewhere, errno.EINVAL),
        (handle, errno.EINVAL),
        (999, errno.EBADF),
        (1 << 63, errno.EBADF),
    ):
        with pytest.raises(OSError) as refused:
            await guest.sys.control_container(handle, ControlOperation.LEAVE_WRITABLE, descriptor)
        assert refused.value.errno == expected
    await guest.sys.close(elsewhere)
    await containers.destroy(guest, handle)


async def test_others_are_as_before(guest: Guest) -> None:
    handle, other = await prepared(guest), await containers.create(guest, ROOT)
    done = await run_in(guest, other, [BUSYBOX, "sh", "-c", "echo x > /etc/passwd; cat /etc/passwd"])
    assert (done.status, done.output) == (0, b"x\n")
    await containers.destroy(guest, other)
    await containers.destroy(guest, handle)
