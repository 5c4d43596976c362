"""Process: a program in execution, as its container numbers it.

Interface: `create_process` `Process.release` `Process.adopt`; start.py starts it, exit.py ends it, wait.py reaps it.

Invariants
- A process is on its container's list from `create_process` to `release`, and charged there all that time.
- ALIVE: has at least one thread. ZOMBIE: has none, has given back its memory and files, keeps pid and status.
- The parent, if any, is in the same container; without one, the container itself reaps the process.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from codegen.lang import (
    Array,
    Fallible,
    Nanoseconds,
    Pid,
    Slice,
    array,
    copy,
    field_offset,
    fill,
    inline,
    on_error,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
    width,
)
from kernel.base.list import Link, List
from kernel.files.credentials import Credentials
from kernel.files.tree import prune
from kernel.process.settings import Settings
from kernel.process.signal_queue import QueuedSignal
from kernel.process.signal_table import SignalTable
from kernel.process.usage import Report
from kernel.sched.scheduler import time_of
from kernel.sched.thread import Thread
from kernel.sched.timer import now
from kernel.sched.wait import WaitQueue

if TYPE_CHECKING:
    from kernel.containers.container import Container
    from kernel.files.execution import Execution
    from kernel.files.inode import Inode
    from kernel.files.table import FileTable
    from kernel.memory.space import AddressSpace
    from kernel.process.pidfd import ProcessHandle
    from kernel.process.processor_limit import ProcessorLimit
    from kernel.process.session import Session
    from kernel.process.timers import ProcessTimer

NAME_LENGTH: u64 = 16
"""TASK_COMM_LEN: the name with its final NUL (prctl(2), PR_SET_NAME)."""


@width(u8)
class ProcessState(IntEnum):
    """Where a process is in its life."""

    ALIVE = 1
    ZOMBIE = 2


@struct
class Process:
    """One process of a container."""

    pid: Pid = Pid(0)
    container: Container = uninitialised()
    state: ProcessState = ProcessState.ALIVE
    name: Array[u8] = array(16)

    # The tree. Changes only in system calls and exits, which are never preempted in the kernel.
    parent: Process | None = None
    parent_pid: Pid = Pid(0)
    children: List[Process] = inline()
    sibling_link: Link[Process] = inline()
    container_link: Link[Process] = inline()
    group_id: Pid = Pid(0)
    session_id: Pid = Pid(0)
    session: Session = inline()
    """The session that it leads, if it leads one."""
    has_given_terminal_up: bool = False
    """It is without the terminal of its session (TIOCNOTTY), and so are its children from then on."""
    threads: List[Thread] = inline(List(Thread.process_link))

    # What it uses; given back when it becomes a zombie.
    space: AddressSpace = uninitialised()
    files: FileTable = uninitialised()
    root: Inode = uninitialised()
    directory: Inode = uninitialised()
    executable: Execution | None = None
    credentials: Credentials = inline()
    umask: u32 = 0o022
    settings: Settings = inline()
    processor_limit: ProcessorLimit = inline()
    lender: Thread | None = None
    """CLONE_VFORK: the thread of the parent that waits until this process no longer needs its memory."""

    # Signals and the end.
    signals: SignalTable = inline()
    timers: List[ProcessTimer] = inline()
    exiting: bool = False
    stopped: bool = False
    stop_signal: u32 = 0
    halted_threads: u64 = 0
    """How many threads sleep as the process is stopped."""
    stop_told: bool = False
    """All do, and the parent was told."""
    stop_untold: bool = False
    """It was stopped, and no wait4(2) of the parent has told so yet; likewise `continue_untold`."""
    continue_untold: bool = False
    continued: WaitQueue = inline()
    status: u32 = 0
    """What wait4(2) reports: the bits of WEXITSTATUS and WTERMSIG."""
    exit_signal: u32 = 0
    executed: bool = False
    handles: List[ProcessHandle] = inline()
    """The pidfds that refer to it: told when it ends, cut off when it is released."""
    child_ended: WaitQueue = inline()
    """Woken when a child becomes a zombie, is stopped or goes on."""
    ended: WaitQueue = inline()
    """Woken when this process becomes a zombie."""
    thread_ended: WaitQueue = inline()
    """Woken when one of several threads has ended: execve(2) waits for the others."""
    returned: WaitQueue = inline()
    """Woken when a child gives back memory that it borrowed."""

    shown: Inode | None = None
    """The directory /proc/PID, once somebody has looked for it."""

    # Time used, on the time-stamp counter.
    started: Nanoseconds = Nanoseconds(0)
    used: Report = inline()
    """By threads that have ended, and how the time of all was divided last."""
    used_by_children: Report = inline()
    """By those that it has waited for, and theirs."""

    def set_name(self, name: Slice[u8]) -> None:
        """Take the first 15 bytes of `name`."""
        length = min(u64(len(name)), NAME_LENGTH - 1)
        fill(self.name[:], 0)
        copy(self.name[0:length], name[0:length])

    def name_thread(self, thread: Thread, name: Slice[u8]) -> None:
        """Call a thread of this process `name`, and the process with it if it is the first one (prctl(2))."""
        length = min(u64(len(name)), NAME_LENGTH - 1)
        fill(thread.name[:], 0)
        copy(thread.name[0:length], name[0:length])
        if thread.id == self.pid:
            self.set_name(name)

    @property
    def all_cpu_time(self) -> u64:
        """The time that its threads used, those included that have ended, on the time-stamp counter."""
        time = self.used.used.time
        for thread in self.threads:
            time += time_of(thread)
        return time

    @property
    def is_zombie(self) -> bool:
        """Whether it has ended and waits to be reaped."""
        return self.state == ProcessState.ZOMBIE

    def return_space(self) -> None:
        """The process no longer needs memory that it borrowed: who lent it goes on (vfork(2))."""
        lender = self.lender
        if lender is not None:
            self.lender = None
            lender.lends_space = False
            lender.process.returned.wake_all()

    def adopt(self, child: Process) -> None:
        """Become the parent of `child`, which has none."""
        child.parent = self
        child.parent_pid = self.pid
        self.children.push_last(child)

    def abandon(self, child: Process) -> None:
        """`child` no longer has a parent."""
        child.parent = None
        child.parent_pid = Pid(0)
        self.children.remove(child)

    def release(self) -> None:
        """A zombie is reaped, or one that never ran is dropped: give back pid, charge and object."""
        parent = self.parent
        if parent is not None:
            parent.abandon(self)
        while True:
            handle = self.handles.pop_first()
            if handle is None:
                break
            handle.process = None
        shown = self.shown
        if shown is not None:
            self.shown = None
            prune(shown)
        container = self.container
        container.processes.remove(self)
        container.changed.wake_all()
        container.account.return_process()
        container.account.heap.free(self)


def create_process(container: Container, parent: Process | None, wanted: Pid = Pid(0)) -> Fallible[Process]:
    """A process with a pid that was reserved, or the next one, charged to `container`. EAGAIN at its limit, ENOMEM."""
    container.check_alive()
    container.account.charge_process()
    with on_error(container.account.return_process):
        pid = wanted if wanted != Pid(0) else container.take_pid()
        process = container.account.heap.new(Process)
    process.children.offset = field_offset(Process.sibling_link)
    process.signals.queue.offset = field_offset(QueuedSignal.link)
    process.container = container
    process.pid = pid
    process.group_id = pid
    process.session_id = pid
    process.started = now()
    container.processes.push_last(process)
    container.processes_run += 1
    if parent is not None:
        parent.adopt(process)
    return process
