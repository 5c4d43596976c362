"""What stubs and compiled code agree on without naming each other."""

from __future__ import annotations

import pytest

from boot.layout import BOOT_STACK, BOOT_STACK_SIZE, DIRECT_MAP, PAGE_SIZE, STACK_SLOT_SIZE, START_ORDER, TRAMPOLINE
from codegen.lang import offset_of, size_of
from kernel.base.spinlock import STACK_SLOT
from kernel.machine.cpu import EntryState
from kernel.machine.trampoline import StartOrder
from kernel.sched.cpu import Cpu


@pytest.mark.parametrize("field", ["self_address", "kernel_stack", "user_stack", "current", "number"])
def test_cpu_begins_with_the_entry_state(field: str) -> None:
    assert offset_of(Cpu, field) == offset_of(EntryState, field)


def test_the_boot_stack_lies_in_one_slot() -> None:
    """A spinlock knows its holder by the slot of the stack, on the boot stack too."""
    assert STACK_SLOT == STACK_SLOT_SIZE
    assert (DIRECT_MAP + BOOT_STACK) // STACK_SLOT == (DIRECT_MAP + BOOT_STACK + BOOT_STACK_SIZE - 1) // STACK_SLOT


def test_trampoline_and_order_lie_in_one_page_below_1_mib() -> None:
    """A start-up interrupt names a page with 8 bits (SDM vol. 3A, section 10.6.1)."""
    assert TRAMPOLINE % PAGE_SIZE == 0
    assert TRAMPOLINE // PAGE_SIZE < 256
    assert START_ORDER % 8 == 0
    assert START_ORDER + size_of(StartOrder) <= TRAMPOLINE + PAGE_SIZE
