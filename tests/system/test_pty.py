"""Pseudo-terminals, call by call: their nodes, modes, sizes, hang-ups, and what is left of them afterwards."""

from __future__ import annotations

import errno
import os
import struct
import termios

import pytest

from harness.agent_protocol import both, into, out
from harness.guest import Guest
from harness.terminal import TIOCGPTPEER, TIOCSPTLCK, GuestTerminal, make_terminal
from tests.system.programs import run_in_new

TIOCGPTN = 0x80045430
POLLIN, POLLOUT, POLLERR, POLLHUP = 1, 4, 8, 16
LFLAG_OFFSET, CHARACTERS_OFFSET = 12, 17
"""Of c_lflag and c_cc in the kernel's struct termios."""
DEVICE_OFFSET = 40
"""Of st_rdev in struct stat."""


async def refusal(call: object) -> str:
    """The name of the error that a call fails with."""
    with pytest.raises(OSError) as caught:
        await call  # type: ignore[misc]
    return errno.errorcode[caught.value.errno or 0]


async def pair(guest: Guest) -> tuple[GuestTerminal, int]:
    """A terminal, and a slave that does not wait."""
    terminal = await make_terminal(guest)
    slave = await guest.sys.ioctl(terminal.screen, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    return terminal, slave


async def events(guest: Guest, fd: int) -> int:
    """What poll(2) says of `fd` now."""
    entry = both(struct.pack("<ihh", fd, POLLIN | POLLOUT, 0))
    await guest.sys.poll(entry, 1, 0)
    return int(struct.unpack("<ihh", entry.content)[2])


async def set_flags(guest: Guest, fd: int, clear: int, minimum: int = 1, time: int = 0) -> None:
    """Clear local flags, and set MIN and TIME."""
    settings = out(36)
    await guest.sys.ioctl(fd, termios.TCGETS, settings)
    content = bytearray(settings.content)
    (local,) = struct.unpack_from("<I", content, LFLAG_OFFSET)
    struct.pack_into("<I", content, LFLAG_OFFSET, local & ~clear)
    content[CHARACTERS_OFFSET + termios.VMIN] = minimum
    content[CHARACTERS_OFFSET + termios.VTIME] = time
    await guest.sys.ioctl(fd, termios.TCSETS, into(bytes(content)))


async def test_nodes_come_and_go(guest: Guest) -> None:
    masters = [await guest.sys.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY, 0) for _ in range(2)]
    for number, master in enumerate(masters):
        answer = out(4)
        await guest.sys.ioctl(master, TIOCGPTN, answer)
        assert struct.unpack("<I", answer.content) == (number,)
    described = out(144)
    await guest.sys.stat("/dev/pts/1", described)
    assert struct.unpack_from("<Q", described.content, DEVICE_OFFSET) == (136 << 8 | 1,)
    assert await refusal(guest.sys.open("/dev/pts/1", os.O_RDWR | os.O_NOCTTY, 0)) == "EIO"
    await guest.sys.ioctl(masters[1], TIOCSPTLCK, into(bytes(4)))
    slave = await guest.sys.open("/dev/pts/1", os.O_RDWR | os.O_NOCTTY, 0)
    for descriptor in (*masters, slave):
        await guest.sys.close(descriptor)
    for number in range(2):
        assert await refusal(guest.sys.stat(f"/dev/pts/{number}", described)) == "ENOENT"


async def test_what_is_typed_is_read_and_what_is_printed_is_shown(guest: Guest) -> None:
    terminal, slave = await pair(guest)
    assert await refusal(guest.read(slave, 10)) == "EAGAIN"
    assert await events(guest, slave) == POLLOUT
    await guest.write(terminal.keyboard, b"hello\r")
    assert await events(guest, slave) == POLLIN | POLLOUT
    assert await guest.read(slave, 3) == b"hel"
    assert await guest.read(slave, 10) == b"lo\n"
    await guest.write(slave, b"there\n")
    assert await events(guest, terminal.screen) == POLLIN | POLLOUT
    assert await guest.read(terminal.screen, 100) == b"hello\r\nthere\r\n"
    assert await refusal(guest.read(terminal.screen, 10)) == "EAGAIN"


async def test_a_full_screen_and_a_full_keyboard(guest: Guest) -> None:
    terminal, slave = await pair(guest)
    await set_flags(guest, slave, termios.ICANON | termios.ECHO)
    assert await guest.write(terminal.keyboard, b"x" * 5000) == 4096
    assert await refusal(guest.write(terminal.keyboard, b"x")) == "EAGAIN"
    printed = await guest.write(slave, b"y" * 5000)
    assert 3000 < printed < 5000
    assert await refusal(guest.write(slave, b"y")) == "EAGAIN"
    assert await guest.read(terminal.screen, 8192) == b"y" * printed
    assert await guest.read(slave, 8192) == b"x" * 4096


async def test_minimum_and_time_of_raw_mode(guest: Guest) -> None:
    terminal, slave = await pair(guest)
    await set_flags(guest, slave, termios.ICANON | termios.ECHO, minimum=3)
    await guest.write(terminal.keyboard, b"ab")
    assert await refusal(guest.read(slave, 10)) == "EAGAIN"
    assert await events(guest, slave) == POLLOUT
    await guest.write(terminal.keyboard, b"c")
    assert await guest.read(slave, 10) == b"abc"
    await set_flags(guest, slave, 0, minimum=0)
    assert await guest.read(slave, 10) == b""
    waiting = await guest.sys.ioctl(terminal.screen, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY)
    await set_flags(guest, waiting, 0, minimum=0, time=1)
    assert await guest.read(waiting, 10) == b""


async def test_sizes(guest: Guest) -> None:
    terminal, slave = await pair(guest)
    answer = out(8)
    await guest.sys.ioctl(slave, termios.TIOCGWINSZ, answer)
    assert answer.content == bytes(8)
    await terminal.resize(struct.pack("<HHHH", 24, 80, 1, 2))
    await guest.sys.ioctl(slave, termios.TIOCGWINSZ, answer)
    assert struct.unpack("<HHHH", answer.content) == (24, 80, 1, 2)


async def test_flush(guest: Guest) -> None:
    terminal, slave = await pair(guest)
    await guest.write(terminal.keyboard, b"gone\r")
    await guest.sys.ioctl(slave, termios.TCFLSH, termios.TCIOFLUSH)
    assert await refusal(guest.read(slave, 10)) == "EAGAIN"
    assert await refusal(guest.read(terminal.screen, 10)) == "EAGAIN"
    assert await refusal(guest.sys.ioctl(slave, termios.TCFLSH, 3)) == "EINVAL"


async def test_hang_up(guest: Guest) -> None:
    terminal, slave = await pair(guest)
    await guest.sys.close(terminal.screen)
    await guest.sys.close(terminal.keyboard)
    assert await guest.read(slave, 10) == b""
    assert await refusal(guest.write(slave, b"x")) == "EIO"
    assert await refusal(guest.sys.ioctl(slave, termios.TCGETS, out(36))) == "EIO"
    assert await events(guest, slave) == POLLIN | POLLOUT | POLLERR | POLLHUP


async def test_programs_have_closed_it(guest: Guest) -> None:
    terminal, slave = await pair(guest)
    await guest.write(slave, b"last words")
    await guest.sys.close(slave)
    assert await events(guest, terminal.screen) == POLLIN | POLLOUT | POLLHUP
    assert await guest.read(terminal.screen, 100) == b"last words"
    assert await refusal(guest.read(terminal.screen, 100)) == "EIO"


async def test_requests_about_sessions(guest: Guest) -> None:
    terminal, slave = await pair(guest)
    assert await refusal(guest.sys.ioctl(slave, termios.TIOCGPGRP, out(4))) == "ENOTTY"
    assert await refusal(guest.sys.open("/dev/tty", os.O_RDWR, 0)) == "ENXIO"
    await guest.sys.ioctl(slave, termios.TIOCSCTTY, 0)
    answer = out(4)
    for request in (termios.TIOCGPGRP, 0x5429):
        await guest.sys.ioctl(slave, request, answer)
        assert struct.unpack("<i", answer.content) == (1,)
    assert await refusal(guest.sys.ioctl(slave, termios.TIOCSPGRP, into(struct.pack("<i", 999)))) == "ESRCH"
    assert await refusal(guest.sys.ioctl(slave, termios.TIOCSPGRP, into(struct.pack("<i", -1)))) == "EINVAL"
    again = await guest.sys.open("/dev/tty", os.O_RDWR, 0)
    await guest.write(again, b"x")
    assert await guest.read(terminal.screen, 10) == b"x"
    pipe_ends = out(8)
    await guest.sys.pipe2(pipe_ends, 0)
    assert await refusal(guest.sys.ioctl(pipe_ends.content[0], termios.TIOCSCTTY, 0)) == "ENOTTY"
    await guest.sys.ioctl(again, termios.TIOCNOTTY, 0)
    assert await refusal(guest.sys.open("/dev/tty", os.O_RDWR, 0)) == "ENXIO"


async def test_a_terminal_made_inside_goes_with_its_container(guest: Guest) -> None:
    result = await run_in_new(guest, "/bin/sh", "-c", "exec 3<>/dev/ptmx; ls /dev/pts; ls -l /dev/pts/0 | cut -c 1-10")
    assert (result.status, result.output) == (0, b"0\nptmx\ncrw--w----\n")
