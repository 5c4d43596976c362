"""Faults in the user-copy stubs: where they go on."""

from __future__ import annotations

from codegen.lang import symbol_address
from kernel.machine.trap import TrapFrame


def is_user_copy(frame: TrapFrame) -> bool:
    """Whether the interrupted instruction is one of those that touch user memory for the kernel."""
    return symbol_address("user_copy_start") <= frame.rip < symbol_address("user_copy_end")


def may_fill_in(frame: TrapFrame) -> bool:
    """Whether the page that such an instruction misses is to be filled in: not for one that must not sleep."""
    return frame.rip < symbol_address("user_copy_now_start")


def abort_user_copy(frame: TrapFrame) -> None:
    """Let the copy that faulted report what it could not do."""
    frame.rip = symbol_address("user_copy_fault")
