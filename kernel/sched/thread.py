"""Thread: one flow of control, in the kernel and, when it has a process, in ring 3.

Invariants
- `state` and all links change only under `SCHEDULER.lock`.
- A thread is on exactly one of: a ready list of its group (READY), a CPU (RUNNING), nothing (NEW, DEAD), or
  the waiters of one `WaitQueue` and/or the sleepers of the clock (BLOCKED).
- Who has announced that it will block is BLOCKED, but keeps its CPU (`has_cpu`) until it has switched: a wake-up before
  that makes it RUNNING again.
- `saved_stack_pointer` is valid while `on_stack` is 0. It is set by the CPU that begins to run on the thread's stack,
  and cleared, without a lock, when that CPU has left it: a short while after another one may have got the thread.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from codegen.lang import (
    Array,
    Atomic,
    Nanoseconds,
    Pid,
    UserAddr,
    VirtAddr,
    array,
    inline,
    reference,
    size_of,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
    width,
)
from kernel.base.list import Link
from kernel.base.tree import Tree, TreeNode
from kernel.machine.trap import NO_CALL, TrapFrame
from kernel.sched.futex_waiter import FutexWaiter, PriorityLock
from kernel.sched.policy import Policy
from kernel.sched.usage import SharedTime, TimeSplit, Usage

if TYPE_CHECKING:
    from kernel.machine.fpu import FpuArea
    from kernel.memory.account import Account
    from kernel.memory.space import AddressSpace
    from kernel.process.process import Process
    from kernel.process.signal_queue import QueuedSignal
    from kernel.sched.group import RunGroup


NOWHERE: u32 = 0xFFFF_FFFF


@width(u8)
class ThreadState(IntEnum):
    """Where a thread is in its life."""

    NEW = 0
    READY = 1
    RUNNING = 2
    BLOCKED = 3
    DEAD = 4


@struct
class Thread:
    """One flow of control: its kernel stack, what it runs for, and how it is waiting."""

    # Identity; constant after the thread is started.
    id: Pid = Pid(0)
    number_node: TreeNode[Thread] = inline()
    group: RunGroup = uninitialised()
    process: Process = uninitialised()
    is_user: bool = False
    """Whether it runs a program, so whether `process` is set."""
    owner: Account = uninitialised()
    stack_top: VirtAddr = VirtAddr(0)

    # Under SCHEDULER.lock.
    state: ThreadState = ThreadState.NEW
    timed_out: bool = False
    interruptible: bool = False
    run_node: TreeNode[Thread] = inline()
    urgent_link: Link[Thread] = inline()
    wait_link: Link[Thread] = inline()
    sleep_node: TreeNode[Thread] = inline()
    has_cpu: bool = False
    processor: u32 = 0
    """Where it runs, or ran last, or is to run."""
    age: u64 = 0
    """How long it has run, divided by its weight: what decides between the threads of a group (group.py)."""
    lent_weight: u64 = 0
    """That of the heaviest thread which waits for a lock of this one, if that is higher than its own (lending.py)."""
    usage: Usage = inline()
    shared_time: SharedTime = uninitialised()
    """That of its process."""

    # Set by anyone, read by the thread itself on its way back to ring 3.
    interrupted: bool = False
    killed: bool = False
    """It is to end: `wait.kill` sets it."""

    is_traced: bool = False
    """Its system calls are told of, if its container still has a tracer (kernel/process/tracer.py)."""

    # The thread's own.
    saved_stack_pointer: u64 = 0
    on_stack: Atomic[u32] = inline()
    space: AddressSpace | None = None
    fs_base: u64 = 0
    gs_base: u64 = 0
    fpu_area: FpuArea | None = None
    fpu_processor: u32 = NOWHERE
    """Whose floating-point registers were loaded from the area last."""
    awaited: u64 = 0
    """For how many mutexes that it holds others wait (mutex.py). Under SCHEDULER.lock."""
    lends_space: bool = False
    set_child_tid: UserAddr = UserAddr(0)
    clear_child_tid: UserAddr = UserAddr(0)
    robust_list: UserAddr = UserAddr(0)
    signal_mask: u64 = 0
    saved_signal_mask: u64 = 0
    restore_signal_mask: bool = False
    kept_call: u64 = NO_CALL
    kept_deadline: Nanoseconds = Nanoseconds(0)
    """The call that restart_syscall(2) goes on with, and until when (process/restart.py)."""
    insists: bool = False
    """The call that a signal interrupts is made again, whatever handler runs before."""
    pending_signals: u64 = 0
    signal_queue: Tree[QueuedSignal] = inline()
    alternate_stack: UserAddr = UserAddr(0)
    alternate_stack_size: u64 = 0
    alternate_stack_flags: u32 = 0
    """As sigaltstack(2) got them (process/alternate_stack.py)."""
    policy: Policy = inline()
    split: TimeSplit = inline()
    name: Array[u8] = array(16)
    """TASK_COMM_LEN (prctl(2), PR_SET_NAME)."""
    futex: FutexWaiter = inline()
    """How it waits on a futex (process/futex.py)."""
    owned_locks: Tree[PriorityLock] = inline(Tree(PriorityLock.owned_node))
    """The locks that it holds and for which others wait, those of the heaviest first (process/priority_lock.py)."""
    has_left_locks: bool = False
    """It ends, and takes and holds no such lock any more."""
    process_link: Link[Thread] = inline()

    @property
    def frame(self) -> TrapFrame:
        """The registers of ring 3, as the entry stubs saved them at the top of the kernel stack."""
        return reference(TrapFrame, u64(self.stack_top) - size_of(TrapFrame))
