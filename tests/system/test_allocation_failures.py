"""Every allocation of a call fails in turn: the error is ENOMEM (EAGAIN, ENOLCK), the state as before, nothing is lost.

`kernel/memory/failures.py` lets the n-th allocation fail, for n = 1, 2, 3, ... until the call needs fewer than n.
"""

from __future__ import annotations

import errno
import os
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from harness import containers
from harness.containers import Program
from harness.failures import allocations_left, fail_allocation
from harness.guest import Guest
from harness.inspect import View
from harness.inspect_state import FRAMES, all_containers, frame_counts, validate
from harness.plugin import ROOT
from harness.running import RunningMachine
from kernel.memory.frames import FrameUse
from tests.system import puppet
from tests.system.puppet import Puppet, PuppetDied, last_container, settled
from user.puppet import orders

REFUSALS = (errno.ENOMEM, errno.EAGAIN, errno.ENOLCK)
MOST_ALLOCATIONS = 400
KEPT = (FrameUse.HEAP, FrameUse.PAGE_TABLE)
"""What an account may keep for the next call: a slab with no objects, a page table with no pages."""
POPULATED = 0x8022
"""MAP_PRIVATE, MAP_ANONYMOUS, MAP_POPULATE (mmap(2))."""
SHARED_ANONYMOUS = 0x21
MAY_MOVE = 1
FIXED = 0x10
READ_WRITE = 3
CREATE = os.O_CREAT | os.O_RDWR
PAGE = 4096
FIFO = 0o10000
CURRENT_DIRECTORY = -100
AT_EMPTY_PATH = 0x1000
SET_LOCK = 6
READ_LOCK, WRITE_LOCK, UNLOCK = 0, 1, 2

Call = Callable[[], Awaitable[int]]
"""Does something and undoes it; returns how many allocations were left before one fails. Raises OSError."""
State = tuple[dict[FrameUse, int], int, int, int, int]


def state_of(running: RunningMachine, container: View) -> State:
    """What must be the same after a call that failed: frames by use, objects, processes, files, children."""
    account = container.account
    counts = Counter(
        {
            use: count
            for (owner, use), count in frame_counts(running.kernel).items()
            if owner == account.address_ and use not in KEPT
        }
    )
    return (
        dict(counts),
        account.heap.objects,
        account.processes.used,
        len(container.files.open_files),
        len(container.children),
    )


async def sweep(running: RunningMachine, container: View, call: Call, account: View | None) -> int:
    """Fail each allocation of `call` in turn, and look at the state each time; how many allocations it makes.

    `call` undoes itself when it succeeds, so the state is the same then, too.
    """
    for number in range(1, MOST_ALLOCATIONS):
        before = state_of(running, container)
        await fail_allocation(running, number, account)
        left = 0
        try:
            left = await call()
        except OSError as error:
            assert error.errno in REFUSALS, f"allocation {number}: {error}"
        await fail_allocation(running, 0)
        assert await settled(lambda: state_of(running, container), before) == before, f"allocation {number}"
        validate(running.kernel)
        if left > 0:
            return number - 1
    raise AssertionError(f"the call makes more than {MOST_ALLOCATIONS} allocations")


async def test_create_container(running: RunningMachine, guest: Guest) -> None:
    boot = running.kernel.root_container

    async def call() -> int:
        handle = await containers.create(guest, ROOT, name="box")
        left = allocations_left(running)
        await fail_allocation(running, 0)
        await guest.sys.destroy_container(handle)
        await guest.sys.close(handle)
        return left

    await call()  # the agent touches what it needs for it: a fault of its own that failed would kill it
    assert await sweep(running, boot, call, None) > 5
    free = running.kernel.static(FRAMES).free_count
    await call()
    assert running.kernel.static(FRAMES).free_count == free
    assert len(list(all_containers(running.kernel))) == 1


async def test_run_in_container(running: RunningMachine, guest: Guest) -> None:
    handle = await containers.create(guest, ROOT)
    container = last_container(running)

    async def call() -> int:
        pidfd = await containers.run(guest, handle, Program(["/bin/true"], {"A": "B"}, directory="/tmp", files={0: 0}))
        left = allocations_left(running)
        await fail_allocation(running, 0)
        await containers.wait(guest, pidfd)
        await guest.sys.close(pidfd)
        return left

    await call()
    assert await sweep(running, container, call, container.account) > 20
    await call()
    state = await containers.destroy(guest, handle)
    assert state["pages_used"] == state["processes_used"] == state["open_files"] == 0


@dataclass
class Act:
    """A worker, and the calls that undo what it did: they are made, last first, when nothing fails any more."""

    worker: Puppet
    undo: list[tuple[str, int, int]] = field(default_factory=list)

    async def call(self, what: int | str, *arguments: int) -> int:
        """A call of the worker."""
        return await self.worker.call(what, *arguments)

    async def text(self, text: str) -> int:
        """A C string of the worker."""
        return await self.worker.text(text)

    def later(self, name: str, first: int, second: int = 0) -> None:
        """Make this call at the end."""
        self.undo.append((name, first, second))

    async def open(self, name: str, *arguments: int) -> int:
        """A call that makes a descriptor, which is closed at the end."""
        fd = await self.call(name, *arguments)
        self.later("close", fd)
        return fd

    async def map(self, address: int, length: int, flags: int) -> int:
        """mmap(2), until the end."""
        place = await self.call("mmap", address, length, READ_WRITE, flags, -1, 0)
        self.later("munmap", place, length)
        return place


async def run_pipe(act: Act) -> None:
    """pipe2(2), and what goes through it."""
    ends = await act.worker.load(bytes(8))
    await act.call("pipe2", ends, 0)
    act.later("close", 2)
    act.later("close", 3)
    await act.call("write", 3, ends, 8)


async def run_create(act: Act) -> None:
    """A new file with a name and some contents, far apart."""
    path = await act.text("/tmp/a-new-file")
    file = await act.open("open", path, CREATE, 0o600)
    act.later("unlink", path)
    for place in (0, 3 * PAGE, 5000 * PAGE):
        await act.call("pwrite64", file, path, 10, place)


async def run_directory(act: Act) -> None:
    """mkdir(2), symlink(2), rename(2)."""
    path, link, other = [await act.text(f"/tmp/{name}") for name in ("directory", "link", "other")]
    await act.call("mkdir", path, 0o700)
    act.later("rmdir", path)
    await act.call("symlink", path, link)
    try:
        await act.call("rename", link, other)
    except OSError:
        act.later("unlink", link)
        raise
    act.later("unlink", other)


async def run_mmap(act: Act) -> None:
    """mmap(2) with its pages."""
    await act.map(0, 8 * PAGE, POPULATED)


async def run_mmap_at_far_place(act: Act) -> None:
    """mmap(2) where no page tables are yet; unmapping the middle and protecting a part split regions."""
    address = await act.map(0x10_0000_0000, 8 * PAGE, POPULATED | FIXED)
    await act.call("mprotect", address + PAGE, PAGE, 1)
    await act.call("munmap", address + 4 * PAGE, PAGE)


async def run_mremap(act: Act) -> None:
    """mremap(2) that has to move."""
    address = await act.map(0, PAGE, POPULATED)
    act.later("munmap", await act.call("mremap", address, PAGE, 512 * PAGE, MAY_MOVE), 512 * PAGE)


async def run_fork(act: Act) -> None:
    """fork(2), exit and wait."""
    await act.call(orders.FORK)


async def run_fork_with_shared_memory(act: Act) -> None:
    """fork(2) of shared anonymous memory, whose pages are made then."""
    await act.map(0, 4 * PAGE, SHARED_ANONYMOUS)
    await act.call(orders.FORK)


async def run_thread(act: Act) -> None:
    """clone(2) of a thread, its end and join."""
    await act.call(orders.THREAD)


async def run_exec(act: Act) -> None:
    """execve(2) of the puppet by itself: the new program says that it is ready."""
    path = await act.text(puppet.PATH)
    argv = await act.worker.load(path.to_bytes(8, "little") + bytes(8))
    assert await act.call("execve", path, argv, argv + 8) == orders.READY


async def run_descriptors(act: Act) -> None:
    """Files without a name, and a table of descriptors that has to grow."""
    await act.open("eventfd2", 0, 0)
    await act.open("epoll_create1", 0)
    await act.open("timerfd_create", 0, 0)
    await act.open("dup2", 0, 200)


async def run_locks(act: Act) -> None:
    """A record lock that is divided, by unlocking a part and by another type, and one of flock(2)."""
    path = await act.text("/tmp/locked")
    file = await act.open("open", path, CREATE, 0o600)
    act.later("unlink", path)
    for kind, start, length in ((WRITE_LOCK, 0, 100), (UNLOCK, 10, 10), (READ_LOCK, 50, 10)):
        wanted = await act.worker.load(struct.pack("<hhiqqi4x", kind, 0, 0, start, length, 0))
        await act.call("fcntl", file, SET_LOCK, wanted)
    await act.call("flock", file, 2)


async def run_fifo(act: Act) -> None:
    """Both ends of a FIFO, and what goes through it."""
    path = await act.text("/tmp/fifo")
    await act.call("mknod", path, FIFO | 0o600, 0)
    act.later("unlink", path)
    reader = await act.open("open", path, os.O_RDONLY | os.O_NONBLOCK)
    writer = await act.open("open", path, os.O_WRONLY)
    await act.call("write", writer, path, 5)
    await act.call("read", reader, path, 5)


async def run_nameless(act: Act) -> None:
    """A file that gets its name later, with room reserved for it, and one of memfd_create(2)."""
    folder, path, empty = await act.text("/tmp"), await act.text("/tmp/found"), await act.text("")
    file = await act.open("open", folder, os.O_TMPFILE | os.O_RDWR, 0o600)
    await act.call("fallocate", file, 0, PAGE, 12 * PAGE)
    await act.call("linkat", file, empty, CURRENT_DIRECTORY, path, AT_EMPTY_PATH)
    act.later("unlink", path)
    memory = await act.open("memfd_create", path, 0)
    await act.call("write", memory, path, 10)


async def run_hole_in_image(act: Act) -> None:
    """A hole in a file of the image, whose pages it has to hide."""
    file = await act.open("open", await act.text("/bin/true"), os.O_RDWR)
    await act.call("fallocate", file, 3, 100, 3 * PAGE)


async def run_extended_attributes(act: Act) -> None:
    """Extended attributes of a file: set, replaced by a long value, removed."""
    path = await act.text("/tmp/with-attributes")
    await act.open("open", path, CREATE, 0o600)
    act.later("unlink", path)
    name, other = await act.text("user.one"), await act.text("user.other")
    for which, length in ((name, 10), (other, 5), (name, PAGE)):
        await act.call("setxattr", path, which, name, length, 0)
    await act.call("removexattr", path, other)


async def run_inotify(act: Act) -> None:
    """A queue, a watch and its events; those that find no memory are told as an overflow."""
    folder, path, place = await act.text("/tmp"), await act.text("/tmp/watched"), await act.worker.load(bytes(256))
    queue = await act.open("inotify_init1", os.O_NONBLOCK)
    await act.call("inotify_add_watch", queue, folder, 0xFFF)
    await act.open("open", path, CREATE, 0o600)
    act.later("unlink", path)
    assert await act.call("read", queue, place, 256) in (16, 48, 64), "an overflow, or one event or two"


CALLS = [
    run_inotify,
    run_extended_attributes,
    run_nameless,
    run_hole_in_image,
    run_fifo,
    run_locks,
    run_pipe,
    run_create,
    run_directory,
    run_mmap,
    run_mmap_at_far_place,
    run_mremap,
    run_fork,
    run_fork_with_shared_memory,
    run_thread,
    run_exec,
    run_descriptors,
]


async def attempt(worker: Puppet, act: Callable[[Act], Awaitable[None]], running: RunningMachine) -> int:
    """Do it, note how many allocations are left, and undo it."""
    worker.used = 0
    doing = Act(worker)
    try:
        await act(doing)
    finally:
        left = allocations_left(running)
        await fail_allocation(running, 0)
        for name, first, second in reversed(doing.undo):
            await worker.call(name, first, second)
    return left


@pytest.mark.parametrize("act", CALLS, ids=lambda act: act.__name__.removeprefix("run_"))
async def test_in_a_program(running: RunningMachine, guest: Guest, act: Callable[[Act], Awaitable[None]]) -> None:
    worker = await puppet.in_new_container(guest)
    container = last_container(running)

    async def call() -> int:
        nonlocal worker
        try:
            return await attempt(worker, act, running)
        except (PuppetDied, BrokenPipeError):
            status = await containers.wait(guest, worker.pidfd)
            assert status == 137, "out of memory in ring 3 is SIGKILL, and nothing else kills"
            await worker.forget()
            worker = await puppet.start(guest, worker.container)
            await attempt(worker, act, running)  # it has touched as much as the one before
            return 0

    await call()
    assert await sweep(running, container, call, container.account) > 0
    await call()
    assert await worker.end() == 0
    state = await containers.destroy(guest, worker.container)
    assert state["pages_used"] == state["processes_used"] == state["open_files"] == 0
