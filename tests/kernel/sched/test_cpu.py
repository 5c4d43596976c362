"""What code below the scheduler, and the stubs, know of a `Cpu` by offset is where they think it is."""

from __future__ import annotations

import pytest

from codegen.lang import offset_of
from codegen.layout import of
from kernel.machine.cpu import EntryState
from kernel.sched.cpu import Cpu


@pytest.mark.parametrize("field", of(EntryState).fields)
def test_a_cpu_begins_with_the_entry_state(field: str) -> None:
    assert offset_of(Cpu, field) == offset_of(EntryState, field)
