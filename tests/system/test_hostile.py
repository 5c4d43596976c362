"""Hostile programs in a limited container: a second one keeps its share, and destroy returns every frame."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from harness import containers
from harness.agent_protocol import out
from harness.containers import Limits, Program
from harness.guest import Guest
from harness.inspect_state import validate
from harness.interface import call_numbers
from harness.plugin import ROOT
from harness.running import RunningMachine
from tests.system import puppet
from tests.system.puppet import Puppet, PuppetDied, held, settled
from user.puppet import orders

PAGE = 4096
LIMITS = Limits(pages=1500, processes=24)
SPIN = Program(["/bin/busybox", "sh", "-c", "while :; do :; done"])
PRIVATE, POPULATED = 0x22, 0x8022
READ_WRITE = 3
MMAP, KILL = 9, 62
IGNORED = 1
"""SIG_IGN."""
PIPE_SIGNAL = 13
STORM_SECONDS = 1.0
SHARE = 0.35
"""What the second container gets at least of the processor beside an attacker of equal weight; half is fair."""


@pytest_asyncio.fixture(loop_scope="session")
async def worker(running: RunningMachine, guest: Guest) -> AsyncIterator[Puppet]:
    """A puppet in a limited container, which is destroyed afterwards and leaves nothing."""
    # The agent and the kernel's shared slabs grow once.
    await discard(guest, await puppet.in_new_container(guest, limits=LIMITS))
    before = held(running)
    subject = await puppet.in_new_container(guest, limits=LIMITS)
    yield subject
    state = await discard(guest, subject)
    assert state["pages_used"] == state["processes_used"] == state["open_files"] == 0
    assert state["pages_peak"] <= LIMITS.pages and state["processes_peak"] <= LIMITS.processes
    validate(running.kernel)
    assert await settled(lambda: held(running), before) == before


async def discard(guest: Guest, subject: Puppet) -> dict[str, int]:
    """Destroy the container of `subject` and close what belongs to it; returns its last state."""
    state = await containers.destroy(guest, subject.container)
    for descriptor in (subject.orders, subject.answers, subject.pidfd, subject.container):
        await guest.sys.close(descriptor)
    return state


async def exhausts_pages(guest: Guest, worker: Puppet) -> None:
    """The container has used what it may, to within a few slabs and tables."""
    assert (await containers.query(guest, worker.container))["pages_peak"] > LIMITS.pages - 16


async def test_touching_more_than_the_limit_kills_only_the_hog(guest: Guest, worker: Puppet) -> None:
    size = 2 * LIMITS.pages * PAGE
    address = await worker.call("mmap", 0, size, READ_WRITE, PRIVATE, -1, 0)
    with pytest.raises(PuppetDied, match="status 137"):
        await worker.call(orders.TOUCH, address, size)
    await exhausts_pages(guest, worker)
    assert await (await puppet.start(guest, worker.container)).end() == 0


async def test_page_tables_count(guest: Guest, worker: Puppet) -> None:
    with pytest.raises(PuppetDied, match="status 137"):
        for number in range(LIMITS.pages):
            address = await worker.call("mmap", (number + 1) << 30, PAGE, READ_WRITE, PRIVATE | 0x10, -1, 0)
            await worker.call(orders.TOUCH, address, PAGE)
    await exhausts_pages(guest, worker)


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("mmap", (0, 4 * PAGE, 1, POPULATED, -1)),
        ("pipe2", (0, 0)),
        ("dup", (1,)),
        ("mkdir_and_chdir", ()),
        ("open_new", ()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_until_it_fails(guest: Guest, worker: Puppet, call: str, arguments: tuple[int, ...]) -> None:
    """The same call until it fails; then others still work, and the container is within its limits."""
    count = await REPEATED.get(call, repeat)(worker, call, arguments)
    assert count > 50
    assert await worker.call("getpid") == 1
    other = await puppet.in_new_container(guest)
    assert await other.call(orders.FORK) > 0
    assert await other.end() == 0
    await containers.destroy(guest, other.container)
    await guest.sys.close(other.container)


async def repeat(worker: Puppet, call: str, arguments: tuple[int, ...]) -> int:
    """A call until it fails; `pipe2` gets a place for its descriptors."""
    if call == "pipe2":
        arguments = (await worker.load(bytes(8)), 0)
    return await worker.call(orders.REPEAT, call_numbers()[call], *arguments)


async def deepen(worker: Puppet, call: str, arguments: tuple[int, ...]) -> int:
    """Directories in directories, up to a thousand or the limit."""
    name = await worker.text("directory")
    for depth in range(1000):
        try:
            await worker.call("mkdir", name, 0o700)
            await worker.call("chdir", name)
        except OSError as error:
            assert error.errno in (errno.ENOMEM, errno.ENOSPC)
            return depth
    return 1000


async def fill(worker: Puppet, call: str, arguments: tuple[int, ...]) -> int:
    """Files with a page each, until there is no memory."""
    content = await worker.load(b"x")
    name = await worker.load(bytes(16))
    start = worker.used
    for number in range(4 * LIMITS.pages):
        worker.used = start - 16
        await worker.text(f"/tmp/{number}")
        try:
            file = await worker.call("open", name, os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                await worker.call("write", file, content, 1)
            finally:
                await worker.call("close", file)
        except OSError as error:
            assert error.errno in (errno.ENOMEM, errno.ENOSPC)
            return number
    raise AssertionError("more files than pages")


REPEATED: dict[str, Callable[[Puppet, str, tuple[int, ...]], Awaitable[int]]] = {
    "mkdir_and_chdir": deepen,
    "open_new": fill,
}


async def test_threads_and_children_stop_at_the_limit(guest: Guest, worker: Puppet) -> None:
    assert await worker.call(orders.THREADS) == LIMITS.processes - 1
    other = await puppet.in_new_container(guest, limits=LIMITS)
    assert await other.call(orders.CHILDREN) == LIMITS.processes - 1
    for subject in (worker, other):
        assert (await containers.query(guest, subject.container))["processes_used"] == LIMITS.processes
    await containers.destroy(guest, other.container)
    for descriptor in (other.orders, other.answers, other.pidfd, other.container):
        await guest.sys.close(descriptor)


async def test_writing_to_a_closed_pipe(guest: Guest, worker: Puppet) -> None:
    """EPIPE where SIGPIPE is ignored, death elsewhere. The first process of a container ignores it by default."""
    second = await puppet.start(guest, worker.container)
    ends = await second.load(bytes(8))
    ignore, default = await second.load(IGNORED.to_bytes(8, "little") + bytes(24)), await second.load(bytes(32))
    await second.call("pipe2", ends, 0)
    await second.call("close", 2)
    await second.call("rt_sigaction", PIPE_SIGNAL, ignore, 0, 8)
    with pytest.raises(BrokenPipeError):
        await second.call("write", 3, ends, 8)
    await second.call("rt_sigaction", PIPE_SIGNAL, default, 0, 8)
    with pytest.raises(PuppetDied, match=f"status {128 + PIPE_SIGNAL}"):
        await second.call("write", 3, ends, 8)
    await guest.sys.close(second.orders)
    await second.forget()


STORMS = {
    "fork bomb": lambda worker: worker.send(orders.FORK_BOMB),
    "signals": lambda worker: worker.send(orders.REPEAT, KILL, 0, 0),
    "pages": lambda worker: worker.send(orders.REPEAT, MMAP, 0, 4 * PAGE, 1, POPULATED, -1),
}


async def second_gets_its_share(guest: Guest, attacker: int) -> None:
    """A busy container beside a storm has its share of the processor time, of which one thread uses one processor."""
    second = await containers.create(guest, ROOT)
    pidfd = await containers.run(guest, second, SPIN)
    before = [(await containers.query(guest, handle))["cpu_time"] for handle in (second, attacker)]
    await asyncio.sleep(STORM_SECONDS)
    after = [(await containers.query(guest, handle))["cpu_time"] for handle in (second, attacker)]
    mine, theirs = (last - first for first, last in zip(before, after, strict=True))
    await containers.destroy(guest, second)
    for descriptor in (pidfd, second):
        await guest.sys.close(descriptor)
    allowed = out(8)
    await guest.sys.sched_getaffinity(0, 8, allowed)
    processors = int.from_bytes(allowed.content, "little").bit_count()
    assert mine > SHARE * (mine + theirs) / max(processors / 2, 1), f"{mine} ns beside {theirs}"


@pytest.mark.parametrize("storm", STORMS)
async def test_storm(guest: Guest, worker: Puppet, storm: str) -> None:
    await STORMS[storm](worker)
    await second_gets_its_share(guest, worker.container)


async def test_exec_loop(guest: Guest, worker: Puppet) -> None:
    pidfd = await containers.run(
        guest, worker.container, Program(["/bin/busybox", "sh", "-c", "while :; do /bin/busybox true; done"])
    )
    await second_gets_its_share(guest, worker.container)
    await guest.sys.close(pidfd)
