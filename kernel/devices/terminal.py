"""Pseudo-terminals: a terminal whose keyboard and screen are an open file (pty(7)).

Interface: `create_terminal` makes a pair and opens its master; `Terminal.open_slave` opens the other end, for a
program. What is typed and printed passes the line discipline (line.py). Who may read, and who gets the signals of keys,
knows the session of the terminal; it is a `TerminalSession`, since process groups are above this layer.

Decision: every open file of a terminal, of either end, is charged to the container that made the terminal, not to the
one that opened it. So revoking what that container owns cuts off everybody, and nothing is left that refers to a
freed terminal. The price, an open file for somebody else's open, is bounded by the descriptors of who was given it.

Invariants
- A terminal lives as long as one of its ends is open, and is on its container's list all that time.
- When the master is closed, the slave is hung up: its open files read as ended and
  refuse to write.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Interface,
    MutableSlice,
    Nanoseconds,
    Slice,
    inline,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EAGAIN, EINTR, EIO
from kernel.base.list import Link, List
from kernel.devices import terminal_control
from kernel.devices.line import NO_SIGNAL, LineDiscipline
from kernel.devices.terminal_ends import MasterEnd, SlaveEnd
from kernel.devices.termios import MINIMUM, TIME, LocalFlags, WindowSize
from kernel.files.file import FileOwner, OpenFile, open_file
from kernel.files.flags import OpenFlags
from kernel.files.inode import Inode
from kernel.files.poll import readiness_changed
from kernel.files.route import Band
from kernel.files.signalled import SignalledFiles
from kernel.memory.heap import free
from kernel.sched.timer import NEVER, after
from kernel.sched.wait import WaitQueue

TENTH: u64 = 100_000_000
"""The unit of TIME, in nanoseconds."""


class TerminalSession(Interface):
    """The session whose controlling terminal this is (setsid(2), credentials(7))."""

    def check_read(self) -> Fallible[None]:
        """Stop the running process with SIGTTIN if it is in the background. EINTR to try again later, EIO."""
        ...

    def check_change(self) -> Fallible[None]:
        """Stop the running process with SIGTTOU if it is in the background and minds it. EINTR, EIO."""
        ...

    def signal_foreground(self, signal: u32) -> None:
        """Send `signal` to the process group in the foreground."""
        ...

    def hang_up(self) -> None:
        """The terminal is gone: tell the leader, and be without one."""
        ...


@struct
class Terminal:
    """One pseudo-terminal."""

    owner: FileOwner = uninitialised()
    terminals: TerminalList = uninitialised()
    terminals_link: Link[Terminal] = inline()
    number: u64 = 0
    folder: Inode = uninitialised()
    """/dev/pts of the container, held, where `node` has the number as its name."""
    node: Inode = uninitialised()
    console_of: u64 = 0
    """The number of the container whose /dev/console it is."""
    master: MasterEnd = inline()
    slave: SlaveEnd = inline()
    is_locked: bool = True
    """The slave cannot be opened before unlockpt(3)."""
    has_ended: bool = False
    """The container that made it ends: it is on no list, and nobody opens it any more."""
    has_packets: bool = False
    """What the master reads are packets (TIOCPKT)."""
    was_used: bool = False
    """The slave was open at some time."""
    session: TerminalSession | None = None
    window: WindowSize = inline()
    changed: WaitQueue = inline()
    master_signalled: SignalledFiles = inline()
    slave_signalled: SignalledFiles = inline()
    line: LineDiscipline = inline()

    @property
    def is_left(self) -> bool:
        """Whether every program has closed the slave."""
        return self.was_used and self.slave.opens == 0

    def changed_state(self) -> None:
        """Something can be read or written that could not before, or an end was closed."""
        self.changed.wake_all()
        readiness_changed()

    # The master.

    def show(self, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        """Give what is to be shown. EIO when all is shown and every program has closed the slave."""
        if len(destination) == 0:
            return 0
        while True:
            seen = self.changed.observe()
            screen = self.line.screen
            done = screen.take_packet(destination) if self.has_packets else screen.take(destination)
            if done > 0:
                self.changed_state()
                return done
            if self.is_left:
                raise EIO
            if not wait:
                raise EAGAIN
            self.changed.sleep(seen)

    def type(self, source: Slice[u8], wait: bool) -> Fallible[u64]:
        """Type `source`: keys that mean signals send them to the foreground."""
        done: u64 = 0
        total = u64(len(source))
        while done < total:
            seen = self.changed.observe()
            put = self.press_all(source[done:total])
            done += put
            if put > 0:
                self.changed_state()
                self.tell_typed()
            elif not wait:
                break
            else:
                try:
                    self.changed.sleep(seen)
                except EINTR:
                    if done == 0:
                        raise
                    break
        if done == 0 and total > 0:
            raise EAGAIN
        return done

    def tell_typed(self) -> None:
        """Tell those with O_ASYNC what there is now: something to read, and its echo."""
        if self.is_ready_to_read:
            self.slave_signalled.tell(Band.INPUT)
        if self.line.screen.used > 0:
            self.master_signalled.tell(Band.INPUT)

    def press_all(self, keys: Slice[u8]) -> u64:
        """As many keys as there is room for; returns how many."""
        for index in range(u64(len(keys))):
            if not self.line.has_room:
                return index
            self.press(keys[index])
        return u64(len(keys))

    def press(self, key: u8) -> None:
        """One key."""
        signal = self.line.receive(key)
        session = self.session
        if signal != NO_SIGNAL and session is not None:
            session.signal_foreground(signal)

    def hang_up(self) -> None:
        """The line is cut: the session has no terminal any more, and the slave is at its end."""
        self.slave.is_hung_up = True
        session = self.session
        if session is not None:
            session.hang_up()
        self.changed_state()

    # The slave.

    @property
    def is_ready_to_read(self) -> bool:
        """Whether poll(2) calls the slave readable."""
        line = self.line
        if line.is_canonical or line.termios.characters[TIME] != 0:
            return line.is_readable
        return line.has_minimum

    def read(self, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        """A line in canonical mode, in raw mode what MIN and TIME say (termios(3)); 0 after a hang-up."""
        if len(destination) == 0:
            return 0
        deadline = NEVER
        counted: u64 = 0
        while not self.slave.is_hung_up:
            session = self.session
            if session is not None:
                session.check_read()
            seen = self.changed.observe()
            line = self.line
            if self.is_enough(u64(len(destination))):
                return self.take(destination)
            if not line.is_canonical:
                characters = line.termios.characters
                if characters[MINIMUM] == 0 and characters[TIME] == 0:
                    return 0
                if characters[TIME] != 0 and (characters[MINIMUM] == 0 or line.used > 0):
                    if deadline == NEVER or line.used != counted:
                        deadline = after(u64(characters[TIME]) * TENTH)
                        counted = line.used
            if not wait:
                raise EAGAIN
            if not self.await_input(seen, deadline):
                return self.take(destination)
        return 0

    def is_enough(self, wanted: u64) -> bool:
        """Whether a read of `wanted` bytes need not wait."""
        line = self.line
        if line.is_canonical:
            return line.is_readable
        return line.used > 0 and line.used >= min(wanted, u64(line.termios.characters[MINIMUM]))

    def await_input(self, seen: u64, deadline: Nanoseconds) -> Fallible[bool]:
        """Sleep until something changes; False when `deadline` came first."""
        if deadline == NEVER:
            self.changed.sleep(seen)
            return True
        return self.changed.sleep_until(seen, deadline)

    def take(self, destination: MutableSlice[u8]) -> u64:
        """Take what was typed; there may be room for more now."""
        done = self.line.take(destination)
        self.changed_state()
        return done

    def print(self, source: Slice[u8], wait: bool) -> Fallible[u64]:
        """Print `source`. EIO after a hang-up; SIGTTOU in the background with TOSTOP."""
        session = self.session
        if session is not None and self.line.termios.has_local(LocalFlags.STOP_BACKGROUND):
            session.check_change()
        done: u64 = 0
        total = u64(len(source))
        while True:
            seen = self.changed.observe()
            if self.slave.is_hung_up:
                raise EIO
            put = self.line.print_from(source[done:total])
            done += put
            if put > 0:
                self.changed_state()
                self.master_signalled.tell(Band.INPUT)
            if done == total:
                return done
            if not wait:
                if done == 0:
                    raise EAGAIN
                return done
            if put == 0:
                try:
                    self.changed.sleep(seen)
                except EINTR:
                    if done == 0:
                        raise
                    return done

    # Life.

    def end_session(self) -> None:
        """The session has no terminal any more: whoever has the slave open can go on, and another session have it."""
        self.session = None
        self.changed_state()

    def open_slave(self, flags: OpenFlags) -> Fallible[OpenFile]:
        """An open file of the slave, with one reference, the caller's. EIO while it is locked or hung up."""
        if self.is_locked or self.slave.is_hung_up or self.has_ended:
            raise EIO
        file = open_file(self.owner, self.slave, self.node, flags)
        self.node.hold()
        self.slave.opens += 1
        self.was_used = True
        return file

    def free_if_unused(self) -> None:
        """Free the terminal when both ends are closed."""
        if self.master.opens == 0 and self.slave.opens == 0:
            self.leave_list()
            free(self)

    def end(self) -> None:
        """The container that made it ends: hang up, and let nobody wait. It goes when calls in progress are over."""
        self.leave_list()
        self.hang_up()
        self.changed.end()

    def leave_list(self) -> None:
        """Have no number and no name any more."""
        if not self.has_ended:
            self.has_ended = True
            self.terminals.terminals.remove(self)
            terminal_control.remove_node(self)


@struct
class TerminalList:
    """The terminals that one container has made."""

    terminals: List[Terminal] = inline(List(Terminal.terminals_link))

    def find(self, number: u64) -> Terminal | None:
        """The terminal called /dev/pts/`number`."""
        for terminal in self.terminals:
            if terminal.number == number:
                return terminal
        return None

    def with_node(self, node: Inode) -> Terminal | None:
        """The terminal whose node in /dev/pts is `node` itself."""
        for terminal in self.terminals:
            if terminal.node is node:
                return terminal
        return None

    def lowest_free(self) -> u64:
        """The lowest number that no terminal has."""
        number: u64 = 0
        while self.find(number) is not None:
            number += 1
        return number
