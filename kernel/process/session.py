"""Sessions and their controlling terminals (setsid(2), credentials(7), ioctl_tty(2)).

Interface: `Session` is in every process, and in use while that leads a session and has a terminal; `session_of` finds
the one that a process belongs to. A terminal knows it as its `TerminalSession`.

Invariant: `terminal.session is self` exactly while `terminal` is set; the end of the leader ends that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Fallible, Pid, struct, u32, uninitialised
from kernel.base.errno import EINTR, EIO, EPERM, ESRCH
from kernel.devices.terminal import Terminal, TerminalSession
from kernel.process import job_control
from kernel.process.send import send_to_process
from kernel.process.signal_table import Signal, bit_of
from kernel.sched.cpu import current

if TYPE_CHECKING:
    from kernel.process.process import Process


@struct
class Session(TerminalSession):
    """A session with a controlling terminal."""

    leader: Process = uninitialised()
    terminal: Terminal | None = None
    foreground: Pid = Pid(0)

    def has_member(self, process: Process) -> bool:
        """Whether `process` belongs to the session."""
        return process.container is self.leader.container and process.session_id == self.leader.pid

    # TerminalSession.

    def check_read(self) -> Fallible[None]:
        process = current().process
        if not self.is_in_background(process):
            return
        signal = u32(Signal.TERMINAL_INPUT)
        if is_refused(signal) or job_control.is_orphaned(process, None):
            raise EIO
        self.stop_group(process, signal)

    def check_change(self) -> Fallible[None]:
        process = current().process
        signal = u32(Signal.TERMINAL_OUTPUT)
        if not self.is_in_background(process) or is_refused(signal):
            return
        if job_control.is_orphaned(process, None):
            raise EIO
        self.stop_group(process, signal)

    def signal_foreground(self, signal: u32) -> None:
        self.signal_group(self.foreground, signal)

    def hang_up(self) -> None:
        leader = self.leader
        self.leave()
        send_to_process(leader, u32(Signal.HANGUP))
        send_to_process(leader, u32(Signal.CONTINUE))

    # For those who know processes.

    def is_in_background(self, process: Process) -> bool:
        """Whether `process` is a member outside of the group in the foreground."""
        is_controlled = self.has_member(process) and not process.has_given_terminal_up
        return is_controlled and process.group_id != self.foreground

    def signal_group(self, group: Pid, signal: u32) -> None:
        """Send `signal` to every process of a group of the session."""
        for process in self.leader.container.numbers.group(group):
            if self.has_member(process):
                send_to_process(process, signal)

    def stop_group(self, process: Process, signal: u32) -> Fallible[None]:
        """Send `signal` to the group of the running `process`; its call is made again after that."""
        self.signal_group(process.group_id, signal)
        raise EINTR

    def acquire(self, leader: Process, terminal: Terminal) -> Fallible[None]:
        """Let `terminal` control the session that `leader` leads. EPERM unless both are free for it."""
        if leader.session_id != leader.pid or self.terminal is not None or terminal.session is not None:
            raise EPERM
        self.take(leader, terminal)

    def take(self, leader: Process, terminal: Terminal) -> None:
        """`acquire`, where both are known to be free."""
        self.leader = leader
        self.terminal = terminal
        self.foreground = leader.group_id
        terminal.session = self

    def leave(self) -> None:
        """The session has no terminal any more."""
        terminal = self.terminal
        if terminal is not None:
            self.terminal = None
            terminal.end_session()

    def give_back(self) -> None:
        """Undo `take` before any program ran: for the terminal it is as if it had not been."""
        terminal = self.terminal
        if terminal is not None:
            self.terminal = None
            terminal.session = None

    def disconnect(self, has_ended: bool) -> None:
        """The leader has ended or gives the terminal up: the foreground hears of it (setsid(2), TIOCNOTTY)."""
        if self.terminal is not None:
            self.signal_foreground(u32(Signal.HANGUP))
            if not has_ended:
                self.signal_foreground(u32(Signal.CONTINUE))
            self.leave()

    def set_foreground(self, group: Pid) -> Fallible[None]:
        """TIOCSPGRP: ESRCH without such a group, EPERM when it is of another session."""
        member = self.leader.container.numbers.first_of(group)
        if member is None:
            raise ESRCH
        if not self.has_member(member):
            raise EPERM
        self.foreground = group


def is_refused(signal: u32) -> bool:
    """Whether the running thread blocks `signal` or its process ignores it."""
    thread = current()
    return thread.signal_mask & bit_of(signal) != 0 or thread.process.signals.is_ignored(signal)


def session_of(process: Process) -> Session | None:
    """The session of `process`, if it has a controlling terminal."""
    if process.has_given_terminal_up:
        return None
    leader = process.container.numbers.find(process.session_id)
    return None if leader is None or leader.session.terminal is None else leader.session
