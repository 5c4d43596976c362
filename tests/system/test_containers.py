"""Each container call from Python, through the agent: its result, its errors, and that nothing is lost."""

from __future__ import annotations

import errno
import struct
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from harness import containers
from harness.agent_protocol import both, into, out
from harness.containers import Limits, Program
from harness.guest import Guest
from harness.inspect_state import FRAMES, all_containers, containers_table, processes_table, text
from harness.plugin import ROOT
from harness.running import RunningMachine
from harness.structs import pack
from kernel.containers.abi import CONFIG_SIZE_FIRST, ContainerStage
from tests.system.programs import run_in

BUSYBOX = "/bin/busybox"
SPIN = Program([BUSYBOX, "sh", "-c", "while :; do :; done"])
WILD = 0xDEAD0000
TRIES = 60


@pytest_asyncio.fixture(loop_scope="session")
async def container(guest: Guest) -> AsyncIterator[int]:
    """A container that is there."""
    yield await containers.create(guest, ROOT, name="box")


async def failure(call: object) -> int:
    """The errno that a call fails with."""
    with pytest.raises(OSError) as caught:
        await call  # type: ignore[misc]
    assert caught.value.errno is not None
    return caught.value.errno


async def test_create_run_query_destroy(guest: Guest, container: int) -> None:
    assert (await containers.query(guest, container))["stage"] == ContainerStage.CREATED
    result = await run_in(guest, container, [BUSYBOX, "echo", "hello"])
    assert (result.status, result.output) == (0, b"hello\n")
    state = await containers.query(guest, container)
    assert state["stage"] == ContainerStage.EMPTY
    assert state["processes_used"] == 0 < state["pages_used"]
    after = await containers.destroy(guest, container)
    assert after["pages_used"] == after["processes_used"] == after["open_files"] == 0
    assert after["reclaimed_pages"] == state["pages_used"]


async def create_run_destroy(guest: Guest) -> None:
    """One life of a container with a program that does not end by itself."""
    handle = await containers.create(guest, ROOT)
    pidfd = await containers.run(guest, handle, SPIN)
    state = await containers.destroy(guest, handle)
    assert state["reclaimed_processes"] == 1
    assert await containers.wait(guest, pidfd) == 128 + 9
    for descriptor in (pidfd, handle):
        await guest.sys.close(descriptor)


async def test_destroy_gives_back_what_runs(running: RunningMachine, guest: Guest) -> None:
    await create_run_destroy(guest)  # the agent and the kernel's shared slabs grow once
    before = running.kernel.static(FRAMES).free_count
    for _ in range(3):
        await create_run_destroy(guest)
    assert running.kernel.static(FRAMES).free_count == before


@pytest.mark.parametrize(
    ("size", "version", "expected"),
    [(0, 1, errno.EINVAL), (8, 1, errno.EINVAL), (88, 0, errno.EINVAL), (88, 2, errno.EINVAL)],
)
async def test_create_refuses_sizes_and_versions(
    running: RunningMachine, guest: Guest, size: int, version: int, expected: int
) -> None:
    count = len(list(all_containers(running.kernel)))
    path = ROOT.encode()
    config = pack("ContainerConfig", size=size, version=version, root=into(path), root_length=len(path))
    assert await failure(guest.sys.create_container(config, size)) == expected
    assert len(list(all_containers(running.kernel))) == count


async def test_create_refuses_what_it_does_not_know(guest: Guest) -> None:
    path = ROOT.encode()
    known = len(pack("ContainerConfig").content)
    config = pack("ContainerConfig", size=known + 8, version=1, root=into(path), root_length=len(path))
    config = replace(config, content=config.content + b"\x01" + bytes(7))
    assert await failure(guest.sys.create_container(config, known + 8)) == errno.E2BIG
    config = replace(config, content=config.content[:known] + bytes(8))
    assert await guest.sys.create_container(config, known + 8) >= 0


async def test_create_takes_the_struct_as_first_published(guest: Guest) -> None:
    path = ROOT.encode()
    config = pack("ContainerConfig", size=CONFIG_SIZE_FIRST, version=1, root=into(path), root_length=len(path))
    config = replace(config, content=config.content[:CONFIG_SIZE_FIRST])
    assert await guest.sys.create_container(config, CONFIG_SIZE_FIRST) >= 0


async def test_create_refuses_paths(guest: Guest) -> None:
    assert await failure(containers.create(guest, "/no/such")) == errno.ENOENT
    assert await failure(containers.create(guest, f"{ROOT}/etc/passwd")) == errno.ENOTDIR
    assert await failure(containers.create(guest, "")) == errno.EINVAL


async def test_two_children_of_one_name(guest: Guest, container: int) -> None:
    assert await failure(containers.create(guest, ROOT, name="box")) == errno.EEXIST


@pytest.mark.parametrize("call", ["create_container", "query_container", "run_in_container"])
async def test_wild_pointers_are_efault(guest: Guest, container: int, call: str) -> None:
    function = getattr(guest.sys, call)
    arguments = {
        "create_container": (WILD, 88),
        "run_in_container": (container, WILD, 104),
        "query_container": (container, WILD, 136),
    }[call]
    assert await failure(function(*arguments)) == errno.EFAULT


async def test_pointers_inside_a_config_are_checked(guest: Guest) -> None:
    config = pack("ContainerConfig", size=88, version=1, root=WILD, root_length=10)
    assert await failure(guest.sys.create_container(config, 88)) == errno.EFAULT


async def test_run_says_what_is_wrong_with_a_program(guest: Guest, container: int) -> None:
    for path, expected in (
        ("/no/such", errno.ENOENT),
        ("/etc/passwd", errno.EACCES),
        ("/etc", errno.EACCES),
        ("/etc/passwd/x", errno.ENOTDIR),
    ):
        assert await failure(containers.run(guest, container, Program([path]))) == expected
    assert (await containers.query(guest, container))["processes_used"] == 0


async def test_a_program_that_does_not_start_leaves_no_trace(guest: Guest, container: int) -> None:
    for _ in range(3):
        await failure(containers.run(guest, container, Program(["/no/such"])))
    assert (await run_in(guest, container, [BUSYBOX, "sh", "-c", "echo $$"])).output == b"1\n"


async def test_calls_on_what_is_no_container(guest: Guest, container: int) -> None:
    state = out(len(pack("ContainerState").content))
    for descriptor in (0, 999, -1):
        assert await failure(guest.sys.destroy_container(descriptor)) == errno.EBADF
        assert await failure(guest.sys.query_container(descriptor, state, len(state.content))) == errno.EBADF
        assert await failure(containers.run(guest, descriptor, SPIN)) == errno.EBADF


async def test_a_destroyed_container_is_gone(guest: Guest, container: int) -> None:
    await containers.destroy(guest, container)
    assert await failure(guest.sys.destroy_container(container)) in (errno.ESRCH, errno.ESTALE)
    assert await failure(containers.run(guest, container, SPIN)) in (errno.ESRCH, errno.ESTALE)


async def test_process_limit(guest: Guest) -> None:
    handle = await containers.create(guest, ROOT, limits=Limits(processes=1))
    await containers.run(guest, handle, SPIN)
    assert await failure(containers.run(guest, handle, SPIN)) == errno.EAGAIN


async def test_page_limit(guest: Guest) -> None:
    handle = await containers.create(guest, ROOT, limits=Limits(pages=6))
    assert await failure(containers.run(guest, handle, SPIN)) == errno.ENOMEM
    await containers.destroy(guest, handle)


async def test_two_busy_containers_both_run_and_can_be_seen(running: RunningMachine, guest: Guest) -> None:
    handles = [await containers.create(guest, ROOT, name=name) for name in ("left", "right")]
    for handle in handles:
        await containers.run(guest, handle, SPIN)
    before = [(await containers.query(guest, handle))["cpu_time"] for handle in handles]
    for _ in range(TRIES):  # on a busy host QEMU itself may stand still for much of a turn, which counts
        await guest.sys.nanosleep(into(struct.pack("<qq", 0, 150_000_000)), None)
        after = [(await containers.query(guest, handle))["cpu_time"] for handle in handles]
        times = [last - first for first, last in zip(before, after, strict=True)]
        if 0 < max(times) <= 2 * min(times):
            break
    assert 0 < max(times) <= 2 * min(times)
    await running.pause()
    shown = "\n".join(containers_table(running.kernel) + processes_table(running.kernel))
    names = {text(container.name) for _, container in all_containers(running.kernel)}
    await running.resume()
    assert {"left", "right"} <= names
    assert shown.count("busybox") == 2


async def test_containers_do_not_see_each_other(guest: Guest) -> None:
    left, right = [await containers.create(guest, ROOT) for _ in range(2)]
    await run_in(guest, left, [BUSYBOX, "sh", "-c", "echo secret > /tmp/file"])
    assert (await run_in(guest, left, [BUSYBOX, "cat", "/tmp/file"])).output == b"secret\n"
    assert (await run_in(guest, right, [BUSYBOX, "cat", "/tmp/file"])).status == 1
    with pytest.raises(FileNotFoundError):
        await guest.read_file(f"{ROOT}/tmp/file")
    await containers.run(guest, left, SPIN)
    shown = await run_in(guest, right, [BUSYBOX, "kill", "-9", "3"])  # `left` has a process 3
    assert (shown.status, shown.errors) == (1, b"kill: can't kill pid 3: No such process\n")
    assert (await containers.query(guest, left))["processes_used"] == 1


async def test_a_program_that_does_not_start_takes_no_pid(guest: Guest, container: int) -> None:
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            await containers.run(guest, container, Program(["/nowhere"]))
    assert (await run_in(guest, container, [BUSYBOX, "sh", "-c", "echo $$"])).output == b"1\n"


async def test_unknown_calls_are_enosys(guest: Guest) -> None:
    for number in (334, 999, 1999, 0xFFFFFFF):
        assert await failure(guest.call(number)) == errno.ENOSYS


async def test_buffers_go_both_ways(guest: Guest) -> None:
    entry = both(struct.pack("<ihh", 1, 4, 0))
    assert await guest.sys.poll(entry, 1, 0) == 1
    assert struct.unpack("<ihh", entry.content) == (1, 4, 4)
