"""Extended attributes: there are none, and programs are told so as /proc of Linux tells them (xattr(7))."""

from __future__ import annotations

import errno
import os

import pytest

from harness.guest import Argument, Guest

CASES = [
    ("/dev", "user.a", errno.EOPNOTSUPP, errno.EOPNOTSUPP),
    ("/dev", "security.selinux", errno.EOPNOTSUPP, errno.EOPNOTSUPP),
    ("/dev", "nothing", errno.EOPNOTSUPP, errno.EOPNOTSUPP),
    ("/dev", "", errno.ERANGE, errno.ERANGE),
    ("/dev", "user." + "n" * 251, errno.ERANGE, errno.ERANGE),
    ("/dev", "user." + "n" * 250, errno.EOPNOTSUPP, errno.EOPNOTSUPP),
    ("/dev/none", "user.a", errno.ENOENT, errno.ENOENT),
    ("/dev/null", "user.a", errno.ENODATA, errno.EPERM),
    ("/dev/null", "trusted.a", errno.EOPNOTSUPP, errno.EOPNOTSUPP),
]
"""A path, a name, and the errors of getting, and of setting and removing."""


async def error_of(guest: Guest, name: str, *arguments: Argument) -> int:
    """The error of a call."""
    with pytest.raises(OSError) as caught:
        await (await guest.call_by_name(name, *arguments))
    return caught.value.errno or 0


@pytest.mark.parametrize(("path", "name", "telling", "changing"), CASES)
async def test_no_file_has_any(guest: Guest, path: str, name: str, telling: int, changing: int) -> None:
    for prefix in ("", "l"):
        assert await error_of(guest, f"{prefix}getxattr", path, name, None, 0) == telling
        assert await error_of(guest, f"{prefix}setxattr", path, name, b"v", 1, 0) == changing
        assert await error_of(guest, f"{prefix}removexattr", path, name) == changing


async def test_open_files_have_none(guest: Guest) -> None:
    file = await guest.sys.open("/dev", os.O_DIRECTORY, 0)
    assert await error_of(guest, "fgetxattr", file, "user.a", None, 0) == errno.EOPNOTSUPP
    assert await error_of(guest, "fsetxattr", file, "user.a", b"v", 1, 0) == errno.EOPNOTSUPP
    assert await error_of(guest, "fremovexattr", file, "user.a") == errno.EOPNOTSUPP
    assert await error_of(guest, "fgetxattr", -1, "user.a", None, 0) == errno.EBADF
    assert await guest.sys.flistxattr(file, None, 0) == 0


async def test_bad_settings(guest: Guest) -> None:
    assert await error_of(guest, "setxattr", "/dev", "user.a", b"v", 1, 4) == errno.EINVAL
    assert await error_of(guest, "setxattr", "/dev", "user.a", b"v", 65537, 0) == errno.E2BIG
    assert await error_of(guest, "setxattr", "/dev", 1, b"v", 1, 0) == errno.EFAULT


async def test_listings_are_empty(guest: Guest) -> None:
    assert await guest.sys.listxattr("/dev", None, 0) == 0
    assert await guest.sys.llistxattr("/dev", None, 0) == 0
    assert await error_of(guest, "listxattr", "/dev/none", None, 0) == errno.ENOENT
