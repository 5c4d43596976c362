"""Between a program's terminal and ours: what is typed here goes there, and what it shows comes back.

Interface: `prepare_signals`, `open_terminal`, `relay`, which returns when the program has ended.

Signals that ctr gets are read from a descriptor: the size of our terminal is passed on, and so is, to the program, each
signal that would end ctr.
"""

from __future__ import annotations

from codegen.lang import (
    MutableSlice,
    Slice,
    address_of,
    copy,
    i64,
    load,
    static_array,
    store,
    struct,
    u8,
    u16,
    u32,
    u64,
)
from user.ctr.calls import (
    FOR_EVER,
    NO_TERMINAL,
    NONBLOCKING,
    POLL,
    READ_WRITE,
    SIGNALFD4,
    SIGPROCMASK,
    control,
    open_file,
    read_from,
    send_signal,
    write_to,
)
from user.lib.system import system_call

TCGETS: u64 = 0x5401
TCSETS: u64 = 0x5402
TIOCGWINSZ: u64 = 0x5413
TIOCSWINSZ: u64 = 0x5414
TIOCGPTPEER: u64 = 0x5441
TIOCSPTLCK: u64 = 0x40045431
"""ioctl_tty(2), pts(4)."""

INPUT: u64 = 1
OUTPUT: u64 = 4
ENTRY: u64 = 8
EVENTS: u64 = 4
ANSWERED: u64 = 6
"""struct pollfd (poll(2))."""
NOBODY: u64 = 0xFFFF_FFFF
"""A descriptor that poll(2) leaves out."""
EAGAIN: i64 = -11

SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGWINCH = 1, 2, 3, 10, 12, 15, 28
PASSED_ON = (SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM)
SIGNAL_RECORD: u64 = 128

INPUT_FLAGS: u64 = 0
OUTPUT_FLAGS: u64 = 4
LOCAL_FLAGS: u64 = 12
MINIMUM: u64 = 17 + 6
TIME: u64 = 17 + 5
"""struct termios of the kernel (asm-generic/termbits.h)."""
RAW_INPUT: u32 = 0o2753
"""IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON: cleared."""
RAW_OUTPUT: u32 = 1
RAW_LOCAL: u32 = 0o100113
"""ECHO ECHONL ICANON ISIG IEXTEN (cfmakeraw(3))."""

PENDING_SIZE: u64 = 4096
LAST_LOOKS = 16
"""How often is looked for what a program has left: a terminal holds 4096 bytes, which may come in parts."""

ENTRIES = static_array(u8, 32)
"""Four struct pollfd: keyboard, terminal, process, signals."""
PENDING = static_array(u8, PENDING_SIZE)
SHOWN = static_array(u8, PENDING_SIZE)
RECORD = static_array(u8, 128)
MASK = static_array(u64, 1)
UNLOCKED = static_array(u32, 1)
BEFORE = static_array(u8, 64)
RAW = static_array(u8, 64)
WINDOW = static_array(u16, 4)
"""struct winsize: rows, columns, and sizes in pixels."""


@struct
class Relay:
    """The descriptors between which bytes go; NOBODY where there is none."""

    keyboard: u64 = NOBODY
    terminal: u64 = NOBODY
    """The master of the program's terminal."""
    signals: u64 = NOBODY
    pending: u64 = 0
    """How many bytes of PENDING were typed and not passed on."""
    is_raw: bool = False


RELAY = Relay()


def prepare_signals() -> None:
    """Read signals from a descriptor from now on, instead of being ended by them."""
    mask: u64 = 1 << (SIGWINCH - 1)
    for signal in PASSED_ON:
        mask |= 1 << (signal - 1)
    MASK[0] = mask
    system_call(SIGPROCMASK, 0, address_of(MASK), 0, 8, 0, 0)
    fd = system_call(SIGNALFD4, FOR_EVER, address_of(MASK), 8, NONBLOCKING, 0, 0)
    if fd >= 0:
        RELAY.signals = u64(fd)


def open_terminal() -> i64:
    """Make a terminal with the size in WINDOW; a descriptor of its slave, or an error. Its master is RELAY's."""
    master = open_file(b"/dev/ptmx\0", READ_WRITE | NO_TERMINAL | NONBLOCKING)
    if master < 0:
        return master
    RELAY.terminal = u64(master)
    control(u64(master), TIOCSPTLCK, address_of(UNLOCKED))
    control(u64(master), TIOCSWINSZ, address_of(WINDOW))
    return control(u64(master), TIOCGPTPEER, READ_WRITE | NO_TERMINAL)


def take_window() -> bool:
    """Let WINDOW be the size of our terminal; False where our input is none."""
    return control(0, TIOCGWINSZ, address_of(WINDOW)) >= 0


def make_raw() -> None:
    """Let every key come as it is, if our input is a terminal (cfmakeraw(3))."""
    if control(0, TCGETS, address_of(BEFORE)) < 0:
        return
    copy(RAW[0:64], BEFORE[0:64])
    clear_bits(RAW[0:64], INPUT_FLAGS, RAW_INPUT)
    clear_bits(RAW[0:64], OUTPUT_FLAGS, RAW_OUTPUT)
    clear_bits(RAW[0:64], LOCAL_FLAGS, RAW_LOCAL)
    RAW[MINIMUM] = 1
    RAW[TIME] = 0
    RELAY.is_raw = control(0, TCSETS, address_of(RAW)) >= 0


def clear_bits(settings: MutableSlice[u8], place: u64, bits: u32) -> None:
    """Clear flags of a struct termios."""
    flags = load(u32, settings, place)
    store(u32, settings, place, flags & (0xFFFF_FFFF ^ bits))


def restore() -> None:
    """Let our terminal be as it was."""
    if RELAY.is_raw:
        control(0, TCSETS, address_of(BEFORE))
        RELAY.is_raw = False


def relay(process: u64) -> None:
    """Pass everything on until the process behind a pidfd has ended, and then what it has still shown.

    Others may have its terminal and go on writing: what a terminal holds is all that it can have left.
    """
    while not step(process):
        pass
    for _ in range(LAST_LOOKS):
        if not show():
            break
    restore()


def step(process: u64) -> bool:
    """Wait until something can be done, and do it; whether the process has ended."""
    keyboard = RELAY.keyboard if RELAY.pending == 0 else NOBODY
    set_entry(0, keyboard, INPUT)
    set_entry(1, RELAY.terminal, INPUT if RELAY.pending == 0 else INPUT | OUTPUT)
    set_entry(2, process, INPUT)
    set_entry(3, RELAY.signals, INPUT)
    system_call(POLL, address_of(ENTRIES), 4, FOR_EVER, 0, 0, 0)
    if answer(3) != 0:
        take_signals(process)
    if answer(0) != 0:
        take_keys()
    if answer(1) & OUTPUT != 0 or RELAY.pending > 0:
        pass_keys()
    if answer(1) & OUTPUT != answer(1):
        show()
    return answer(2) != 0


def set_entry(index: u64, fd: u64, events: u64) -> None:
    """Fill in a struct pollfd."""
    store(u32, ENTRIES, index * ENTRY, u32(fd))
    store(u32, ENTRIES, index * ENTRY + EVENTS, u32(events))


def answer(index: u64) -> u64:
    """What poll(2) told of an entry."""
    return load(u16, ENTRIES, index * ENTRY + ANSWERED)


def take_keys() -> None:
    """Read what was typed; at the end of the input nothing more is."""
    count = read_from(RELAY.keyboard, PENDING[0:PENDING_SIZE])
    if count > 0:
        RELAY.pending = u64(count)
    elif count != EAGAIN:
        RELAY.keyboard = NOBODY


def pass_keys() -> None:
    """Type what is pending, as far as it is taken."""
    done = write_to(RELAY.terminal, PENDING[0 : RELAY.pending])
    if done > 0:
        rest = RELAY.pending - u64(done)
        for index in range(rest):
            PENDING[index] = PENDING[index + u64(done)]
        RELAY.pending = rest
    elif done != EAGAIN:
        RELAY.pending = 0


def show() -> bool:
    """Show some of what the program has; False when there is nothing."""
    if RELAY.terminal == NOBODY:
        return False
    count = read_from(RELAY.terminal, SHOWN[0:PENDING_SIZE])
    if count <= 0:
        if count != EAGAIN:
            RELAY.terminal = NOBODY  # every program has closed it; it goes when we end
        return False
    write_out(SHOWN[0 : u64(count)])
    return True


def write_out(content: Slice[u8]) -> None:
    """Write to our output, all of it if it takes that."""
    done: u64 = 0
    while done < len(content):
        count = write_to(1, content[done:])
        if count <= 0:
            return
        done += u64(count)


def take_signals(process: u64) -> None:
    """Pass on what came: the new size, or the signal itself."""
    while read_from(RELAY.signals, RECORD[0:SIGNAL_RECORD]) > 0:
        signal = u64(load(u32, RECORD, 0))
        if signal != SIGWINCH:
            send_signal(process, signal)
        elif RELAY.terminal != NOBODY and take_window():
            control(RELAY.terminal, TIOCSWINSZ, address_of(WINDOW))
