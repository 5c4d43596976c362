"""Extended attributes: the errors of what cannot be, call by call, and that they are kept (xattr(7))."""

from __future__ import annotations

import errno
import os

import pytest

from harness import containers
from harness.agent_protocol import out
from harness.guest import Argument, Guest
from harness.plugin import ROOT
from harness.streams import make_pipe
from tests.system import puppet

ALL = b"trusted.c\0user.a\0user.b\0"

CASES = [
    ("/dev", "user.a", errno.ENODATA),
    ("/dev", "security.selinux", errno.ENODATA),
    ("/dev", "trusted.a", errno.ENODATA),
    ("/dev", "nothing", errno.EOPNOTSUPP),
    ("/dev", "system.posix_acl_access", errno.EOPNOTSUPP),
    ("/dev", "user.", errno.EINVAL),
    ("/dev", "", errno.ERANGE),
    ("/dev", "user." + "n" * 251, errno.ERANGE),
    ("/dev", "user." + "n" * 250, errno.ENODATA),
    ("/dev/none", "user.a", errno.ENOENT),
    ("/dev/null", "trusted.a", errno.ENODATA),
    ("/proc/version", "user.a", errno.EOPNOTSUPP),
]
"""A path, a name, and the error of telling and of removing."""


async def error_of(guest: Guest, name: str, *arguments: Argument) -> int:
    """The error of a call."""
    with pytest.raises(OSError) as caught:
        await (await guest.call_by_name(name, *arguments))
    return caught.value.errno or 0


@pytest.mark.parametrize(("path", "name", "expected"), CASES)
async def test_what_cannot_be(guest: Guest, path: str, name: str, expected: int) -> None:
    for prefix in ("", "l"):
        assert await error_of(guest, f"{prefix}getxattr", path, name, None, 0) == expected
        assert await error_of(guest, f"{prefix}removexattr", path, name) == expected


async def test_devices_and_pipes_have_none_of_users(guest: Guest) -> None:
    assert await error_of(guest, "getxattr", "/dev/null", "user.a", None, 0) == errno.ENODATA
    assert await error_of(guest, "setxattr", "/dev/null", "user.a", b"v", 1, 0) == errno.EPERM
    ends = await make_pipe(guest, 0)
    assert await error_of(guest, "fgetxattr", ends.read_end, "user.a", None, 0) == errno.ENODATA
    assert await error_of(guest, "fsetxattr", ends.read_end, "user.a", b"v", 1, 0) == errno.EPERM
    assert await error_of(guest, "fsetxattr", ends.read_end, "trusted.a", b"v", 1, 0) == errno.EOPNOTSUPP
    assert await guest.sys.flistxattr(ends.read_end, None, 0) == 0
    assert await error_of(guest, "fgetxattr", -1, "user.a", None, 0) == errno.EBADF


async def test_values_are_kept_by_the_file_and_not_by_the_name(guest: Guest) -> None:
    file = await guest.sys.open("/kept", os.O_CREAT | os.O_RDWR, 0o600)
    for name, value in (("user.b", b"x" * 5000), ("trusted.c", b""), ("user.a", b"one")):
        assert await guest.sys.fsetxattr(file, name, value, len(value), 1) == 0
    await guest.sys.rename("/kept", "/renamed")
    names, value = out(40), out(5000)
    assert await guest.sys.listxattr("/renamed", names, 40) == len(ALL)
    assert names.content[: len(ALL)] == ALL
    assert await guest.sys.getxattr("/renamed", "user.b", value, 5000) == 5000
    assert value.content == b"x" * 5000
    assert await error_of(guest, "getxattr", "/renamed", "user.b", value, 4999) == errno.ERANGE
    assert await error_of(guest, "fsetxattr", file, "user.a", b"two", 3, 1) == errno.EEXIST
    assert await error_of(guest, "fsetxattr", file, "user.d", b"two", 3, 2) == errno.ENODATA
    await guest.sys.fremovexattr(file, "user.b")
    assert await guest.sys.flistxattr(file, None, 0) == len(ALL) - len(b"user.b\0")
    await guest.sys.unlink("/renamed")
    await guest.sys.close(file)


async def test_an_image_is_not_changed_by_those_who_stand_on_it(guest: Guest) -> None:
    below = f"{ROOT}/bin/busybox"
    await guest.sys.setxattr(below, "user.image", b"below", 5, 0)
    worker = await puppet.in_new_container(guest)
    path, name, own = [await worker.text(text) for text in ("/bin/busybox", "user.image", "user.own")]
    assert await worker.call("getxattr", path, name, 0, 0) == len(b"below")
    await worker.call("setxattr", path, own, own, 4, 0)
    await worker.call("removexattr", path, name)
    assert await worker.call("listxattr", path, 0, 0) == len(b"user.own\0")
    assert await guest.sys.listxattr(below, None, 0) == len(b"user.image\0")
    assert await worker.end() == 0
    state = await containers.destroy(guest, worker.container)
    assert state["pages_used"] == 0


async def test_bad_settings(guest: Guest) -> None:
    assert await error_of(guest, "setxattr", "/dev", "user.a", b"v", 1, 4) == errno.EINVAL
    assert await error_of(guest, "setxattr", "/dev", "user.a", b"v", 65537, 0) == errno.E2BIG
    assert await error_of(guest, "setxattr", "/dev", 1, b"v", 1, 0) == errno.EFAULT
