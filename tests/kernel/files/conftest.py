"""The kernel's memory on the host: pretended frames, real accounts and heaps, and a clock that stands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from codegen.lang import FrameNumber, Nanoseconds
from codegen.lang.memory import host_memory
from codegen.lang.slices import HostSlice
from kernel.files import attributes, content, content_transfer, holes, inode, pieces, pipe, ramfs, renaming, tree
from kernel.machine.layout import DIRECT_MAP
from kernel.memory import frames
from kernel.memory.account import KERNEL, Account
from tests.kernel.memory.conftest import pretend_processor

FRAMES = 512
NOW = Nanoseconds(1_700_000_000_123_456_789)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """A fresh account on a fresh machine. Afterwards nothing may be charged to it."""
    pretend_processor(monkeypatch)
    for module in (content, holes):
        monkeypatch.setattr(module, "give_way", lambda: None)
    for module in (holes, content_transfer, pieces, pipe):
        monkeypatch.setattr(module, "preemption_point", lambda freezing: None)
    for module in (attributes, content, inode, ramfs, renaming, tree):
        if hasattr(module, "wall_time"):
            monkeypatch.setattr(module, "wall_time", lambda: NOW)
    host_memory.reset()
    host_memory.map(DIRECT_MAP, FRAMES * 4096)
    table = frames.FrameTable()
    table.prepare(HostSlice([frames.Frame() for _ in range(FRAMES)], 0, FRAMES, frames.Frame))
    table.donate(FrameNumber(1), FrameNumber(FRAMES))
    monkeypatch.setattr(frames, "FRAMES", table)
    made = Account()
    made.prepare(KERNEL, b"test")
    yield made
    made.heap.trim()
    assert made.heap.objects == 0
    assert made.pages.used.load() == 0
    assert KERNEL.pages.used.load() == 0
