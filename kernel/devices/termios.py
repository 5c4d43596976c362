"""Termios: how a terminal treats what is typed and what is printed (termios(3), ioctl_tty(2)).

The numbers are those of x86-64 Linux (asm-generic/termbits.h).
"""

from __future__ import annotations

from enum import IntFlag

from codegen.lang import Array, address_of, array, copy, size_of, slice_at, struct, u8, u16, u32, u64, width


@width(u32)
class InputFlags(IntFlag):
    """`c_iflag`: what happens to a byte before it is looked at."""

    NONE = 0
    STRIP = 0x20
    NEWLINE_TO_RETURN = 0x40
    IGNORE_RETURN = 0x80
    RETURN_TO_NEWLINE = 0x100
    FLOW_OUTPUT = 0x400
    """IXON: STOP and START hold the output back and let it go on."""
    ANY_STARTS = 0x800
    UTF8 = 0x4000


@width(u32)
class OutputFlags(IntFlag):
    """`c_oflag`: what happens to a byte that a program prints."""

    NONE = 0
    PROCESS = 0x1
    NEWLINE_TO_BOTH = 0x4
    """ONLCR: a newline becomes return and newline."""
    RETURN_TO_NEWLINE = 0x8
    NO_RETURN_AT_START = 0x10
    NEWLINE_RETURNS = 0x20
    EXPAND_TABS = 0x1800


@width(u32)
class LocalFlags(IntFlag):
    """`c_lflag`: lines, signals and echo."""

    NONE = 0
    SIGNALS = 0x1
    CANONICAL = 0x2
    ECHO = 0x8
    ECHO_ERASE = 0x10
    ECHO_KILL = 0x20
    ECHO_NEWLINE = 0x40
    NO_FLUSH = 0x80
    STOP_BACKGROUND = 0x100
    """TOSTOP: a process in the background that prints gets SIGTTOU."""
    ECHO_CONTROL = 0x200
    ECHO_KILL_ERASE = 0x800
    EXTENDED = 0x8000


CONTROL_38400_8_BITS: u32 = 0xBF
"""`c_cflag` of a pseudo-terminal: B38400 | CS8 | CREAD. Nothing depends on it."""

INTERRUPT: u64 = 0
QUIT: u64 = 1
ERASE: u64 = 2
KILL: u64 = 3
END_OF_FILE: u64 = 4
TIME: u64 = 5
MINIMUM: u64 = 6
START: u64 = 8
STOP: u64 = 9
SUSPEND: u64 = 10
END_OF_LINE: u64 = 11
REPRINT: u64 = 12
WORD_ERASE: u64 = 14
LITERAL_NEXT: u64 = 15
END_OF_LINE_2: u64 = 16
"""Indices of `c_cc`: which character does what."""

CHARACTERS: u64 = 19
DEFAULT_CHARACTERS = b"\x03\x1c\x7f\x15\x04\x00\x01\x00\x11\x13\x1a\x00\x12\x0f\x17\x16\x00\x00\x00"
"""INIT_C_CC: ^C ^\\ DEL ^U ^D, TIME 0, MINIMUM 1, ^Q ^S ^Z, ^R ^O ^W ^V."""
USUAL_STOP: u8 = 0x13
USUAL_START: u8 = 0x11
DISABLED: u8 = 0
"""_POSIX_VDISABLE: a character that nothing typed is equal to."""


@struct(size=44)
class Termios:
    """`struct termios2`; what TCGETS copies is all of it but the speeds."""

    input: u32 = 0x500
    """ICRNL | IXON."""
    output: u32 = 0x5
    """OPOST | ONLCR."""
    control: u32 = CONTROL_38400_8_BITS
    local: u32 = 0x8A3B
    """ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN."""
    line: u8 = 0
    characters: Array[u8] = array(CHARACTERS)
    input_speed: u32 = 38_400
    output_speed: u32 = 38_400

    def become(self, other: Termios) -> None:
        """Be as `other` is."""
        size = size_of(Termios)
        copy(slice_at(u8, address_of(self), size), slice_at(u8, address_of(other), size))

    def reset_characters(self) -> None:
        """Begin with the characters of Linux; the flags begin with their defaults."""
        for index in range(CHARACTERS):
            self.characters[index] = DEFAULT_CHARACTERS[index]

    def has_input(self, flag: InputFlags) -> bool:
        """Whether `flag` of `c_iflag` is set."""
        return self.input & u32(flag) != 0

    def has_output(self, flag: OutputFlags) -> bool:
        """Whether all of `flag` of `c_oflag` is set."""
        return self.output & u32(flag) == u32(flag)

    def has_local(self, flag: LocalFlags) -> bool:
        """Whether `flag` of `c_lflag` is set."""
        return self.local & u32(flag) != 0

    @property
    def has_usual_flow_control(self) -> bool:
        """Whether ^S and ^Q hold the output back and let it go on: what packet mode tells of (TIOCPKT)."""
        is_usual = self.characters[STOP] == USUAL_STOP and self.characters[START] == USUAL_START
        return is_usual and self.has_input(InputFlags.FLOW_OUTPUT)

    def is_character(self, index: u64, byte: u8) -> bool:
        """Whether `byte` is the special character at `index` of `c_cc`."""
        return byte != DISABLED and self.characters[index] == byte


@struct(size=8)
class WindowSize:
    """`struct winsize` (TIOCGWINSZ)."""

    rows: u16 = 0
    columns: u16 = 0
    width: u16 = 0
    height: u16 = 0
