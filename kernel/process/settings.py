"""Settings: what a process has set for itself, by prctl(2), personality(2) and setrlimit(2)."""

from __future__ import annotations

from codegen.lang import inline, struct, u32
from kernel.process.limits import Limits


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
        self.limits.copy_from(other.limits)

    def begin_program(self) -> None:
        """execve(2)."""
        self.is_dumpable = True
        self.barriers = 0

    def change_user(self) -> None:
        """The effective user or group has changed: nothing that another user may misuse stays (prctl(2))."""
        self.is_dumpable = False
        self.parent_death_signal = 0
