"""Settings: what a process has set for itself, by prctl(2), personality(2), setrlimit(2) and in /proc."""

from __future__ import annotations

from codegen.lang import i32, inline, struct, u32
from kernel.process.limits import Limits

NO_LOGIN: u32 = 0xFFFF_FFFF
"""Nobody has logged in."""

OOM_ADJUSTMENT_LOWEST: i32 = -1000
OOM_ADJUSTMENT_HIGHEST: i32 = 1000
"""Of /proc/PID/oom_score_adj (linux/oom.h)."""


@struct
class Settings:
    """The attributes of a process that change what other calls do for it."""

    no_new_privileges: bool = False
    is_dumpable: bool = True
    reaps_orphans: bool = False
    """PR_SET_CHILD_SUBREAPER: it becomes the parent of the orphans below it."""
    without_huge_pages: bool = False
    """PR_SET_THP_DISABLE; there are none."""
    parent_death_signal: u32 = 0
    """PR_SET_PDEATHSIG: what it gets when its parent ends; 0: nothing."""
    personality: u32 = 0
    barriers: u32 = 0
    """Which kinds of membarrier(2) it has registered for."""
    core_filter: u32 = 0x33
    """/proc/PID/coredump_filter."""
    login_user: u32 = NO_LOGIN
    """/proc/PID/loginuid."""
    oom_adjustment: i32 = 0
    """/proc/PID/oom_score_adj, and how far down others than the superuser may set it."""
    least_oom_adjustment: i32 = 0
    is_one_too_many: bool = False
    """Its user had more processes than it may have when this became one of them (RLIMIT_NPROC)."""
    limits: Limits = inline()

    def inherit(self, other: Settings) -> None:
        """What a child begins with (fork(2), prctl(2)): all but what concerns its own parent and orphans."""
        self.no_new_privileges = other.no_new_privileges
        self.is_dumpable = other.is_dumpable
        self.without_huge_pages = other.without_huge_pages
        self.personality = other.personality
        self.barriers = other.barriers
        self.core_filter = other.core_filter
        self.login_user = other.login_user
        self.oom_adjustment = other.oom_adjustment
        self.least_oom_adjustment = other.least_oom_adjustment
        self.limits.copy_from(other.limits)

    def begin_program(self) -> None:
        """execve(2)."""
        self.is_dumpable = True
        self.barriers = 0

    def change_user(self) -> None:
        """The effective user or group has changed: nothing that another user may misuse stays (prctl(2))."""
        self.is_dumpable = False
        self.parent_death_signal = 0
