"""Changes of address spaces that may take long: made in steps, with others let run between them.

One thread at a time is in the middle of a change of a space; others that want to change it wait (mmap_lock of Linux).
Page faults do not: each step leaves a space that is right by itself. A change ends early only when its thread is
killed.
"""

from __future__ import annotations

from codegen.lang import Fallible, deferred, inline, must_use, noinline, on_error, sleeps, struct, u64
from kernel.machine.cpu import current_thread_address
from kernel.memory import fork, mapping, teardown
from kernel.memory.pager import Pager
from kernel.memory.protection import Change, change_step
from kernel.memory.region import Terms
from kernel.memory.space import AddressSpace, create
from kernel.sched.preemption import Freezing, give_way, preemption_point
from kernel.sched.wait import WaitQueue


@struct
class Changes:
    """Where threads wait for a space that another one is changing."""

    queue: WaitQueue = inline()
    waiting: u64 = 0


CHANGES = Changes()


@sleeps
@inline
def begin_change(space: AddressSpace) -> None:
    """Be the one that changes `space` from now on; `end_change` it."""
    if space.changer != 0:
        wait_for_change(space)
    space.changer = current_thread_address()


@sleeps
@noinline
def wait_for_change(space: AddressSpace) -> None:
    """Sleep until nobody changes `space`. That is soon: who does is never frozen in the middle of it."""
    CHANGES.waiting += 1
    while space.changer != 0:
        assert space.changer != current_thread_address(), "a change is not begun twice"
        CHANGES.queue.sleep_uninterrupted(CHANGES.queue.observe())
    CHANGES.waiting -= 1


@inline
def end_change(space: AddressSpace) -> None:
    """The change is made, or given up."""
    space.changer = 0
    if CHANGES.waiting > 0:
        CHANGES.queue.wake_all()


@sleeps
def map_range(
    space: AddressSpace, terms: Terms, pager: Pager | None, offset: u64, start: u64, end: u64
) -> Fallible[None]:
    """Map a range, in place of what is there. The change is begun. ENOMEM, and nothing has changed."""
    with deferred(space.drop_removed):
        position = mapping.map_step(space, terms, pager, offset, start, end, start)
        while position < end:
            preemption_point(Freezing.LATER)
            position = mapping.map_step(space, terms, pager, offset, start, end, position)


@sleeps
def unmap_range(space: AddressSpace, start: u64, end: u64) -> Fallible[None]:
    """Unmap a range. The change is begun. ENOMEM, and nothing has changed."""
    with deferred(space.drop_removed):
        position = mapping.unmap_step(space, start, end, start)
        while position < end:
            preemption_point(Freezing.LATER)
            position = mapping.unmap_step(space, start, end, position)


@sleeps
def change_range(space: AddressSpace, change: Change, start: u64, end: u64) -> Fallible[None]:
    """Make a change to what is mapped in a range. The change is begun. As `change_step`."""
    with deferred(space.drop_removed):
        position = change_step(space, change, start, end)
        while position < end:
            preemption_point(Freezing.LATER)
            position = change_step(space, change, position, end)


@sleeps
@must_use
def duplicate_space(space: AddressSpace, stack_pointer: u64) -> Fallible[AddressSpace]:
    """An address space with the same contents, charged to the same account (fork(2)). ENOMEM, and nothing has changed.

    The page at `stack_pointer` is copied at once.
    """
    child = create(space.account)
    with on_error(drop_space, child):
        begin_change(space)
        with deferred(end_change, space):
            position = fork.duplicate_step(space, child, 0, stack_pointer)
            while position < fork.END:
                preemption_point(Freezing.LATER)
                position = fork.duplicate_step(space, child, position, stack_pointer)
    return child


@sleeps
def drop_space(space: AddressSpace) -> None:
    """One user of `space` less; with the last one it is torn down."""
    if space.let_go():
        while not teardown.tear_down_step(space):
            give_way()
