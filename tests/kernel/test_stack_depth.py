"""Kernel stacks are large enough for the deepest system call, interrupted at its deepest point by a fault."""

from __future__ import annotations

from boot.build import build_kernel
from boot.layout import STACK_SIZE
from codegen.lang import size_of
from codegen.program_file import ProgramFile
from codegen.stack import StackAnalysis, frames_of
from kernel.machine.trap import TrapFrame

NESTED_TRAPS = 2
"""A fault on user memory in a system call, and an interrupt while the fault is handled."""


def test_the_deepest_system_call_and_the_traps_in_it_fit_the_stack() -> None:
    analysis = StackAnalysis(ProgramFile(build_kernel().elf))
    call, trap = analysis.deepest("handle_syscall"), analysis.deepest("handle_trap")
    frame = size_of(TrapFrame)
    needed = frame + call.bytes + NESTED_TRAPS * (frame + trap.bytes)
    assert needed <= STACK_SIZE, f"{needed} bytes: {' > '.join(call.path)}"


def test_what_is_noted_of_a_function_when_it_is_compiled_is_true_of_the_linked_code() -> None:
    program = ProgramFile(build_kernel().elf)
    noted = frames_of(program)
    assert len(program.frames) > 1000
    program.frames = {}
    assert noted == frames_of(program)
