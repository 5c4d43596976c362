"""Switching: what belongs to a thread in the processor, and its exchange for that of another.

A thread that is not running has, at `saved_stack_pointer`, the callee-saved registers and the address where
`switch_context` returns to. A new thread is given a stack that looks as if it had been switched away from.

The floating-point registers are saved when a program's thread leaves its processor, as it may run on another one next;
they are loaded only if the processor has been given those of another thread since.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Order,
    address_of,
    export,
    hot,
    must_use,
    offset_of,
    on_error,
    reference,
    size_of,
    struct,
    symbol_address,
    u32,
    u64,
)
from kernel.base.errno import EFAULT
from kernel.machine.cpu import set_user_fs_base
from kernel.machine.fpu import FpuArea, initialise_fpu, restore_fpu, save_fpu
from kernel.machine.instructions import spin_hint
from kernel.machine.segments import set_kernel_stack
from kernel.machine.stubs import switch_context
from kernel.machine.translations import serve
from kernel.memory import kernel_space, stacks, user
from kernel.memory.account import Account
from kernel.memory.space import AddressSpace
from kernel.sched.cpu import Cpu, current, this_cpu
from kernel.sched.group import RunGroup
from kernel.sched.thread import Thread, ThreadState
from kernel.sched.usage import KERNEL_TIME


@struct
class InitialStack:
    """What `switch_context` pops when a thread runs for the first time, in ascending order."""

    r15: u64 = 0
    r14: u64 = 0
    r13: u64 = 0
    r12: u64 = 0
    rbx: u64 = 0
    rbp: u64 = 0
    first_return: u64 = 0
    second_return: u64 = 0


@must_use
def create_thread(owner: Account, group: RunGroup) -> Fallible[Thread]:
    """A thread with a stack, charged to `owner`; not started. ENOMEM."""
    thread = owner.heap.new(Thread)
    with on_error(owner.heap.free, thread):
        thread.stack_top = stacks.allocate(owner)
    thread.owner = owner
    thread.group = group
    thread.shared_time = KERNEL_TIME
    group.threads.fetch_add(1)
    return thread


def give_fpu(thread: Thread) -> Fallible[None]:
    """Let `thread` have floating-point registers, in their initial state."""
    area = thread.owner.heap.new(FpuArea)
    initialise_fpu(area)
    thread.fpu_area = area


def free_thread(thread: Thread) -> None:
    """Give back a thread that never started or is dead."""
    area = thread.fpu_area
    if area is not None:
        if this_cpu().fpu_owner is thread:
            this_cpu().fpu_owner = None
        thread.owner.heap.free(area)
    stacks.release(thread.stack_top)
    group = thread.group
    thread.owner.heap.free(thread)
    # The last: who destroys the container waits for it.
    group.threads.fetch_sub(1)


def prepare_kernel(thread: Thread, function: u64, argument: u64) -> None:
    """Let `thread` begin with the exported `function(argument)`, which first calls `finish`, and never returns."""
    lay_out(thread, u64(thread.stack_top) - 16, function, argument, 0)


def prepare_user(thread: Thread) -> None:
    """Let `thread` begin in ring 3 with the registers of `thread.frame`."""
    frame = address_of(thread.frame)
    lay_out(thread, frame - 8, symbol_address("begin_user_thread"), address_of(thread), symbol_address("enter_user"))


def lay_out(thread: Thread, second_return_at: u64, function: u64, argument: u64, second_return: u64) -> None:
    """Build the initial stack, whose last word is at `second_return_at`."""
    start = second_return_at + 8 - size_of(InitialStack)
    initial = reference(InitialStack, start)
    initial.r15 = 0
    initial.r14 = 0
    initial.r13 = 0
    initial.r12 = function
    initial.rbx = argument
    initial.rbp = 0
    initial.first_return = symbol_address("start_kernel_thread")
    initial.second_return = second_return
    thread.saved_stack_pointer = start


@export
def begin_user_thread(thread: Thread) -> None:
    """The first thing that a program's thread does, before `enter_user` takes it to ring 3."""
    finish()
    if u64(thread.set_child_tid) != 0:
        # CLONE_CHILD_SETTID: a bad address is not an error, as in Linux.
        try:
            user.put(u32, thread.set_child_tid, u32(thread.id))
        except EFAULT:
            return


@hot
def to(cpu: Cpu, following: Thread) -> None:
    """Run `following` in place of the current thread; returns when that runs again. Interrupts are off."""
    leaving = cpu.current
    while following.on_stack.load(Order.ACQUIRE) != 0:
        # Another processor has chosen its next thread, but not left this one's stack yet.
        serve()
        spin_hint()
    following.on_stack.store(1, Order.RELAXED)
    switch_fpu(cpu, leaving, following)
    space = following.space
    if space is not None and not space.is_active:
        space.activate()
    set_user_fs_base(following.fs_base)
    cpu.kernel_stack = u64(following.stack_top)
    set_kernel_stack(cpu.number, following.stack_top)
    cpu.current = following
    cpu.previous = leaving
    cpu.previous_ended = leaving.state == ThreadState.DEAD
    place: u64 = offset_of(Thread, "saved_stack_pointer")
    switch_context(address_of(leaving) + place, following.saved_stack_pointer)
    finish()


def switch_fpu(cpu: Cpu, leaving: Thread, following: Thread) -> None:
    """Keep the floating-point registers of `leaving`, and load those of `following`, as far as they have any."""
    if leaving.state != ThreadState.DEAD:
        keep_fpu(leaving)
    area = following.fpu_area
    if area is not None and not (cpu.fpu_owner is following and following.fpu_processor == cpu.number):
        restore_fpu(area)
        own_fpu(following)


def own_fpu(thread: Thread) -> None:
    """The floating-point registers of this processor are those of `thread` now."""
    cpu = this_cpu()
    cpu.fpu_owner = thread
    thread.fpu_processor = cpu.number


def reset_fpu(thread: Thread) -> None:
    """Give the running `thread` floating-point registers as a program finds them at its start (execve(2))."""
    area = thread.fpu_area
    if area is not None:
        initialise_fpu(area)
        restore_fpu(area)
        own_fpu(thread)


def load_fs_base(thread: Thread) -> None:
    """Use the FS base that was set for the running `thread` (arch_prctl(2), ARCH_SET_FS)."""
    set_user_fs_base(thread.fs_base)


def keep_fpu(thread: Thread) -> None:
    """Write the floating-point registers of the running `thread` to its area (fork(2), signal frames)."""
    area = thread.fpu_area
    if area is not None and this_cpu().fpu_owner is thread:
        save_fpu(area)


def load_fpu(thread: Thread) -> None:
    """Load the floating-point registers of the running `thread` from its area (rt_sigreturn(2))."""
    area = thread.fpu_area
    if area is not None:
        restore_fpu(area)
        own_fpu(thread)


def enter_space(space: AddressSpace) -> None:
    """Let the running thread see `space` in the lower half, and have its faults served from there."""
    current().space = space
    space.activate()


def leave_space() -> None:
    """Let the running thread have no lower half: its address space may be destroyed now."""
    current().space = None
    kernel_space.activate()


def finish() -> None:
    """After a switch, on the new stack: let others have the thread that ran before, or give it back if it is dead."""
    cpu = this_cpu()
    previous = cpu.previous
    cpu.previous = None
    if previous is None:
        return
    if cpu.previous_ended:
        free_thread(previous)
    else:
        previous.on_stack.store(0, Order.RELEASE)
