"""mremap(2)."""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, deferred, local, u32, u64, wrapping_add
from kernel.base.errno import EINVAL, ENOMEM
from kernel.machine.layout import PAGE_SIZE
from kernel.memory import mapping
from kernel.memory.remap import REMAP_BITS, Remap, Remapping
from kernel.memory.space import AddressSpace
from kernel.process.changes import begin_change, end_change, unmap_range
from kernel.process.filling import fill_silently
from kernel.sched.preemption import Freezing, preemption_point
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.memory_locks import locks_all


@syscall(25)
def mremap(task: Thread, address: UserAddr, old_length: u64, new_length: u64, flags: u32, wanted: u64) -> Fallible[u64]:
    """mremap(2): of one region."""
    if flags & REMAP_BITS != flags:
        raise EINVAL
    plan = local(Remapping)
    plan.start = u64(address)
    plan.old = whole_pages(old_length)
    plan.new = whole_pages(new_length)
    plan.flags = Remap(flags)
    plan.target = wanted
    plan.check()
    space = task.process.space
    before = plan.old
    begin_change(space)
    with deferred(end_change, space):
        plan.check_source(space, locks_all(task))
        place = remap(space, plan)
        with space.lock:
            region = space.region_at(place)
            is_locked = region is not None and region.locked
    if is_locked and plan.new > before:
        fill_silently(space, place + before, place + plan.new)
    return place


def whole_pages(length: u64) -> u64:
    """`length` rounded up to pages; 0 for what no number says then, as PAGE_ALIGN() of Linux has it."""
    return wrapping_add(u64, length, PAGE_SIZE - 1) // PAGE_SIZE * PAGE_SIZE


def remap(space: AddressSpace, plan: Remapping) -> Fallible[u64]:
    """Do it: unmap what is too much or in the way, then grow in place or move."""
    if plan.has_place:
        unmap_range(space, plan.target, plan.target + plan.new)
    if plan.new < plan.old:
        end = mapping.check_unmap(plan.start + plan.new, plan.old - plan.new)
        unmap_range(space, plan.start + plan.new, end)
        plan.old = plan.new
    if not plan.has_place and Remap.KEEP_OLD not in plan.flags:
        if plan.new == plan.old or plan.extend(space):
            return plan.start
        if Remap.MAY_MOVE not in plan.flags:
            raise ENOMEM
    plan.choose_place(space)
    with deferred(space.drop_removed):
        while not plan.prepare_step(space):
            preemption_point(Freezing.LATER)
        while not plan.move_step(space):
            preemption_point(Freezing.LATER)
    return plan.target
