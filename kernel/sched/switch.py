"""Switching: what belongs to a thread in the processor, and its exchange for that of another.

A thread that is not running has, at `saved_stack_pointer`, the callee-saved registers and the address where
`switch_context` returns to. A new thread is given a stack that looks as if it had been switched away from.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    VirtAddr,
    address_of,
    construct,
    export,
    offset_of,
    on_error,
    reference,
    size_of,
    slice_at,
    store,
    symbol_address,
    u64,
)
from kernel.machine.fpu import initialise_fpu_area, restore_fpu, save_fpu
from kernel.machine.instructions import enable_interrupts
from kernel.machine.msr import read_gs_base_user, write_fs_base, write_gs_base_user
from kernel.machine.segments import set_kernel_stack
from kernel.machine.stubs import switch_context
from kernel.machine.trap import TrapFrame
from kernel.memory import stacks
from kernel.memory.account import Account
from kernel.sched.cpu import Cpu, this_cpu
from kernel.sched.group import RunGroup
from kernel.sched.thread import Thread, ThreadState
