"""What stubs and compiled code agree on without naming each other."""

from __future__ import annotations

import pytest

from codegen.lang import offset_of
from kernel.machine.cpu import EntryState
from kernel.sched.cpu import Cpu


@pytest.mark.parametrize("field", ["self_address", "kernel_stack", "user_stack", "current", "number"])
def test_cpu_begins_with_the_entry_state(field: str) -> None:
    assert offset_of(Cpu, field) == offset_of(EntryState, field)
