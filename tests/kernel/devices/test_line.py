"""The line discipline, typed at and printed to, under CPython and compiled; what Linux does is what is expected."""

from __future__ import annotations

import os
import pty
import signal
import termios
from collections.abc import Iterator

import pytest

from codegen.lang import MutableSlice, Slice, local, u8, u32, u64
from kernel.devices.line import LineDiscipline
from kernel.devices.termios import DEFAULT_CHARACTERS, Termios
from tests.codegen.both import both

CANONICAL = 0x8A3B
"""The local flags that a terminal begins with; RAW has neither lines, nor signals, nor echo."""
RAW = 0
UTF8 = 0x4000
PROCESSED = 0x5


def type_and_read(keys: Slice[u8], local_flags: u32, input_flags: u32, read: MutableSlice[u8]) -> u64:
    """Type `keys`, and read until nothing is left: the number of bytes, and 10,000 for each read."""
    line = local(LineDiscipline)
    line.prepare()
    line.termios.local = local_flags
    line.termios.input = input_flags
    for index in range(u64(len(keys))):
        line.receive(keys[index])
    done: u64 = 0
    reads: u64 = 0
    while line.is_readable:
        done += line.take(read[done:])
        reads += 1
    return reads * 10_000 + done


def type_and_see(keys: Slice[u8], local_flags: u32, output_flags: u32, seen: MutableSlice[u8]) -> u64:
    """Type `keys`: what is echoed, and its length."""
    line = local(LineDiscipline)
    line.prepare()
    line.termios.local = local_flags
    line.termios.output = output_flags
    for index in range(u64(len(keys))):
        line.receive(keys[index])
    return line.screen.take(seen)


def print_and_see(text: Slice[u8], output_flags: u32, seen: MutableSlice[u8]) -> u64:
    """Print `text`: what is shown, and its length."""
    line = local(LineDiscipline)
    line.prepare()
    line.termios.output = output_flags
    done = line.print_from(text)
    assert done == u64(len(text)), "it fits"
    return line.screen.take(seen)


def signals_of(keys: Slice[u8], local_flags: u32, queued: MutableSlice[u8]) -> u64:
    """The signals that `keys` send, as decimal digits in pairs, and what is left to read."""
    line = local(LineDiscipline)
    line.prepare()
    line.termios.local = local_flags
    sent: u64 = 0
    for index in range(u64(len(keys))):
        signal_number = line.receive(keys[index])
        if signal_number != 0:
            sent = sent * 100 + u64(signal_number)
    line.take(queued)
    return sent


def read_back(keys: bytes, local_flags: int = CANONICAL, input_flags: int = 0x500) -> tuple[int, bytes]:
    """How many reads it took, and what they gave."""
    buffer = bytearray(8192)
    answer = both(type_and_read, keys, local_flags, input_flags, buffer)
    return answer // 10_000, run_host(type_and_read, keys, local_flags, input_flags)[: answer % 10_000]


def run_host(function: object, *arguments: object) -> bytes:
    """The buffer that the last argument of `function` is, as CPython fills it."""
    from codegen.lang.slices import ByteCells, HostSlice

    content = bytearray(8192)
    function(*arguments, HostSlice(ByteCells(content, 0, len(content), u8), 0, len(content), u8))  # type: ignore[operator]
    return bytes(content)


def seen(function: object, *arguments: object) -> bytes:
    """What is shown, the same in both forms."""
    length = both(function, *arguments, bytearray(8192))  # type: ignore[arg-type]
    return run_host(function, *arguments)[:length]


@pytest.mark.parametrize(
    ("keys", "reads", "given"),
    [
        (b"echo\r", 1, b"echo\n"),
        (b"unfinished", 0, b""),
        (b"one\rtwo\r", 2, b"one\ntwo\n"),
        (b"abc\x7fd\r", 1, b"abd\n"),
        (b"\x7f\x7fx\r", 1, b"x\n"),
        (b"two words\x17x\r", 1, b"two x\n"),
        (b"blanks  \x17x\r", 1, b"x\n"),
        (b"gone\x15kept\r", 1, b"kept\n"),
        (b"done\r\x7f\x15\r", 2, b"done\n\n"),
        (b"a\x16\x03b\x16\x7f\r", 1, b"a\x03b\x7f\n"),
        (b"half\x04", 1, b"half"),
        (b"\x04", 1, b""),
        (b"a\r\x04b\r", 3, b"a\nb\n"),
    ],
)
def test_lines(keys: bytes, reads: int, given: bytes) -> None:
    assert read_back(keys) == (reads, given)


def test_characters_of_many_bytes_are_erased_whole() -> None:
    assert read_back("aé\x7f\r".encode(), input_flags=0x500 | UTF8) == (1, b"a\n")
    assert read_back("aé\x7f\r".encode()) == (1, b"a\xc3\n")


def test_raw_mode_gives_every_key() -> None:
    keys = bytes(range(1, 256))
    assert read_back(keys, RAW, 0) == (1, keys)
    assert read_back(b"a\rb\n", RAW, 0x100)[1] == b"a\nb\n"
    assert read_back(b"a\rb\n", RAW, 0x40)[1] == b"a\rb\r"
    assert read_back(b"a\rb\n", RAW, 0x80)[1] == b"ab\n"


def test_a_line_that_is_too_long_is_cut_off_and_still_ends() -> None:
    assert read_back(b"x" * 5000 + b"\r") == (1, b"x" * 4095 + b"\n")


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        (b"ls\r", b"ls\r\n"),
        (b"ab\x7f", b"ab\b \b"),
        (b"a\x01\x7f", b"a^A\b \b\b \b"),
        (b"a\tb\x7f\x7f", b"a\tb\b \b" + b"\b" * 7),
        (b"abc\x15", b"abc" + b"\b \b" * 3),
        (b"a b\x17", b"a b\b \b"),
        (b"ab\x12", b"ab^R\r\nab"),
        (b"\x16\x03", b"^\b^C"),
        (b"x\x04", b"x"),
    ],
)
def test_echo(keys: bytes, shown: bytes) -> None:
    assert seen(type_and_see, keys, CANONICAL, PROCESSED) == shown


def test_no_echo() -> None:
    assert seen(type_and_see, b"secret\r", CANONICAL & ~0x8, PROCESSED) == b""
    assert seen(type_and_see, b"secret\r", CANONICAL & ~0x8 | 0x40, PROCESSED) == b"\r\n"


@pytest.mark.parametrize(
    ("text", "flags", "shown"),
    [
        (b"a\nb", PROCESSED, b"a\r\nb"),
        (b"a\nb", 0x1, b"a\nb"),
        (b"a\nb\tc", 0x4 | 0x1800, b"a\nb\tc"),
        (b"ab\tc\td", 0x1 | 0x1800, b"ab      c       d"),
        (b"a\rb", 0x9, b"a\nb"),
        (b"\ra\r", 0x11, b"a\r"),
    ],
)
def test_output(text: bytes, flags: int, shown: bytes) -> None:
    assert seen(print_and_see, text, flags) == shown


def test_keys_that_send_signals() -> None:
    expected = signal.SIGINT * 10000 + signal.SIGQUIT * 100 + signal.SIGTSTP
    buffer = bytearray(64)
    assert both(signals_of, b"typed\x03\x1c\x1a", CANONICAL, buffer) == expected
    assert bytes(buffer[:5]) == bytes(5)  # what was typed before is dropped
    assert both(signals_of, b"\x03\x1c\x1a", CANONICAL & ~0x1, bytearray(64)) == 0


def stop_and_go() -> u64:
    """What can be shown while the output is stopped, and after that."""
    line = local(LineDiscipline)
    line.prepare()
    line.print_from(b"one")
    line.receive(0x13)
    held = line.print_from(b"two") * 100 + line.screen.take(line.screen.queue[4000:4096])
    line.receive(0x11)
    return held * 100 + line.screen.take(line.screen.queue[4000:4096])


def test_stop_and_start() -> None:
    assert both(stop_and_go) == 3


INPUT_SPEED = 0o2003600000
"""CIBAUD, which the C library fills in from version 2.42 on."""


@pytest.fixture
def linux_terminal() -> Iterator[tuple[int, int]]:
    """A pseudo-terminal of this machine."""
    master, slave = pty.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


def test_defaults_are_those_of_linux(linux_terminal: tuple[int, int]) -> None:
    mine = Termios()
    mine.reset_characters()
    iflag, oflag, cflag, lflag, _, _, characters = termios.tcgetattr(linux_terminal[1])
    assert (mine.input, mine.output, mine.control, mine.local) == (iflag, oflag, cflag & ~INPUT_SPEED, lflag)
    theirs = b"".join(bytes([entry]) if isinstance(entry, int) else entry for entry in characters)
    assert theirs[: len(DEFAULT_CHARACTERS)] == DEFAULT_CHARACTERS


@pytest.mark.parametrize(
    "keys",
    [b"abc\x7fd\r", b"two words\x17x\r", b"a\x16\x01\x7fb\r", b"a\tb\x7f\x7fc\r", b"gone\x15kept\r", b"ab\x12c\r"],
)
def test_linux_reads_and_shows_the_same(linux_terminal: tuple[int, int], keys: bytes) -> None:
    master, slave = linux_terminal
    os.write(master, keys)
    assert os.read(slave, 100) == read_back(keys)[1]
    assert os.read(master, 1000) == seen(type_and_see, keys, CANONICAL, PROCESSED)
