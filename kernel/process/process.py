"""Process: a program in execution, as its container numbers it.

Interface: `make_process`, `Process.publish` `release` `adopt`; start.py starts it, exit.py ends it, wait.py reaps it.

Invariants
- A process is on its container's list from `publish` to `release`, and charged there from `make_process` on.
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
from kernel.base.circle import CircleLink
from kernel.base.list import Link, List
from kernel.base.tree import Tree, TreeNode
from kernel.files.credentials import Credentials
from kernel.files.mount_kind import MountKind
from kernel.process.clock_watch import ClockWatch
from kernel.process.path_context import PathContext
from kernel.process.settings import Settings
from kernel.process.signal_queue import QueuedSignal
from kernel.process.signal_table import SignalTable
from kernel.process.usage import Report
from kernel.process.users import User
from kernel.sched.thread import Thread
from kernel.sched.timer import now
from kernel.sched.usage import SharedTime
from kernel.sched.wait import WaitQueue

if TYPE_CHECKING:
    from kernel.containers.container import Container
    from kernel.files.execution import Execution
    from kernel.files.inode import Inode
    from kernel.files.table import FileTable
    from kernel.memory.space import NOTHING, AddressSpace
    from kernel.process.identity import ProcessIdentity
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
    number_node: TreeNode[Process] = inline()
    group_node: TreeNode[Process] = inline()
    group_circle: CircleLink[Process] = inline()
    session_node: TreeNode[Process] = inline()
    session_circle: CircleLink[Process] = inline()
    group_id: Pid = Pid(0)
    session_id: Pid = Pid(0)
    session: Session = inline()
    """The session that it leads, if it leads one."""
    has_given_terminal_up: bool = False
    """It is without the terminal of its session (TIOCNOTTY), and so are its children from then on."""
    threads: List[Thread] = inline(List(Thread.process_link))

    # What it uses; given back when it becomes a zombie.
    space: AddressSpace = uninitialised()
    """NOTHING before it has a program, and once it has given it back."""
    files: FileTable = uninitialised()
    paths: PathContext = uninitialised()
    """Its own, or one that it shares with others (CLONE_FS)."""
    own_paths: PathContext = inline()
    executable: Execution | None = None
    credentials: Credentials = inline()
    settings: Settings = inline()
    owner: User = uninitialised()
    """Its real user, who has so many threads, signals and timers in the container."""
    charges: u64 = 0
    """How many threads count for the account and the owner: the first one until the process is released."""
    processor_limit: ProcessorLimit = inline()
    lender: Thread | None = None
    """CLONE_VFORK: the thread of the parent that waits until this process no longer needs its memory."""

    # Signals and the end.
    signals: SignalTable = inline()
    timers: Tree[ProcessTimer] = inline()
    next_timer: u64 = 0
    """The number that timer_create(2) tries next."""
    unheard: u64 = 0
    """The signals that timers with an interval would have sent, had they not been ignored."""
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

    identity: ProcessIdentity | None = None
    """What others refer to who may outlive it: the files of /proc/PID; held, once somebody has asked for one."""
    programs: u64 = 0
    """How often it has begun another program: what was opened in the memory of the one before ends there."""

    # Time used, on the time-stamp counter.
    started: Nanoseconds = Nanoseconds(0)
    time: SharedTime = inline()
    watches: Tree[ClockWatch] = inline()
    """Moments of its clock of processor time, the earliest first."""
    thread_watches: Tree[ClockWatch] = inline()
    """Moments of the clocks of its threads, by the number of the thread."""
    used: Report = inline()
    """By threads that have ended, and how the time of all was divided last."""
    used_by_children: Report = inline()
    """By those that it has waited for, and theirs."""

    @property
    def root(self) -> Inode:
        """The directory that `/` is for it."""
        return self.paths.root

    @property
    def directory(self) -> Inode:
        """The working directory."""
        return self.paths.directory

    @property
    def umask(self) -> u32:
        """Which permissions the files that it makes do not have (umask(2))."""
        return self.paths.umask

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

    def charge_thread(self) -> Fallible[None]:
        """One thread more. EAGAIN at the limit of the container."""
        self.container.account.charge_process()
        self.charges += 1
        self.owner.threads += 1

    def return_thread(self) -> None:
        """One thread less."""
        self.container.account.return_process()
        self.charges -= 1
        self.owner.threads -= 1

    def change_owner(self, user: u32) -> Fallible[None]:
        """Its real user is another. ENOMEM."""
        before = self.owner
        after = self.container.users.hold(self.container.account.heap, user)
        before.threads -= self.charges
        after.threads += self.charges
        self.owner = after
        before.drop()

    def abandon(self, child: Process) -> None:
        """`child` no longer has a parent."""
        child.parent = None
        child.parent_pid = Pid(0)
        self.children.remove(child)

    def publish(self, parent: Process | None, model: Process | None, wanted: Pid = Pid(0)) -> Fallible[None]:
        """Let others see it: as a child of `parent`, in the group and session of `model`, or else in its own.

        Its number is the next one or, if that is free, `wanted`. EAGAIN, EEXIST.
        """
        container = self.container
        container.check_alive()
        if wanted == Pid(0):
            self.pid = container.numbers.take()
        else:
            container.numbers.reserve(wanted)
            self.pid = wanted
        container.processes.push_last(self)
        container.numbers.add(self, model)
        container.processes_run += 1
        if parent is not None:
            parent.adopt(self)

    def discard(self) -> None:
        """It was never seen, and will not be. A thread that destroys the container may wait for that."""
        container = self.container
        self.return_thread()
        self.owner.drop()
        container.account.heap.free(self)
        container.changed.wake_all()

    def release(self) -> None:
        """A zombie is reaped: give back pid, charge and object."""
        parent = self.parent
        if parent is not None:
            parent.abandon(self)
        while True:
            handle = self.handles.pop_first()
            if handle is None:
                break
            handle.process = None
        container = self.container
        identity = self.identity
        if identity is not None:
            self.identity = None
            identity.end(container.mounts.find(MountKind.PROC))
            identity.drop()
        container.processes.remove(self)
        container.numbers.remove(self)
        self.discard()


def make_process(container: Container, model: Process | None) -> Fallible[Process]:
    """A process that nobody sees yet, charged to `container` and the user of `model`. EAGAIN at its limit, ENOMEM.

    What others may look at, its memory and files above all, is there before `publish`: making it may take long.
    """
    container.check_alive()
    heap = container.account.heap
    container.account.charge_process()
    with on_error(container.account.return_process):
        owner = container.users.hold(heap, 0) if model is None else model.owner
        if model is not None:
            owner.hold()
        with on_error(owner.drop):
            process = heap.new(Process)
    process.owner = owner
    process.charges = 1
    owner.threads += 1
    process.children.offset = field_offset(Process.sibling_link)
    process.watches.offset = field_offset(ClockWatch.node)
    process.thread_watches.offset = field_offset(ClockWatch.node)
    process.signals.queue.offset = field_offset(QueuedSignal.node)
    process.signals.table = process.signals.own_table
    process.paths = process.own_paths
    process.container = container
    process.started = now()
    process.space = NOTHING
    if model is None:
        process.settings.limits.begin(container.account.processes.limit)
    return process
