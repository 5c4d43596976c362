"""The frame table of a small pretended machine, on the host."""

from __future__ import annotations

import pytest

from codegen.lang import FrameNumber
from codegen.lang.memory import host_memory
from codegen.lang.slices import HostSlice
from kernel.base import spinlock
from kernel.machine.layout import DIRECT_MAP
from kernel.memory import frames
from kernel.memory.frames import Frame, FrameTable

FRAMES = 256


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> FrameTable:
    """256 frames, of which all but the first are free."""
    for name in ("disable_interrupts", "enable_interrupts", "spin_hint"):
        monkeypatch.setattr(spinlock, name, lambda: None)
    monkeypatch.setattr(spinlock, "interrupts_enabled", lambda: True)
    monkeypatch.setattr(spinlock, "stack_pointer", lambda: spinlock.STACK_SLOT)
    host_memory.reset()
    host_memory.map(DIRECT_MAP, FRAMES * 4096)
    made = FrameTable()
    made.prepare(HostSlice([Frame() for _ in range(FRAMES)], 0, FRAMES, Frame))
    made.donate(FrameNumber(1), FrameNumber(FRAMES))
    monkeypatch.setattr(frames, "FRAMES", made)
    return made
