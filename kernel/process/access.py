"""Who may look into a process: the one check of ptrace(2), "Ptrace access mode checking", used by all that does.

Interface: `may_look_into` for the running thread. What it protects is the memory, the files and the addresses of a
process: /proc/PID, process_vm_readv(2), pidfd_getfd(2).
"""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import u8, width
from kernel.files.capability import Capability
from kernel.process.process import Process
from kernel.sched.cpu import current


@width(u8)
class LookAs(IntEnum):
    """Whose rights count."""

    REAL = 0
    """Those of the real ids (PTRACE_MODE_REALCREDS): for system calls."""
    FILES = 1
    """Those of the ids that count for files (PTRACE_MODE_FSCREDS): for what is opened or followed by a path."""


def may_look_into(process: Process, by: LookAs) -> bool:
    """Whether the running thread may look into `process`: its own; any with CAP_SYS_PTRACE; else one all of whose ids
    are the caller's, unless it may not be dumped.
    """
    caller = current().process
    mine = caller.credentials
    if process is caller or mine.has(Capability.SYS_PTRACE):
        return True
    if not process.settings.is_dumpable:
        return False
    return has_ids_of_caller(process, by)


def has_ids_of_caller(process: Process, by: LookAs) -> bool:
    """Whether all ids of `process` are those of the running thread."""
    mine = current().process.credentials
    user = mine.user if by == LookAs.FILES else mine.real_user
    group = mine.group if by == LookAs.FILES else mine.real_group
    theirs = process.credentials
    return (
        user == theirs.effective_user == theirs.real_user == theirs.saved_user
        and group == theirs.effective_group == theirs.real_group == theirs.saved_group
    )
