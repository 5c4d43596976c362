"""/dev/console of a container: the terminal that its first program was given, wherever that was made.

As docker does, which mounts the terminal there: so ttyname(3) and tty(1) find a name for it inside, though its node is
in the /dev/pts of the container around.
"""

from __future__ import annotations

from codegen.lang import Fallible, struct
from kernel.devices.terminal import Terminal
from kernel.files.inode import Inode
from kernel.files.made import Destination, MadeLink
from kernel.process.process import Process
from kernel.sched.cpu import current

PATH = b"/dev/console"
NAME = b"console"


@struct
class ContainerConsole(MadeLink):
    """The node /dev/console, which leads to the terminal if there is one."""

    def follow(self, link: Inode, destination: Destination) -> Fallible[bool]:
        terminal = console_of(current().process)
        if terminal is not None:
            destination.inode = terminal.node
        return terminal is not None


CONTAINER_CONSOLE = ContainerConsole()


def console_of(process: Process) -> Terminal | None:
    """The terminal that was given to the container of `process`."""
    level = process.container
    wanted = level.id
    while True:
        for terminal in level.terminals.terminals:
            if terminal.console_of == wanted:
                return terminal
        parent = level.parent
        if parent is None:
            return None
        level = parent


def is_console(inode: Inode, process: Process) -> bool:
    """Whether `inode` is what `process` finds at /dev/console."""
    terminal = console_of(process)
    return terminal is not None and terminal.node is inode


def lead_to_terminals(devices: Inode) -> Fallible[None]:
    """Let the node in the tree /dev, which all containers show, lead each to its own terminal."""
    devices.lookup(NAME).made_link = CONTAINER_CONSOLE
