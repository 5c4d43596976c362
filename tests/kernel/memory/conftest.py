"""The frame table of a small pretended machine, on the host."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from codegen.lang import FrameNumber, copy, fill, slice_at, u8
from codegen.lang.memory import host_memory
from codegen.lang.slices import HostSlice
from kernel.base import spinlock
from kernel.machine.layout import DIRECT_MAP, PAGE_SIZE
from kernel.memory import frame_cache, frames, pressure
from kernel.memory.frame_cache import FrameCaches
from kernel.memory.frames import Frame, FrameTable
from kernel.sched import mutex

FRAMES = 256


def pretend_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what asks the processor itself be answered here: one processor, with an empty frame cache."""
    for module in (spinlock, frames):
        for name in ("disable_interrupts", "enable_interrupts"):
            monkeypatch.setattr(module, name, lambda: None)
        monkeypatch.setattr(module, "interrupts_enabled", lambda: True)
    monkeypatch.setattr(spinlock, "spin_hint", lambda: None)
    monkeypatch.setattr(spinlock, "stack_pointer", lambda: spinlock.STACK_SLOT)
    monkeypatch.setattr(frame_cache, "current_cpu_number", lambda: 0)
    monkeypatch.setattr(frame_cache, "CACHES", FrameCaches())
    monkeypatch.setattr(frames, "CACHES", frame_cache.CACHES)
    monkeypatch.setattr(frames, "clear_page", lambda page: fill(slice_at(u8, page, PAGE_SIZE), 0))
    monkeypatch.setattr(
        frames, "copy_page", lambda page, source: copy(slice_at(u8, page, PAGE_SIZE), slice_at(u8, source, PAGE_SIZE))
    )
    monkeypatch.setattr(pressure, "request_attention", lambda: None)
    thread = SimpleNamespace(mutexes=0)
    monkeypatch.setattr(mutex, "current", lambda: thread)
    monkeypatch.setattr(mutex, "current_thread_address", lambda: 1)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> FrameTable:
    """256 frames, of which all but the first are free."""
    pretend_processor(monkeypatch)
    host_memory.reset()
    host_memory.map(DIRECT_MAP, FRAMES * 4096)
    made = FrameTable()
    made.prepare(HostSlice([Frame() for _ in range(FRAMES)], 0, FRAMES, Frame))
    made.donate(FrameNumber(1), FrameNumber(FRAMES))
    monkeypatch.setattr(frames, "FRAMES", made)
    return made
