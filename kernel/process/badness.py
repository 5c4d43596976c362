"""Badness: how much is gained by killing a process when there is no memory left (proc(5), /proc/PID/oom_score_adj)."""

from __future__ import annotations

from codegen.lang import i64, u64
from kernel.memory.resident import resident_pages
from kernel.process.process import Process
from kernel.process.settings import OOM_ADJUSTMENT_LOWEST

NEVER: i64 = -0x8000_0000_0000_0000
"""The badness of a process that is never to be killed for memory."""


def badness(process: Process, total: u64) -> i64:
    """Its pages in memory, and the thousandths of `total` pages that it has asked to be counted more or less."""
    adjustment = i64(process.settings.oom_adjustment)
    if process.is_zombie or process.settings.oom_adjustment == OOM_ADJUSTMENT_LOWEST:
        return NEVER
    return i64(resident_pages(process.space)) + adjustment * i64(total // 1000)
