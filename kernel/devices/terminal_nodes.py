"""The nodes of terminals: /dev/ptmx, /dev/tty, /dev/console and what is in /dev/pts (pts(4), tty(4)).

A node says only that it stands for a terminal; which one is found when it is opened, among those of the container that
opens it and of the ones around that. So a node that is left over, or seen through a layer of another container, refers
to nothing that could be gone.
"""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import (
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    comptime,
    i64,
    inline,
    on_error,
    struct,
    u8,
    u32,
    u64,
    width,
)
from kernel.base.errno import ENOSPC, ENXIO
from kernel.devices.terminal import Terminal, TerminalList
from kernel.devices.terminal_control import PERMISSIONS, SLAVE_MAJOR_DEVICE, make_node, remove_node
from kernel.files.attributes import Attributes, Kind
from kernel.files.credentials import Credentials
from kernel.files.file import FileOwner, OpenFile, open_file
from kernel.files.flags import OpenFlags
from kernel.files.inode import Inode
from kernel.files.mounts import MULTIPLEXER_DEVICE
from kernel.files.operations import Events, FileOps

CONTROLLING_DEVICE: u64 = 0x500
CONSOLE_DEVICE: u64 = 0x501
HIGHEST_NUMBER: u64 = 255
"""The minor number of a slave has eight bits here."""


@width(u8)
class NodeKind(IntEnum):
    """What opening a node gives."""

    MULTIPLEXER = 1
    """/dev/ptmx: a new terminal, its master."""
    CONTROLLING = 2
    """/dev/tty: the controlling terminal of who opens it."""
    SLAVE = 3
    """/dev/pts/N: the slave of the terminal whose node it is."""
    CONSOLE = 4
    """/dev/console: the terminal that the container was given, and in the boot container the machine's console."""


@struct
class TerminalNode(FileOps):
    """The device of a node. Nothing is ever open on it: opening gives a terminal."""

    described: Attributes = inline()
    kind: NodeKind = NodeKind.SLAVE

    def read_piece(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        raise ENXIO

    def write_piece(self, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
        raise ENXIO

    def attributes(self) -> Attributes:
        return self.described

    def readiness(self) -> Events:
        return Events.ERROR

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        raise ENXIO

    def revoked(self) -> None:
        """Nobody waits in it for long."""


@comptime
def make_terminal_node(kind: NodeKind, device: int) -> TerminalNode:
    """The device of the nodes of one kind."""
    made = TerminalNode()
    made.kind = kind
    made.described.kind = Kind.CHARACTER
    made.described.permissions = 0o666
    made.described.links = 1
    made.described.device = device
    return made


MULTIPLEXER = make_terminal_node(NodeKind.MULTIPLEXER, MULTIPLEXER_DEVICE)
CONTROLLING = make_terminal_node(NodeKind.CONTROLLING, CONTROLLING_DEVICE)
SLAVE = make_terminal_node(NodeKind.SLAVE, SLAVE_MAJOR_DEVICE)
CONSOLE = make_terminal_node(NodeKind.CONSOLE, CONSOLE_DEVICE)


def create_terminal(
    owner: FileOwner, terminals: TerminalList, folder: Inode, multiplexer: Inode, who: Credentials, flags: OpenFlags
) -> Fallible[OpenFile]:
    """A new terminal of `owner` with a node in `folder`, /dev/pts: its master, with one reference, the caller's.

    ENOSPC when there are 256 already; ENOMEM. It takes over neither `folder` nor `multiplexer`.
    """
    number = terminals.lowest_free()
    if number > HIGHEST_NUMBER:
        raise ENOSPC
    heap = owner.account.heap
    terminal = heap.new(Terminal)
    with on_error(heap.free, terminal):
        terminal.node = make_node(folder, number, who.user, who.group)
        terminal.folder = folder
        folder.hold()
        with on_error(remove_node, terminal):
            file = open_file(owner, terminal.master, multiplexer, flags)
    multiplexer.hold()
    terminal.owner = owner
    terminal.terminals = terminals
    terminal.number = number
    terminal.line.prepare()
    terminal.master.terminal = terminal
    terminal.master.opens = 1
    terminal.slave.terminal = terminal
    describe(terminal, who)
    terminals.terminals.push_last(terminal)
    return file


def describe(terminal: Terminal, who: Credentials) -> None:
    """What fstat(2) tells of the ends, when nothing else does."""
    describe_end(terminal.master.described, who, MULTIPLEXER_DEVICE)
    describe_end(terminal.slave.described, who, SLAVE_MAJOR_DEVICE | terminal.number)


def describe_end(about: Attributes, who: Credentials, device: u64) -> None:
    """One of the ends."""
    about.kind = Kind.CHARACTER
    about.permissions = PERMISSIONS
    about.user = who.user
    about.group = who.group
    about.links = 1
    about.device = device
