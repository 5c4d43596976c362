"""The numbers of a container: which processes, threads, process groups and sessions have one (credentials(7)).

Interface: `Numbers.take` `reserve` for a new one; `process` `thread` find what has a number, `group` goes over a group.

Invariants
- A number is given out only while nothing has it, be it only the group or session of one that has ended.
- The first thread of a process has the number of that, and is not in `threads`.
- The members of a group are in one circle, and one of them stands for it in `groups`; likewise sessions.
"""

from __future__ import annotations

from collections.abc import Iterator

from codegen.lang import Fallible, Pid, inline, struct, u64
from kernel.base.circle import Circle
from kernel.base.errno import EAGAIN, EEXIST, ESRCH
from kernel.base.list import List
from kernel.base.tree import Tree
from kernel.process.file_signals import FileSignals
from kernel.process.process import Process
from kernel.sched.thread import Thread

HIGHEST_PID: u64 = 0x3F_FFFF
"""pid_max of 64-bit Linux is 4194304."""

GROUPS: Circle[Process] = Circle(Process.group_circle)
SESSIONS: Circle[Process] = Circle(Process.session_circle)


@struct
class Numbers:
    """What has which number."""

    processes: Tree[Process] = inline(Tree(Process.number_node))
    threads: Tree[Thread] = inline(Tree(Thread.number_node))
    groups: Tree[Process] = inline(Tree(Process.group_node))
    sessions: Tree[Process] = inline(Tree(Process.session_node))
    file_signals: List[FileSignals] = inline(List(FileSignals.numbers_link))
    """The open files, be they of other containers, that tell by signals what has a number here."""
    last: u64 = 0
    """The number that was given out last in turn."""
    may_meet: bool = False
    """Whether the next ones may be in use: numbers were begun with again, or chosen."""

    def take(self) -> Fallible[Pid]:
        """The next number that is free, around from 1 after the highest. EAGAIN if none is."""
        for _ in range(HIGHEST_PID):
            if self.last < HIGHEST_PID:
                self.last += 1
            else:
                self.last = 1
                self.may_meet = True
            pid = Pid(self.last)
            if not self.may_meet or not self.is_used(pid):
                return pid
        raise EAGAIN

    def reserve(self, pid: Pid) -> Fallible[None]:
        """Somebody wants this very number for a new process or thread (clone3(2)). EEXIST when it is in use."""
        self.may_meet = True
        if self.is_used(pid):
            raise EEXIST

    def is_used(self, pid: Pid) -> bool:
        """Whether `pid` is a process, a thread, a process group or a session."""
        return (
            self.find(pid) is not None
            or self.find_thread(pid) is not None
            or self.first_of(pid) is not None
            or self.first_of_session(pid) is not None
        )

    def find(self, pid: Pid) -> Process | None:
        """The process called `pid`, alive or zombie."""
        found = self.processes.at_or_above(u64(pid))
        return None if found is None or found.pid != pid else found

    def process(self, pid: Pid) -> Fallible[Process]:
        """`find`, or ESRCH."""
        found = self.find(pid)
        if found is None:
            raise ESRCH
        return found

    def find_thread(self, id: Pid) -> Thread | None:
        """The thread called `id`."""
        found = self.threads.at_or_above(u64(id))
        if found is not None and found.id == id:
            return found
        process = self.find(id)
        first = None if process is None else process.threads.first
        return None if first is None or first.id != id else first

    def thread(self, id: Pid) -> Fallible[Thread]:
        """`find_thread`, or ESRCH."""
        found = self.find_thread(id)
        if found is None:
            raise ESRCH
        return found

    def process_of(self, number: Pid) -> Fallible[Process]:
        """The process that has a number, or a thread that does. ESRCH."""
        found = self.find(number)
        return self.thread(number).process if found is None else found

    def first_of(self, group: Pid) -> Process | None:
        """A member of a process group; None if there is no such group."""
        found = self.groups.at_or_above(u64(group))
        return None if found is None or found.group_id != group else found

    def group(self, group: Pid) -> Iterator[Process]:
        """The members of a process group, zombies included; none may leave it meanwhile."""
        first = self.first_of(group)
        member = first
        while member is not None:
            following = GROUPS.after(member)
            yield member
            member = None if following is first else following

    def first_of_session(self, session: Pid) -> Process | None:
        """A member of a session; None if there is no such session."""
        found = self.sessions.at_or_above(u64(session))
        return None if found is None or found.session_id != session else found

    # Those who come and go.

    def add(self, process: Process, model: Process | None) -> None:
        """A new process, whose `pid` is set, in the group and session of `model`, or else in its own."""
        self.processes.insert(process, u64(process.pid))
        if model is None:
            self.join_group(process, process.pid)
            self.join_session(process, process.pid)
        else:
            process.group_id = model.group_id
            process.session_id = model.session_id
            GROUPS.join(model, process)
            SESSIONS.join(model, process)

    def remove(self, process: Process) -> None:
        """`process` is gone."""
        self.processes.remove(process)
        self.leave_group(process)
        self.leave_session(process)

    def move(self, process: Process, group: Pid) -> None:
        """`process` is in another group now."""
        self.leave_group(process)
        self.join_group(process, group)

    def begin_session(self, process: Process) -> None:
        """`process` leads a session and a group now, which are new."""
        self.move(process, process.pid)
        self.leave_session(process)
        self.join_session(process, process.pid)

    def join_group(self, process: Process, group: Pid) -> None:
        """`process`, which is in no group, is in this one now."""
        process.group_id = group
        member = self.first_of(group)
        if member is None:
            GROUPS.begin(process)
            self.groups.insert(process, u64(group))
        else:
            GROUPS.join(member, process)

    def leave_group(self, process: Process) -> None:
        """`process` is in no group."""
        other = GROUPS.leave(process)
        if self.groups.contains(process):
            self.groups.remove(process)
            if other is not None:
                self.groups.insert(other, u64(other.group_id))

    def join_session(self, process: Process, session: Pid) -> None:
        """`process`, which is in no session, is in this new one now."""
        process.session_id = session
        SESSIONS.begin(process)
        self.sessions.insert(process, u64(session))

    def leave_session(self, process: Process) -> None:
        """`process` is in no session."""
        other = SESSIONS.leave(process)
        if self.sessions.contains(process):
            self.sessions.remove(process)
            if other is not None:
                self.sessions.insert(other, u64(other.session_id))

    def add_thread(self, thread: Thread, id: Pid) -> None:
        """A new thread is called `id`."""
        thread.id = id
        if id != thread.process.pid:
            self.threads.insert(thread, u64(id))

    def remove_thread(self, thread: Thread) -> None:
        """`thread` is gone, or gets another number."""
        if thread.id != thread.process.pid:
            self.threads.remove(thread)
