"""ProcessIdentity: a process as others refer to it who may outlive it (`struct pid` of Linux).

Interface: `identity_of`, `ProcessIdentity.process`. The inodes of /proc/PID have a reference each, so that a file that
was opened there never tells of another process that got the number later; `Process.release` says that it is gone.
"""

from __future__ import annotations

from codegen.lang import Fallible, local_array, struct, u8, u32, u64
from kernel.base.text import DECIMAL_LENGTH, format_unsigned
from kernel.files.attributes import Access
from kernel.files.credentials import Credentials
from kernel.files.inode import Inode
from kernel.files.made import Guard, Subject
from kernel.files.made_entries import prune
from kernel.files.ramfs import RamFs
from kernel.memory.heap import free
from kernel.process.access import LookAs, may_look_into
from kernel.process.process import Process
from kernel.sched.cpu import current

ANYBODY_READS: u32 = 0o555
"""Folders with these permissions always belong to the user of the process (task_dump_owner() of Linux)."""


@struct
class ProcessIdentity(Subject):
    """One process, as long as somebody refers to it."""

    process: Process | None = None
    """None once it was reaped."""
    references: u64 = 0

    def hold(self) -> None:
        self.references += 1

    def drop(self) -> None:
        self.references -= 1
        if self.references == 0:
            free(self)

    def end(self, fs: RamFs | None) -> None:
        """The process was reaped: remove its folder from `fs`, the /proc of its container."""
        process = self.process
        self.process = None
        if fs is None or process is None or fs.has_ended:
            return
        entries = fs.root.entries
        digits = local_array(u8, DECIMAL_LENGTH)
        start = format_unsigned(digits, u64(process.pid), 10)
        entry = None if entries is None else entries.find(digits[start:DECIMAL_LENGTH])
        folder = None if entry is None else entry.inode
        if folder is not None and folder.subject is self:
            prune(folder)

    def describe(self, inode: Inode) -> None:
        """Files belong to the user of the process; if it may not be dumped, to the superuser, so that its user may not
        read what is in its memory.
        """
        process = self.process
        if process is None:
            return
        about = inode.described
        who = process.credentials
        is_open = about.is_directory and about.permissions == ANYBODY_READS
        if is_open or process.settings.is_dumpable:
            about.user = who.effective_user
            about.group = who.effective_group
        else:
            about.user = 0
            about.group = 0

    def permits(self, inode: Inode, credentials: Credentials, wanted: Access) -> bool:
        """As the permissions say, which are up to date then, and as the guard says."""
        self.describe(inode)
        process = self.process
        permitted = inode.described.permits(credentials, wanted)
        match inode.guard:
            case Guard.NONE:
                return permitted
            case Guard.OPEN_TO_ITSELF:
                return permitted or process is current().process
            case Guard.TRACERS_ONLY:
                return permitted and process is not None and may_look_into(process, LookAs.FILES)


def identity_of(process: Process) -> Fallible[ProcessIdentity]:
    """What stands for `process`, lent."""
    identity = process.identity
    if identity is None:
        identity = process.container.account.heap.new(ProcessIdentity)
        identity.process = process
        identity.hold()
        process.identity = identity
    return identity
