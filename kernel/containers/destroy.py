"""The end of a container: everything that it owns is given back, and the count says so.

`destroy` works from the leaves of the tree of containers: first no process is left, then no open file, then no inode,
then no object. Nothing waits for a reference count: what others hold of it is cut off and dead; what there is left of
that is paid for by the container around from then on (kernel/files/README.md, "Life and death").
"""

from __future__ import annotations

from codegen.lang import Fallible, struct, u32, u64
from kernel.base.errno import EBUSY, EDEADLK
from kernel.containers.abi import ContainerStage
from kernel.containers.container import Container
from kernel.files.content import release_dying
from kernel.memory import frames
from kernel.memory.account import Account
from kernel.memory.reparent import STEP, reparent
from kernel.process.ending import kill_process
from kernel.process.process import Process
from kernel.process.signal_table import Signal
from kernel.sched.bandwidth import NO_BANDWIDTH
from kernel.sched.control import set_shares
from kernel.sched.cpu import current
from kernel.sched.preemption import give_way
from kernel.sched.scheduler import yield_now


@struct
class Reclaimed:
    """What destroying gave back."""

    pages: u64 = 0
    objects: u64 = 0
    processes: u64 = 0

    def add(self, other: Reclaimed) -> None:
        """Count in what a child container gave back."""
        self.pages += other.pages
        self.objects += other.objects
        self.processes += other.processes


def destroy(container: Container, total: Reclaimed) -> Fallible[None]:
    """Destroy `container` and all containers inside, and count what came back in `total`.

    EDEADLK for a container that the caller is in itself; EBUSY while somebody else destroys it.
    """
    if container.contains(current().process.container):
        raise EDEADLK
    if container.stage == ContainerStage.DYING:
        raise EBUSY
    tear_down(container, total)


def tear_down(container: Container, total: Reclaimed) -> None:
    """Destroy a container that may be destroyed. One inside that others destroy already is theirs to the end."""
    mark_dying(container)
    while True:
        seen = container.changed.observe()
        leaf = deepest(container)
        last = leaf is container
        if leaf.destroyer is current():
            destroy_leaf(leaf, total)
            if last:
                return
        else:
            container.changed.sleep_uninterrupted(seen)


def deepest(container: Container) -> Container:
    """A container inside `container`, or that itself, that has no children."""
    found = container
    while True:
        child = found.children.first
        if child is None:
            return found
        found = child


def mark_dying(top: Container) -> None:
    """From now on nothing new begins in `top` or inside of it; everything that runs there ends soon."""
    level: Container | None = top
    while level is not None:
        if not level.is_dying:
            level.stage = ContainerStage.DYING
            level.destroyer = current()
            for process in level.processes:
                kill_process(process, u32(Signal.KILL))
        level = level.following(top)


def destroy_leaf(container: Container, total: Reclaimed) -> None:
    """Destroy a dying container that has no children."""
    total.processes += await_end(container)
    used = container.account.pages.used.load()
    survivors = end_files(container, total)
    release_dying()
    container.account.heap.trim()
    parent = container.parent
    assert parent is not None, "the boot container is never destroyed"
    moved = hand_over(container.account, parent.account)
    assert moved == 0 or survivors > 0, "a destroyed container still had pages that nobody refers to"
    used -= moved
    assert container.account.pages.used.load() == 0, "a destroyed container is still charged for pages"
    assert container.account.processes.used.load() == 0, "a destroyed container is still charged for processes"
    total.pages += used
    remove(container, total)


def hand_over(owner: Account, heir: Account) -> u64:
    """Make `heir` pay for all that `owner`, whose container has ended, still pays for; returns how many pages that is.

    Those who refer to it may give it back meanwhile.
    """
    moved: u64 = 0
    first: u64 = 0
    while owner.pages.used.load() != 0:
        assert first < u64(len(frames.FRAMES.frames)), "a destroyed container is charged for pages that are not there"
        moved += reparent(owner, heir, first)
        first += STEP
        give_way()
    return moved


def end_files(container: Container, total: Reclaimed) -> u64:
    """Give back its open files and its file system; how many objects of them others still refer to, which are dead."""
    files = container.files
    mounts = container.mounts
    total.objects += u64(len(files.open_files)) + mounts.count_inodes()
    while files.revoke_first():
        give_way()
    while True:
        route = container.numbers.file_signals.first
        if route is None:
            break
        route.forget_receiver()
    survivors = container.ipc.end()
    while mounts.end_step():
        give_way()
    return survivors + container.network.end() + files.survivors + mounts.free()


def await_end(container: Container) -> u64:
    """Sleep until every thread of the container has run to its end; returns how many processes there were.

    One that others are putting into it is charged, and in no list yet: they find out that it is too late (run.py).
    """
    count: u64 = 0
    while True:
        seen = container.changed.observe()
        process = first_zombie(container)
        if process is not None:
            process.release()
            count += 1
        elif not container.processes.is_empty:
            container.changed.sleep_uninterrupted(seen)
        elif container.group.threads.load() != 0:
            # The last one has only to leave its stack: a switch away, on whatever processor it is.
            yield_now()
        elif container.account.processes.used.load() != 0:
            container.changed.sleep_uninterrupted(seen)
        else:
            return count + container.ended_while_dying


def first_zombie(container: Container) -> Process | None:
    """A process that has ended and is still listed."""
    for process in container.processes:
        if process.is_zombie:
            return process
    return None


def remove(container: Container, total: Reclaimed) -> None:
    """Cut off the handles, tell them what came back, free the object, and wake who destroys a container around it."""
    set_shares(container.group, 0, NO_BANDWIDTH)
    while True:
        handle = container.handles.pop_first()
        if handle is None:
            break
        handle.cut_off(total.pages, total.objects, total.processes)
    tracer = container.tracer
    if tracer is not None:
        tracer.end()
    parent = container.parent
    assert parent is not None, "it is not the boot container"
    parent.children.remove(container)
    parent.account.heap.free(container)
    around: Container | None = parent
    while around is not None:
        around.changed.wake_all()
        around = around.parent
