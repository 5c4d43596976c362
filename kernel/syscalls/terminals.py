"""What open(2) and ioctl(2) do with terminals and sessions (ioctl_tty(2), tty(4), pty(7))."""

from __future__ import annotations

from codegen.lang import Fallible, Pid, UserAddr, deferred, i32, i64, u32, u64
from kernel.base.errno import EINVAL, ENOTTY, ENXIO
from kernel.containers.container import Container
from kernel.devices.serial import CONSOLE as MACHINE_CONSOLE
from kernel.devices.terminal import Terminal
from kernel.devices.terminal_ends import MasterEnd, SlaveEnd
from kernel.devices.terminal_nodes import NodeKind, TerminalNode, create_terminal
from kernel.files.file import OpenFile, open_file
from kernel.files.flags import OPEN_FLAG_BITS, OpenFlags, lasting
from kernel.files.inode import Inode
from kernel.memory import user
from kernel.process.process import Process
from kernel.process.session import Session, session_of
from kernel.sched.thread import Thread
from kernel.views.console import console_of

TIOCSCTTY: u32 = 0x540E
TIOCGPGRP: u32 = 0x540F
TIOCSPGRP: u32 = 0x5410
TIOCNOTTY: u32 = 0x5422
TIOCGSID: u32 = 0x5429
TIOCGPTPEER: u32 = 0x5441
"""The requests (asm-generic/ioctls.h)."""


# Opening.


def open_node(task: Thread, node: TerminalNode, inode: Inode, flags: OpenFlags) -> Fallible[OpenFile]:
    """Open what a node in /dev stands for. ENXIO when there is no such terminal."""
    process = task.process
    match node.kind:
        case NodeKind.MULTIPLEXER:
            return open_multiplexer(process, inode, lasting(flags))
        case NodeKind.CONTROLLING:
            session = session_of(process)
            terminal = None if session is None else session.terminal
            if terminal is None:
                raise ENXIO
            return terminal.open_slave(lasting(flags))
        case NodeKind.SLAVE:
            return open_slave(process, terminal_of_node(process.container, inode), flags)
        case NodeKind.CONSOLE:
            return open_console(process, inode, flags)


def open_console(process: Process, inode: Inode, flags: OpenFlags) -> Fallible[OpenFile]:
    """The terminal that the container was given; ENXIO without one. The machine's own is the boot container's."""
    terminal = console_of(process)
    if terminal is not None:
        return open_slave(process, terminal, flags)
    container = process.container
    if container.parent is not None:
        raise ENXIO
    file = open_file(container.files, MACHINE_CONSOLE, inode, lasting(flags))
    inode.hold()
    return file


def terminal_of_node(container: Container, node: Inode) -> Fallible[Terminal]:
    """The terminal that `node` stands for; ENXIO when it is gone.

    One that was passed into the container is found by /proc/self/fd, and belongs to a container around it.
    """
    level: Container | None = container
    while level is not None:
        terminal = level.terminals.with_node(node)
        if terminal is not None:
            return terminal
        level = level.parent
    raise ENXIO


def open_multiplexer(process: Process, inode: Inode, flags: OpenFlags) -> Fallible[OpenFile]:
    """A new terminal of the container of `process`: its master."""
    container = process.container
    folder = container.mounts.terminals()
    return create_terminal(container.files, container.terminals, folder, inode, process.credentials, flags)


def open_slave(process: Process, terminal: Terminal, flags: OpenFlags) -> Fallible[OpenFile]:
    """Open a slave. Without O_NOCTTY it becomes the terminal of a session leader that has none (open(2))."""
    file = terminal.open_slave(lasting(flags))
    is_leader = process.session_id == process.pid
    if OpenFlags.NO_TERMINAL not in flags and file.is_readable and is_leader and process.session.terminal is None:
        if terminal.session is None:
            process.session.take(process, terminal)
    return file


# Sessions.


def is_about_session(request: u32) -> bool:
    """Whether `control` does this request."""
    return TIOCSCTTY <= request <= TIOCSPGRP or request == TIOCNOTTY or request == TIOCGSID or request == TIOCGPTPEER


def control(task: Thread, file: OpenFile, request: u32, argument: u64) -> Fallible[i64]:
    """A request about the session of a terminal, or for the other end. ENOTTY for other files."""
    process = task.process
    ops = file.ops
    if isinstance(ops, MasterEnd):
        return control_from_master(process, ops.terminal, request, argument)
    if not isinstance(ops, SlaveEnd):
        raise ENOTTY
    if request == TIOCSCTTY:
        set_controlling(process, ops.terminal)
        return 0
    if request == TIOCSPGRP:
        set_foreground(process, ops.terminal, UserAddr(argument))
        return 0
    session = own_session(process, ops.terminal)
    if request == TIOCGPGRP:
        user.put(i32, UserAddr(argument), i32(session.foreground))
    elif request == TIOCGSID:
        user.put(i32, UserAddr(argument), i32(process.session_id))
    elif request == TIOCNOTTY:
        give_up(process, session)
    else:
        raise ENOTTY
    return 0


def give_up(process: Process, session: Session) -> None:
    """TIOCNOTTY: the session is without the terminal when its leader gives it up, else only that process is."""
    if session.leader is process:
        session.disconnect(has_ended=False)
    else:
        process.has_given_terminal_up = True


def set_foreground(process: Process, terminal: Terminal, argument: UserAddr) -> Fallible[None]:
    """TIOCSPGRP. The session is looked for again when the number has been copied: its leader may have ended."""
    own_session(process, terminal).check_change()
    group = user.get(i32, argument)
    if group < 0:
        raise EINVAL
    own_session(process, terminal).set_foreground(Pid(group))


def control_from_master(process: Process, terminal: Terminal, request: u32, argument: u64) -> Fallible[i64]:
    """TIOCGPTPEER opens the slave whatever is visible in /dev; TIOCGPGRP and TIOCGSID ask about its session."""
    if request == TIOCGPTPEER:
        flags = OpenFlags(u32(argument & u64(OPEN_FLAG_BITS)))
        file = open_slave(process, terminal, flags)
        with deferred(file.drop):
            return i64(process.files.install(file, OpenFlags.CLOSE_ON_EXEC in flags))
    if request != TIOCGPGRP and request != TIOCGSID:
        raise ENOTTY
    session = terminal.session
    if session is None or not isinstance(session, Session):
        raise ENOTTY
    number = session.foreground if request == TIOCGPGRP else session.leader.pid
    user.put(i32, UserAddr(argument), i32(number))
    return 0


def set_controlling(process: Process, terminal: Terminal) -> Fallible[None]:
    """TIOCSCTTY: nothing to do if it is so already; terminals of other sessions are not stolen (EPERM)."""
    if process.session.terminal is terminal:
        return
    process.session.acquire(process, terminal)


def own_session(process: Process, terminal: Terminal) -> Fallible[Session]:
    """The session of `process`, if `terminal` controls it; ENOTTY."""
    session = session_of(process)
    if session is None or session.terminal is not terminal:
        raise ENOTTY
    return session
