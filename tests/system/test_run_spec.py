"""What a RunSpec says beside the program: supplementary groups and limits; and the root of a container from outside."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from harness import containers
from harness.agent_protocol import into
from harness.containers import Program, ResourceLimit
from harness.engine.guest_files import GuestFiles
from harness.guest import Guest
from harness.plugin import ROOT
from kernel.containers.abi import ControlOperation
from tests.system.programs import run_in_new

BUSYBOX = "/bin/busybox"
NOFILE = 7


def shell(script: str, **settings: object) -> Program:
    return Program([BUSYBOX, "sh", "-c", script], **settings)  # type: ignore[arg-type]


async def refusal(guest: Guest, program: Program) -> int:
    """The errno with which a program does not start, of which nothing is left."""
    handle = await containers.create(guest, ROOT)
    with pytest.raises(OSError) as refused:
        await containers.run(guest, handle, program)
    assert (await containers.query(guest, handle))["processes_used"] == 0
    after = await containers.destroy(guest, handle)
    assert (after["pages_used"], after["processes_used"], after["open_files"]) == (0, 0, 0)
    await guest.sys.close(handle)
    assert refused.value.errno is not None
    return refused.value.errno


async def test_groups_and_limits_are_those_of_the_spec(guest: Guest) -> None:
    handle = await containers.create(guest, ROOT)
    limits = (ResourceLimit(NOFILE, 20, 30), ResourceLimit(4, 1, 2))
    script = "id -G | grep -qx '0 5 6' && [ $(ulimit -n) = 20 ] && [ $(ulimit -Hn) = 30 ]"
    pidfd = await containers.run(guest, handle, shell(script, groups=(5, 6), limits=limits))
    assert await containers.wait(guest, pidfd) == 0
    await containers.destroy(guest, handle)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"limits": (ResourceLimit(16, 1, 1),)}, errno.EINVAL),
        ({"limits": (ResourceLimit(0xFFFFFFFF, 1, 1),)}, errno.EINVAL),
        ({"limits": (ResourceLimit(0, 2, 1),)}, errno.EINVAL),
        ({"limits": (ResourceLimit(NOFILE, 1, (1 << 20) + 1),)}, errno.EPERM),
        ({"limits": (ResourceLimit(0, 1, 1),) * 17}, errno.EINVAL),
        ({"groups": tuple(range(33))}, errno.EINVAL),
    ],
)
async def test_odd_groups_and_limits(guest: Guest, settings: dict[str, object], expected: int) -> None:
    assert await refusal(guest, shell("true", **settings)) == expected


async def test_a_limit_of_descriptors_holds_for_those_that_are_passed(guest: Guest) -> None:
    limits = (ResourceLimit(NOFILE, 2, 2),)
    assert await refusal(guest, shell("true", files={2: 2}, limits=limits)) == errno.EBADF


async def test_the_root_is_read_from_outside_and_ends_with_the_container(guest: Guest) -> None:
    handle = await containers.create(guest, ROOT)
    pidfd = await containers.run(guest, handle, shell("echo inside > /file; ln -s /etc/passwd /link; ln -s ../.. /up"))
    assert await containers.wait(guest, pidfd) == 0
    files = GuestFiles(guest, handle)
    assert await files.read_file(b"/file", 100) == b"inside\n"
    assert (await files.read_file(b"link", 4)) == b"root"
    assert (await files.read_file(b"/up/up/file", 3)) == b"ins", "nothing leads out"
    assert await files.read_file(b"/bin", 10) is None
    root = await containers.open_root(guest, handle)
    with pytest.raises(OSError, match=os.strerror(errno.EISDIR)):
        await guest.read(root, 10)
    await containers.destroy(guest, handle)
    with pytest.raises(OSError) as gone:
        await guest.sys.openat(root, into(b"file\0"), os.O_RDONLY, 0)
    assert gone.value.errno == errno.ENOENT
    with pytest.raises(OSError) as dead:
        await guest.sys.control_container(handle, ControlOperation.OPEN_ROOT, 0)
    assert dead.value.errno == errno.ESRCH
    await guest.sys.close(root)


async def test_short_specs_are_those_of_before(guest: Guest) -> None:
    handle = await containers.create(guest, ROOT)
    spec = containers.run_spec(BUSYBOX, Program([BUSYBOX, "true"]))
    spec.content = struct.pack("<Q", 104) + spec.content[8:104]
    spec.pointers = [(offset, target) for offset, target in spec.pointers if offset < 104]
    pidfd = await guest.sys.run_in_container(handle, spec, 104)
    assert await containers.wait(guest, pidfd) == 0
    await containers.destroy(guest, handle)


async def test_groups_are_seen_inside(guest: Guest) -> None:
    result = await run_in_new(guest, BUSYBOX, "id", "-G")
    assert result.output == b"0\n"
