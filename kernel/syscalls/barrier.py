"""membarrier(2): every other thread has passed a memory barrier before the call returns.

Threads that do not run have: by the switch that took the processor from them. Those that run on another processor do
by the interrupt that asks it to forget translations, whose IRET serialises (SDM vol. 3A, section 9.3).
"""

from __future__ import annotations

from codegen.lang import Fallible, PhysAddr, i32, u32, u64
from kernel.base.errno import EINVAL, EPERM
from kernel.machine.layout import PAGE_SIZE
from kernel.memory import shootdown
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall

QUERY: u32 = 0
GLOBAL: u32 = 0x01
GLOBAL_EXPEDITED: u32 = 0x02
REGISTER_GLOBAL_EXPEDITED: u32 = 0x04
PRIVATE_EXPEDITED: u32 = 0x08
REGISTER_PRIVATE_EXPEDITED: u32 = 0x10
PRIVATE_EXPEDITED_SYNC_CORE: u32 = 0x20
REGISTER_PRIVATE_EXPEDITED_SYNC_CORE: u32 = 0x40
GET_REGISTRATIONS: u32 = 0x200
"""MEMBARRIER_CMD_*."""
SUPPORTED: u64 = 0x27F
REGISTRATIONS: u32 = REGISTER_GLOBAL_EXPEDITED | REGISTER_PRIVATE_EXPEDITED | REGISTER_PRIVATE_EXPEDITED_SYNC_CORE


@syscall(324, missing="commands for restartable sequences: EINVAL")
def membarrier(task: Thread, command: u32, flags: u32, processor: i32) -> Fallible[u64]:
    """membarrier(2)."""
    settings = task.process.settings
    if flags != 0:
        raise EINVAL
    if command == QUERY:
        return SUPPORTED
    if command == GET_REGISTRATIONS:
        return u64(settings.barriers)
    if command != 0 and command & REGISTRATIONS == command and command & (command - 1) == 0:
        settings.barriers |= command
        return 0
    if command == PRIVATE_EXPEDITED or command == PRIVATE_EXPEDITED_SYNC_CORE:
        if settings.barriers & (command << 1) == 0:
            raise EPERM
    elif command != GLOBAL and command != GLOBAL_EXPEDITED:
        raise EINVAL
    else:
        shootdown.forget_kernel()
        return 0
    shootdown.forget(PhysAddr(task.process.space.root * PAGE_SIZE))
    return 0
