"""Terminals: the one that `pithos run -t` gives the program, and ours, which has to be raw meanwhile.

The agent makes a pseudo-terminal in its own container; the program gets the slave, and what is typed here goes to the
master as it is, so that the line discipline of the guest edits lines and makes signals of keys.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import termios
import tty
from collections.abc import Iterator
from dataclasses import dataclass

from harness.agent_protocol import into
from harness.guest import Guest

TIOCGPTPEER = 0x5441
TIOCSPTLCK = 0x40045431
"""Of ioctl_tty(2) and pts(4)."""
WINDOW = struct.Struct("<HHHH")
NO_WINDOW = bytes(WINDOW.size)
DEFAULT_TERM = "xterm"
"""TERM of a program whose terminal we know nothing of, as docker has it."""


@dataclass(frozen=True)
class GuestTerminal:
    """A pseudo-terminal of the agent's: two descriptors of the master, to read and to write."""

    guest: Guest
    screen: int
    keyboard: int

    async def open_slave(self) -> int:
        """A descriptor of the slave."""
        return await self.guest.sys.ioctl(self.screen, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)

    async def resize(self, window: bytes) -> None:
        """Tell the size (struct winsize); the program gets SIGWINCH if it is another one."""
        await self.guest.sys.ioctl(self.screen, termios.TIOCSWINSZ, into(window))


async def make_terminal(guest: Guest) -> GuestTerminal:
    """Make a pseudo-terminal and unlock it."""
    master = await guest.sys.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC, 0)
    await guest.sys.ioctl(master, TIOCSPTLCK, into(bytes(4)))
    return GuestTerminal(guest, master, await guest.sys.dup(master))


def window_of(*descriptors: int) -> bytes:
    """The size of the first of these that is a terminal (struct winsize); zeros if none is."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            return fcntl.ioctl(descriptor, termios.TIOCGWINSZ, NO_WINDOW)
    return NO_WINDOW


@contextlib.contextmanager
def raw(descriptor: int) -> Iterator[None]:
    """Our terminal passes every key on at once and as it is; afterwards it is as before, however this ends."""
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor, termios.TCSADRAIN)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):  # it may be gone: that is what SIGHUP tells
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def for_terminal(descriptor: int, content: bytes) -> bytes:
    """Lines as they have to be written to `descriptor`: one in raw mode does not go back to the margin itself."""
    try:
        processes_output = termios.tcgetattr(descriptor)[1] & termios.OPOST
    except termios.error:
        return content
    return content if processes_output else content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
