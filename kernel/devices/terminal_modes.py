"""The modes of a terminal as programs get and set them: struct termios2, struct termios without its speeds, and struct
termio of System V (ioctl_tty(2)).
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    Fallible,
    MutableSlice,
    UserAddr,
    UserSlice,
    address_of,
    array,
    copy,
    invert,
    local,
    size_of,
    slice_at,
    struct,
    truncate,
    u8,
    u16,
    u32,
    u64,
)
from kernel.devices.termios import Termios
from kernel.memory import user

TCGETS: u32 = 0x5401
TCSETS: u32 = 0x5402
TCSETSF: u32 = 0x5404
TCGETA: u32 = 0x5405
TCSETA: u32 = 0x5406
TCSETAF: u32 = 0x5408
TCGETS2: u32 = 0x802C_542A
TCSETS2: u32 = 0x402C_542B
TCSETSF2: u32 = 0x402C_542D
"""The requests (asm-generic/ioctls.h). Those to set are three each: at once, after output, and dropping input."""

OLD_SIZE: u64 = 36
"""The size of a struct termios."""
SPEED_BITS: u32 = 0x100F
"""CBAUD: the bits of `c_cflag` that say the speed, of which 0x1000 alone says that it is told as a number (BOTHER)."""
OTHER_SPEED: u32 = 0x1000
INPUT_SPEED_BITS: u32 = 0x100F_0000
"""CIBAUD: likewise for what is typed; 0: as fast as what is printed."""
SPEEDS = (
    0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800,
    500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000,
)  # fmt: skip
"""The speeds from B0 to B38400, then those from B57600 on, whose numbers begin with 0x1001."""
SLOW_SPEEDS: u32 = 16

SIZE_AND_PARITY: u32 = 0x130
EIGHT_BITS_READ: u32 = 0xB0
"""CSIZE and PARENB, which do not change: a pseudo-terminal has CS8 and CREAD."""


@struct(size=18)
class Termio:
    """`struct termio`."""

    input: u16 = 0
    output: u16 = 0
    control: u16 = 0
    local: u16 = 0
    line: u8 = 0
    characters: Array[u8] = array(8)


def bytes_of(modes: Termios, request: u32) -> MutableSlice[u8]:
    """The modes as bytes, as much of them as a request is about: all but the speeds, or all."""
    is_old = TCGETS <= request <= TCSETSF
    return slice_at(u8, address_of(modes), OLD_SIZE if is_old else size_of(Termios))


def is_getting(request: u32) -> bool:
    """Whether a request asks for the modes."""
    return request == TCGETS or request == TCGETS2 or request == TCGETA


def is_setting(request: u32) -> bool:
    """Whether a request sets modes."""
    return TCSETS <= request <= TCSETSF or TCSETA <= request <= TCSETAF or TCSETS2 <= request <= TCSETSF2


def drops_input(request: u32) -> bool:
    """Whether a request that sets modes drops what was typed."""
    return request == TCSETSF or request == TCSETAF or request == TCSETSF2


def put_modes(modes: Termios, request: u32, argument: UserAddr) -> Fallible[None]:
    """TCGETS, TCGETS2, TCGETA: what the program gets is a copy, whole as it was at one moment."""
    if request == TCGETA:
        put_termio(modes, argument)
        return
    told = local(Termios)
    told.become(modes)
    content = bytes_of(told, request)
    user.copy_out(UserSlice(argument, len(content)), content)


def put_termio(modes: Termios, argument: UserAddr) -> Fallible[None]:
    """TCGETA: the low halves of the flags, and the first characters."""
    told = local(Termio)
    told.input = truncate(u16, modes.input)
    told.output = truncate(u16, modes.output)
    told.control = truncate(u16, modes.control)
    told.local = truncate(u16, modes.local)
    told.line = modes.line
    copy(told.characters[:], modes.characters[0:8])
    user.copy_out(UserSlice(argument, size_of(Termio)), slice_at(u8, address_of(told), size_of(Termio)))


def take_modes(old: Termios, request: u32, argument: UserAddr, modes: Termios) -> Fallible[None]:
    """Fill `modes` with what a program wants to set where `old` are set."""
    modes.become(old)
    if TCSETA <= request <= TCSETAF:
        take_termio(modes, argument)
        return
    content = bytes_of(modes, request)
    user.copy_in(content, UserSlice(argument, len(content)))
    settle(modes)


def take_termio(modes: Termios, argument: UserAddr) -> Fallible[None]:
    """TCSETA: the high halves of the flags, and the last characters, stay."""
    wanted = local(Termio)
    user.copy_in(slice_at(u8, address_of(wanted), size_of(Termio)), UserSlice(argument, size_of(Termio)))
    modes.input = modes.input & 0xFFFF_0000 | wanted.input
    modes.output = modes.output & 0xFFFF_0000 | wanted.output
    modes.control = modes.control & 0xFFFF_0000 | wanted.control
    modes.local = modes.local & 0xFFFF_0000 | wanted.local
    modes.line = wanted.line
    copy(modes.characters[0:8], wanted.characters[:])
    settle(modes)


def settle(modes: Termios) -> None:
    """Let the speeds be those that the bits of `c_cflag` say, and the size of a byte what it is."""
    modes.output_speed = speed_of(modes.control & SPEED_BITS, modes.output_speed)
    input_bits = (modes.control & INPUT_SPEED_BITS) >> 16
    modes.input_speed = modes.output_speed if input_bits == 0 else speed_of(input_bits, modes.input_speed)
    modes.control = modes.control & invert(u32, SIZE_AND_PARITY) | EIGHT_BITS_READ


def speed_of(bits: u32, other: u32) -> u32:
    """The speed that CBAUD bits say, or `other` where they leave it to a number."""
    if bits == OTHER_SPEED:
        return other
    place = bits & 0xF
    if bits & OTHER_SPEED != 0:
        place += SLOW_SPEEDS - 1
    return u32(SPEEDS[place])
