"""The alternate stack of a thread for its signal handlers (sigaltstack(2))."""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, u32, u64
from kernel.base.errno import EINVAL, ENOMEM, EPERM
from kernel.sched.thread import Thread

SS_ONSTACK: u32 = 1
SS_DISABLE: u32 = 2
SS_AUTODISARM: u32 = 1 << 31
MINIMUM_STACK: u64 = 2048
"""MINSIGSTKSZ."""


def is_within(thread: Thread, pointer: u64) -> bool:
    """Whether a stack pointer lies on the alternate stack. Stacks grow down: its end counts, its start does not."""
    base = u64(thread.alternate_stack)
    return pointer > base and pointer - base <= thread.alternate_stack_size


def is_in_use(thread: Thread, pointer: u64) -> bool:
    """Whether a handler runs on the alternate stack; one that is disarmed meanwhile may be changed by its handler."""
    return thread.alternate_stack_flags & SS_AUTODISARM == 0 and is_within(thread, pointer)


def state_of(thread: Thread, pointer: u64) -> u32:
    """SS_DISABLE, SS_ONSTACK, or 0 when there is one that is not in use."""
    if thread.alternate_stack_size == 0:
        return SS_DISABLE
    return SS_ONSTACK if is_in_use(thread, pointer) else 0


def change(thread: Thread, pointer: u64, base: UserAddr, flags: u32, size: u64) -> Fallible[None]:
    """Let `thread`, whose stack pointer is `pointer`, have another alternate stack. EPERM, EINVAL, ENOMEM."""
    if is_in_use(thread, pointer):
        raise EPERM
    mode = flags if flags < SS_AUTODISARM else flags - SS_AUTODISARM
    if mode == SS_DISABLE:
        thread.alternate_stack = UserAddr(0)
        thread.alternate_stack_size = 0
    elif mode != 0 and mode != SS_ONSTACK:
        raise EINVAL
    elif size < MINIMUM_STACK:
        raise ENOMEM
    else:
        thread.alternate_stack = base
        thread.alternate_stack_size = size
    thread.alternate_stack_flags = flags


def forget(thread: Thread) -> None:
    """There is none: for a new thread, and while a handler runs that was set up with SS_AUTODISARM."""
    thread.alternate_stack = UserAddr(0)
    thread.alternate_stack_size = 0
    thread.alternate_stack_flags = SS_DISABLE


def inherit(child: Thread, parent: Thread) -> None:
    """fork(2): the child has a stack like that of its parent."""
    child.alternate_stack = parent.alternate_stack
    child.alternate_stack_size = parent.alternate_stack_size
    child.alternate_stack_flags = parent.alternate_stack_flags
