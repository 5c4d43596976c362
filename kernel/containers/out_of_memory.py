"""Out of memory: what is done for a program that touches a page when there is none left for it.

Interface: `make_room`, which the page-fault handler calls before it tries again; `tell_limits`.

First cached pages are given back, then the memory of processes that are about to end anyway, then the largest process
is killed. Whose: of the container whose limit was hit, or of one inside of it; if memory itself is full, of all, but
never the agent. The victim never runs in ring 3 again, so its memory is taken from it at once, as the OOM reaper of
Linux does. So nobody waits for a victim that is stopped, frozen, or waits itself; what remains of it (stacks, tables)
comes back when its threads end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Pid, i64, inline, local, sleeps, struct, u32, u64
from kernel.base.log import log
from kernel.containers.abi import EventKind
from kernel.files.content import DYING
from kernel.memory import frames
from kernel.memory.account import Account, LimitState, Resource
from kernel.memory.budget import Budget
from kernel.memory.pressure import PRESSURE
from kernel.memory.resident import reap_step, resident_pages
from kernel.memory.space import AddressSpace
from kernel.process.badness import NEVER, badness
from kernel.process.changes import drop_space
from kernel.process.ending import kill_process
from kernel.process.process import Process
from kernel.process.signal_table import Signal
from kernel.sched.preemption import give_way
from kernel.sched.timer import after
from kernel.sched.wait import WaitQueue

if TYPE_CHECKING:
    from kernel.containers.container import Container

PATIENCE: u64 = 1_000_000
"""Nanoseconds between two looks whether one that ends has given back the rest."""


@struct
class Pause:
    """Where those sleep that try again: nothing wakes them but the clock."""

    queue: WaitQueue = inline()


PAUSE = Pause()


def make_room(top: Container, process: Process, may_wait: bool) -> bool:
    """Try to get a page for `process`, to which one was just refused; whether trying again makes sense.

    `top` is the boot container. With `may_wait` the fault comes from ring 3: there is time for those that end. False:
    `process` itself is to end.
    """
    account = PRESSURE.refused_by
    scope = top if account is None else container_of(top, account)
    if scope is None:
        return False
    if DYING.release_step():
        return True
    before = pages_used(account)
    if not reclaim(scope) or pages_used(account) < before:
        return True
    dying = find_dying(scope)
    if dying is not None:
        reap(dying)
        return True
    if may_wait and is_anyone_ending(scope, process):
        pause()
        return True
    victim = largest(scope, top.init)
    if victim is None:
        log(f"container {scope.id}: out of memory, and there is nobody to kill")
        return False
    space = victim.space
    others_die = process.space is not space
    kill_all_of(victim.container, space)
    reap(space)
    return others_die


def container_of(top: Container, account: Account) -> Container | None:
    """The container that an account belongs to; None for the kernel's own."""
    level: Container | None = top
    while level is not None:
        if level.account is account:
            return level
        level = level.following(top)
    return None


def pages_used(account: Account | None) -> u64:
    """What goes down when there is room again: the use of `account`, or of the whole memory."""
    if account is not None:
        return account.pages.used.load()
    free, total = frames.counts()
    return total - free


def reclaim(scope: Container) -> bool:
    """Give back some of what `scope` and all inside keep although it can be made again. Whether there is no more."""
    budget = local(Budget)
    level: Container | None = scope
    while level is not None:
        level.account.heap.trim()
        if not level.mounts.reclaim_step(budget):
            return False
        level = level.following(scope)
    return True


def find_dying(scope: Container) -> AddressSpace | None:
    """The address space of a process in `scope` that was killed and has not ended yet, if nobody uses it who is to live
    (vfork(2), CLONE_VM), and something is in it.
    """
    level: Container | None = scope
    while level is not None:
        for process in level.processes:
            process.space.is_wanted = False
        for process in level.processes:
            if not process.is_zombie and not process.exiting:
                process.space.is_wanted = True
        for process in level.processes:
            if is_ending(process) and not process.space.is_wanted and resident_pages(process.space) > 0:
                return process.space
        level = level.following(scope)
    return None


@sleeps
def reap(space: AddressSpace) -> None:
    """Take all memory of an address space whose processes were killed."""
    space.hold()
    while not reap_step(space):
        give_way()
    drop_space(space)


def is_ending(process: Process) -> bool:
    """Whether it will give back what it uses without being asked."""
    return process.exiting and not process.is_zombie


def is_anyone_ending(scope: Container, faulting: Process) -> bool:
    """Whether a process in `scope`, other than the one that waits, is about to end."""
    level: Container | None = scope
    while level is not None:
        for process in level.processes:
            if process is not faulting and is_ending(process):
                return True
        level = level.following(scope)
    return False


def pause() -> None:
    """Let those that end do so."""
    _ = PAUSE.queue.wait(PAUSE.queue.observe(), after(PATIENCE), False)


def largest(scope: Container, spared: Process | None) -> Process | None:
    """The process in `scope` that has most pages in memory, of equals the youngest; None if none has any.

    `spared` is never it. What processes have set for themselves (oom_score_adj) counts in their own container: nobody
    makes a process of another one the victim.
    """
    found: Process | None = None
    most: i64 = NEVER + 1
    _, total = frames.counts()
    total = min(total, scope.account.pages.limit)
    level: Container | None = scope
    while level is not None:
        for process in level.processes:
            if not process.is_zombie and not process.exiting and process is not spared:
                size = resident_pages(process.space)
                points = badness(process, total) if level is scope else i64(size)
                if size > 0 and points >= most:
                    most = points
                    found = process
        level = level.following(scope)
    return found


def kill_all_of(container: Container, space: AddressSpace) -> None:
    """Kill the processes that use this address space, and tell who watches."""
    for process in container.processes:
        if not process.is_zombie and process.space is space:
            log(f"container {container.id}: out of memory, process {process.pid} is killed")
            kill_process(process, u32(Signal.KILL))
            container.tell(EventKind.OUT_OF_MEMORY, process.pid, 0)


def tell_limits(top: Container) -> None:
    """Tell who watches a container, once, that it came to one of its limits."""
    PRESSURE.limit_hit = False
    level: Container | None = top
    while level is not None:
        tell_limit(level, Resource.PAGES, EventKind.PAGE_LIMIT)
        tell_limit(level, Resource.PROCESSES, EventKind.PROCESS_LIMIT)
        level = level.following(top)


def tell_limit(container: Container, resource: Resource, kind: EventKind) -> None:
    """Tell of one limit, if a charge was refused at it."""
    usage = container.account.usage(resource)
    if usage.state == LimitState.HIT:
        usage.state = LimitState.TOLD
        container.tell(kind, Pid(0), 0)
