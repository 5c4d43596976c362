"""Container: the one kernel object that a container is.

Interface: `create_child` makes one inside another; run.py starts processes in it, destroy.py ends it, handle.py is how
programs refer to it.

Invariants
- Everything inside is charged to `account` and on one of the lists here, so destroying is emptying the lists.
- `id` is never reused; references from outside are handles, which are cut off when the container is destroyed.
- DYING is entered once; from then on nothing new is made inside.
- The object itself is charged to the parent, so that the container's own count can be shown to be zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import (
    Array,
    Atomic,
    Fallible,
    Never,
    Pid,
    Slice,
    array,
    copy,
    field_offset,
    fill,
    inline,
    local_array,
    on_error,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EAGAIN, EEXIST, EINVAL, EXDEV
from kernel.base.list import Link, List
from kernel.base.log import log
from kernel.base.text import DECIMAL_LENGTH, format_unsigned
from kernel.containers import out_of_memory
from kernel.containers.abi import ContainerStage, EventKind
from kernel.devices.terminal import TerminalList
from kernel.files.file import FileOwner
from kernel.files.mount_kind import has_fixed_names
from kernel.files.mounts import MountTable
from kernel.files.poll import readiness_changed
from kernel.files.ramfs import RamFs, create_file_system
from kernel.ipc.namespace import IpcNamespace
from kernel.machine.exit import switch_off
from kernel.memory.account import Account
from kernel.memory.heap import owner_of
from kernel.net.stack import NetworkStack, create_stack
from kernel.process.ending import status_shown
from kernel.process.numbers import Numbers
from kernel.process.process import Process
from kernel.process.tracer import Tracer
from kernel.process.users import Users
from kernel.sched.control import nudge_group
from kernel.sched.group import RunGroup
from kernel.sched.preemption import THAWED
from kernel.sched.wait import WaitQueue

if TYPE_CHECKING:
    from kernel.containers.handle import ContainerHandle
    from kernel.files.inode import Inode
    from kernel.sched.thread import Thread


@struct
class Container:
    """One container."""

    # Constant after creation.
    id: u64 = 0
    parent: Container | None = None
    name: Array[u8] = array(64)
    name_length: u64 = 0

    hostname: Array[u8] = array(65)
    hostname_length: u64 = 0
    stage: ContainerStage = ContainerStage.CREATED
    destroyer: Thread | None = None
    """Who made it DYING, and is going to free it."""

    # What it owns.
    children: List[Container] = inline()
    sibling_link: Link[Container] = inline()
    account: Account = inline()
    group: RunGroup = inline()
    files: FileOwner = inline()
    network: NetworkStack = uninitialised()
    ipc: IpcNamespace = inline()
    terminals: TerminalList = inline()
    file_system: RamFs = uninitialised()
    """Its own files: what is mounted at /."""
    mounts: MountTable = inline()
    processes: List[Process] = inline(List(Process.container_link))
    init: Process | None = None
    """The process with pid 1, while it lives."""
    numbers: Numbers = inline()
    users: Users = inline()

    # Who looks at it from outside.
    handles: List[ContainerHandle] = inline()
    tracer: Tracer | None = None
    changed: WaitQueue = inline()
    """Woken when a process in here ends or is gone, and when the stage changes."""

    # Counts.
    unknown_calls: Atomic[u64] = inline()
    last_unknown_call: u64 = 0
    processes_run: u64 = 0
    ended_while_dying: u64 = 0

    @property
    def root(self) -> Inode:
        """The root directory that its processes begin with."""
        return self.file_system.root

    @property
    def is_dying(self) -> bool:
        """Whether the container is being destroyed."""
        return self.stage == ContainerStage.DYING

    def prepare(self, parent: Container | None, name: Slice[u8]) -> None:
        """Make a fresh object ready: an id, an account, empty lists."""
        REGISTRY.last_id += 1
        self.id = REGISTRY.last_id
        self.parent = parent
        self.children.offset = field_offset(Container.sibling_link)
        self.account.prepare(None if parent is None else parent.account, name)
        self.files.account = self.account
        self.ipc.prepare(self.account)
        self.group.prepare(None if parent is None else parent.group)
        if len(name) > 0:
            self.name_length = u64(len(name))
            copy(self.name[0 : self.name_length], name)
        else:
            self.name_by_id()
        self.set_hostname(self.name[0 : self.name_length])

    def name_by_id(self) -> None:
        """Without a name of its own, a container is called by its id."""
        digits = local_array(u8, DECIMAL_LENGTH)
        start = format_unsigned(digits, self.id, 10)
        self.name_length = DECIMAL_LENGTH - start
        copy(self.name[0 : self.name_length], digits[start:DECIMAL_LENGTH])

    def set_hostname(self, name: Slice[u8]) -> None:
        """Call the machine `name`, at most 64 bytes, in the eyes of what runs inside (sethostname(2))."""
        fill(self.hostname[:], 0)
        self.hostname_length = u64(len(name))
        copy(self.hostname[0 : self.hostname_length], name)

    def check_alive(self) -> Fallible[None]:
        """EAGAIN once the container is being destroyed: nothing new is made inside."""
        if self.is_dying:
            raise EAGAIN

    def process_ended(self, process: Process) -> bool:
        """A process in here has become a zombie; says whether anyone may still ask for its status."""
        dying = self.stage == ContainerStage.DYING
        if self.init is process:
            self.init = None
            if self.parent is None:
                end_machine(process.status)
        if dying:
            self.ended_while_dying += 1
        else:
            self.tell(EventKind.EXIT, process.pid, process.status)
            if not self.has_living_process():
                self.stage = ContainerStage.FROZEN if self.group.frozen else ContainerStage.EMPTY
                self.tell(EventKind.EMPTY, Pid(0), 0)
        self.changed.wake_all()
        readiness_changed()
        return not dying

    def set_frozen(self, frozen: bool) -> None:
        """Stop all threads in here before they go on in ring 3, or let them go on."""
        if self.group.frozen == frozen or self.is_dying:
            return
        self.group.frozen = frozen
        if frozen:
            nudge_group(self.group)
            self.stage = ContainerStage.FROZEN
            self.tell(EventKind.FROZEN, Pid(0), 0)
        else:
            self.stage = self.stage_of_processes()
            self.tell(EventKind.THAWED, Pid(0), 0)
            THAWED.queue.wake_all()
        self.changed.wake_all()

    def stage_of_processes(self) -> ContainerStage:
        """The stage of a container that is neither frozen nor dying."""
        if self.has_living_process():
            return ContainerStage.RUNNING
        return ContainerStage.CREATED if self.processes_run == 0 else ContainerStage.EMPTY

    def tell(self, kind: EventKind, pid: Pid, status: u32) -> None:
        """Let who has a descriptor of the container read an event from it."""
        for handle in self.handles:
            handle.note(kind, pid, status)
        readiness_changed()

    def make_room(self, process: Process, may_wait: bool) -> bool:
        """`process`, of this container, was refused a page; whether it makes sense to try again (out_of_memory.py)."""
        return out_of_memory.make_room(BOOT, process, may_wait)

    def tell_limits(self) -> None:
        """Tell who watches this or another container that it came to a limit."""
        out_of_memory.tell_limits(BOOT)

    def has_living_process(self) -> bool:
        """Whether any process in here still has a thread."""
        for process in self.processes:
            if not process.is_zombie:
                return True
        return False

    def contains(self, other: Container) -> bool:
        """Whether `other` is this container or inside of it."""
        level: Container | None = other
        while level is not None:
            if level is self:
                return True
            level = level.parent
        return False

    def child_after(self, last: u64) -> Container | None:
        """The first child with a number above `last`: they stand in the order of their numbers."""
        for child in self.children:
            if child.id > last:
                return child
        return None

    def following(self, top: Container) -> Container | None:
        """The container after this one in a walk through all inside `top`, parents first; None at the end."""
        child = self.children.first
        if child is not None:
            return child
        level = self
        while level is not top:
            sibling = level.sibling_link.next
            if sibling is not None:
                return sibling
            parent = level.parent
            assert parent is not None, "the walk stays inside the top"
            level = parent
        return None


@struct
class Registry:
    """What outlives every container: ids are never reused."""

    last_id: u64 = 0


REGISTRY = Registry()


BOOT = Container()
"""The container that everything else is in; the agent runs here. Its account is what the kernel can give away."""


def end_machine(status: u32) -> Never:
    """The first process of all has ended, with `status` as wait4(2) reports it: so does the machine."""
    told = status_shown(status)
    log(f"pithos: the first process ended with status {told}")
    switch_off(told)


def check_lower(parent: Container, lower: Inode) -> Fallible[None]:
    """EXDEV unless the files of `lower` outlive all that is made inside `parent`: those of it and of what is around it.
    EINVAL for what the kernel makes, as in /proc.

    A directory of another container can be reached by a descriptor that was passed on.
    """
    if lower.is_dead:
        raise EXDEV
    if has_fixed_names(lower.fs.kind):
        raise EINVAL
    owner = owner_of(lower)
    payer: Account | None = parent.account
    while payer is not owner:
        if payer is None:
            raise EXDEV
        payer = payer.parent


def create_child(parent: Container, name: Slice[u8], lower: Inode) -> Fallible[Container]:
    """A container inside `parent` whose files begin as those of the directory `lower`.

    EEXIST for a name that a sibling has, EXDEV for a directory of a container that is not around the new one, ENOMEM;
    then nothing is made.
    """
    parent.check_alive()
    check_lower(parent, lower)
    for sibling in parent.children:
        if len(name) > 0 and sibling.name[0 : sibling.name_length] == name:
            raise EEXIST
    heap = parent.account.heap
    child = heap.new(Container)
    child.prepare(parent, name)
    with on_error(heap.free, child), on_error(child.account.heap.trim):
        child.network = create_stack(child.files, child.id)
        with on_error(child.network.drop):
            child.file_system = create_file_system(child.account, lower)
            with on_error(child.file_system.destroy):
                child.mounts.prepare(child.file_system)
    parent.children.push_last(child)
    return child
