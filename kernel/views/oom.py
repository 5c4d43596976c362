"""/proc/PID/oom_score and what adjusts it: which process is killed when there is no memory left (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, i32, i64, u8
from kernel.base.errno import EACCES
from kernel.base.writer import Writer
from kernel.files.capability import Capability
from kernel.files.inode import Inode
from kernel.memory import frames
from kernel.process.badness import NEVER, badness
from kernel.process.process import Process
from kernel.process.settings import OOM_ADJUSTMENT_HIGHEST, OOM_ADJUSTMENT_LOWEST
from kernel.sched.cpu import current
from kernel.views.numbers import taken_signed
from kernel.views.subject import process_of

OLD_HIGHEST: i64 = 15
OLD_NEVER: i64 = -17
"""What oom_adj, which was there before, has for the ends of the range."""


def write_score(inode: Inode, writer: Writer) -> Fallible[None]:
    """oom_score: two thirds of 1000 and the thousandths of memory that the process has; 0 if it is never killed."""
    process = process_of(inode)
    _, total = frames.counts()
    total = max(min(total, process.container.account.pages.limit), 1)
    points = badness(process, total)
    writer(f"{0 if points == NEVER else max((1000 + points * 1000 // i64(total)) * 2 // 3, 0)}\n")


def write_adjustment(inode: Inode, writer: Writer) -> Fallible[None]:
    """oom_score_adj: how many thousandths of memory more the process counts as."""
    writer(f"{process_of(inode).settings.oom_adjustment}\n")


def take_adjustment(inode: Inode, text: Slice[u8]) -> Fallible[None]:
    """From -1000, never, to 1000. EACCES for less than the superuser set last, EINVAL."""
    process = process_of(inode)
    wanted = i32(taken_signed(text, i64(OOM_ADJUSTMENT_LOWEST), i64(OOM_ADJUSTMENT_HIGHEST)))
    set_adjustment(process, wanted, process.settings.least_oom_adjustment)


def set_adjustment(process: Process, wanted: i32, least: i32) -> Fallible[None]:
    """Set it. EACCES below `least` for who is not privileged (CAP_SYS_RESOURCE)."""
    is_privileged = current().process.credentials.has(Capability.SYS_RESOURCE)
    if wanted < least and not is_privileged:
        raise EACCES
    process.settings.oom_adjustment = wanted
    if is_privileged:
        process.settings.least_oom_adjustment = wanted


def write_old_adjustment(inode: Inode, writer: Writer) -> Fallible[None]:
    """oom_adj: the same from -17 to 15."""
    value = i64(process_of(inode).settings.oom_adjustment)
    writer(f"{OLD_HIGHEST if value == 1000 else scaled(value, -OLD_NEVER, 1000)}\n")


def take_old_adjustment(inode: Inode, text: Slice[u8]) -> Fallible[None]:
    """-17 is never. EACCES, EINVAL."""
    process = process_of(inode)
    wanted = taken_signed(text, OLD_NEVER, OLD_HIGHEST)
    adjustment = 1000 if wanted == OLD_HIGHEST else scaled(wanted, 1000, -OLD_NEVER)
    set_adjustment(process, i32(adjustment), process.settings.oom_adjustment)


def scaled(value: i64, factor: i64, divisor: i64) -> i64:
    """`value` times `factor` by `divisor`, rounded towards 0."""
    return -(-value * factor // divisor) if value < 0 else value * factor // divisor
