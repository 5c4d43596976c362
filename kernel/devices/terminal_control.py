"""ioctl(2) on terminals, as far as it is not about sessions (ioctl_tty(2)), and the nodes in /dev/pts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import (
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    UserSlice,
    address_of,
    copy,
    i64,
    local,
    local_array,
    on_error,
    size_of,
    slice_at,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EINVAL, ENOENT, ENOSPC, ENOTTY
from kernel.base.text import DECIMAL_LENGTH, format_unsigned
from kernel.devices.terminal_modes import drops_input, is_getting, is_setting, put_modes, take_modes
from kernel.devices.termios import Termios, WindowSize
from kernel.files import tree
from kernel.files.attributes import Kind
from kernel.files.inode import Inode
from kernel.files.operations import FIONREAD
from kernel.memory import user

if TYPE_CHECKING:
    from kernel.devices.terminal import Terminal

TCSBRK: u32 = 0x5409
TCXONC: u32 = 0x540A
TCFLSH: u32 = 0x540B
TIOCOUTQ: u32 = 0x5411
TIOCGWINSZ: u32 = 0x5413
TIOCSWINSZ: u32 = 0x5414
TIOCGETD: u32 = 0x5424
TIOCPKT: u32 = 0x5420
TCSBRKP: u32 = 0x5425
TIOCGPTN: u32 = 0x8004_5430
TIOCSPTLCK: u32 = 0x4004_5431
TIOCGPKT: u32 = 0x8004_5438
TIOCGPTLCK: u32 = 0x8004_5439
"""The requests (asm-generic/ioctls.h); TIOCINQ is FIONREAD."""

SIGWINCH: u32 = 28
PERMISSIONS: u32 = 0o620
"""Of a node in /dev/pts: mesg(1) says no to others but the group tty."""
SLAVE_MAJOR_DEVICE: u64 = 136 << 8
"""makedev(136, 0): the first slave (admin-guide/devices.txt)."""


def control_master(terminal: Terminal, request: u32, argument: UserAddr) -> Fallible[i64]:
    """ioctl(2) on a master: its number and lock, else what the slave knows. ENOTTY."""
    if request == TIOCGPTN:
        user.put(u32, argument, u32(terminal.number))
    elif request == TIOCSPTLCK:
        terminal.is_locked = user.get(u32, argument) != 0
    elif request == TIOCGPTLCK:
        user.put(u32, argument, 1 if terminal.is_locked else 0)
    elif request == TIOCPKT:
        set_packets(terminal, user.get(u32, argument) != 0)
    elif request == TIOCGPKT:
        user.put(u32, argument, 1 if terminal.has_packets else 0)
    elif request == FIONREAD:
        user.put(u32, argument, u32(terminal.line.screen.used))
    else:
        return control(terminal, request, argument)
    return 0


def set_packets(terminal: Terminal, has_packets: bool) -> None:
    """TIOCPKT: what happened before is not told of."""
    if has_packets and not terminal.has_packets:
        terminal.line.screen.events.take()
    terminal.has_packets = has_packets


def control_slave(terminal: Terminal, request: u32, argument: UserAddr) -> Fallible[i64]:
    """ioctl(2) on a slave: who is in the background may ask, but is stopped when it changes things. ENOTTY."""
    session = terminal.session
    if session is not None and is_change(request):
        session.check_change()
    return control(terminal, request, argument)


def is_change(request: u32) -> bool:
    """Whether `request` sets something that only the foreground may set (tty_check_change of Linux)."""
    return is_setting(request) or TCSBRK <= request <= TCFLSH or request == TCSBRKP


def control(terminal: Terminal, request: u32, argument: UserAddr) -> Fallible[i64]:
    """What both ends know. What was printed is on the screen's side at once, so draining is nothing to wait for."""
    if is_getting(request):
        put_modes(terminal.line.termios, request, argument)
    elif is_setting(request):
        set_modes(terminal, request, argument)
    elif request == TCSBRK or request == TCSBRKP:
        pass
    elif request == TCXONC:
        control_flow(terminal, u64(argument))
    elif request == TCFLSH:
        flush(terminal, u64(argument))
    elif request == TIOCGWINSZ:
        put_window(terminal, argument)
    elif request == TIOCSWINSZ:
        set_window(terminal, argument)
    elif request == FIONREAD:
        user.put(u32, argument, u32(terminal.line.readable))
    elif request == TIOCOUTQ:
        user.put(u32, argument, u32(terminal.line.screen.used))
    elif request == TIOCGETD:
        user.put(u32, argument, 0)
    else:
        raise ENOTTY
    return 0


def window_bytes(window: WindowSize) -> MutableSlice[u8]:
    """The size as bytes."""
    return slice_at(u8, address_of(window), size_of(WindowSize))


def put_window(terminal: Terminal, argument: UserAddr) -> Fallible[None]:
    """TIOCGWINSZ. What the program gets is a copy, whole as it was at one moment."""
    told = local(WindowSize)
    copy(window_bytes(told), window_bytes(terminal.window))
    user.copy_out(UserSlice(argument, size_of(WindowSize)), window_bytes(told))


def set_modes(terminal: Terminal, request: u32, argument: UserAddr) -> Fallible[None]:
    """TCSETS and its kin: the last of each three drops what was typed."""
    wanted = local(Termios)
    take_modes(terminal.line.termios, request, argument, wanted)
    if drops_input(request):
        terminal.line.flush_input()
    terminal.line.set_modes(wanted)
    terminal.changed_state()


def control_flow(terminal: Terminal, action: u64) -> Fallible[None]:
    """tcflow(3): TCOOFF and TCOON; TCIOFF and TCION would type STOP and START at who has the keyboard."""
    if action > 3:
        raise EINVAL
    if action == 0:
        terminal.line.screen.stop()
        terminal.changed_state()
    elif action == 1:
        terminal.line.screen.start()
        terminal.changed_state()


def flush(terminal: Terminal, queue: u64) -> Fallible[None]:
    """tcflush(3): TCIFLUSH 0, TCOFLUSH 1, TCIOFLUSH 2."""
    if queue > 2:
        raise EINVAL
    if queue != 1:
        terminal.line.flush_input()
    if queue != 0:
        terminal.line.screen.clear()
    terminal.changed_state()


def set_window(terminal: Terminal, argument: UserAddr) -> Fallible[None]:
    """TIOCSWINSZ: the foreground gets SIGWINCH when the size is another one."""
    wanted = local(WindowSize)
    user.copy_in(window_bytes(wanted), UserSlice(argument, size_of(WindowSize)))
    old: Slice[u8] = window_bytes(terminal.window)
    if old == window_bytes(wanted):
        return
    copy(window_bytes(terminal.window), window_bytes(wanted))
    session = terminal.session
    if session is not None:
        session.signal_foreground(SIGWINCH)


def make_node(folder: Inode, number: u64, owner: u32, group: u32) -> Fallible[Inode]:
    """The node called `number` in /dev/pts, held."""
    name = local_array(u8, DECIMAL_LENGTH)
    start = format_unsigned(name, number, 10)
    node = folder.fs.new_inode(Kind.CHARACTER, PERMISSIONS, owner, group)
    with on_error(node.drop):
        node.described.device = SLAVE_MAJOR_DEVICE | number
        check_free(folder, name[start:DECIMAL_LENGTH])
        tree.attach(folder, name[start:DECIMAL_LENGTH], node)
    return node


def check_free(folder: Inode, name: Slice[u8]) -> Fallible[None]:
    """ENOSPC, as when there are no more terminals, if somebody put something else under the name."""
    try:
        folder.lookup(name)
    except ENOENT:
        return
    raise ENOSPC


def remove_node(terminal: Terminal) -> None:
    """Remove the node of `terminal`, unless somebody removed or renamed it."""
    folder = terminal.folder
    entry = terminal.node.entry
    if entry is not None and entry.directory is folder:
        tree.detach(folder, entry.name)
    terminal.node.drop()
    folder.drop()
