"""Arms the kernel's failure injection (kernel/memory/failures.py): the n-th allocation from now on fails, or each copy
that faults lets others run."""

from __future__ import annotations

from harness.inspect import View
from harness.physical import kernel_physical
from harness.running import RunningMachine

FAILURES = "kernel.memory.failures.FAILURES"
WORD = 8


async def fail_allocation(running: RunningMachine, number: int, account: View | None = None) -> None:
    """Let allocation `number` fail, 1 being the next, of `account` or of anybody; 0 lets all succeed again."""
    await _write(running, "countdown", 0)
    await _write(running, "account", 0 if account is None else account.address_)
    await _write(running, "countdown", number)


async def let_copies_yield(running: RunningMachine, yields: bool = True) -> None:
    """Let a copy from or to a program's memory that faults let other threads run before it goes on."""
    await _write(running, "copies_yield", int(yields))


def allocations_left(running: RunningMachine) -> int:
    """How many allocations until one fails; 0 once one did."""
    return int(running.kernel.static(FAILURES).countdown)


async def _write(running: RunningMachine, name: str, value: int) -> None:
    failures = running.kernel.static(FAILURES)
    physical = kernel_physical(failures.address_ + failures.layout_.fields[name].offset)
    assert physical is not None, "statics are in the kernel's image"
    await running.write_physical(physical, value.to_bytes(WORD, "little"))
