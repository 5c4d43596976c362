"""The options of ctr's commands, called as docker calls them."""

from __future__ import annotations

from codegen.lang import Errno, Fallible, Never, Slice, struct, u8, u32, u64
from kernel.base.errno import EINVAL
from kernel.base.text import index_of, parse_unsigned
from user.ctr.environment import ENVIRONMENT
from user.ctr.messages import give_up
from user.lib.arguments import ARGUMENTS

DASH: u8 = 0x2D
EQUALS: u8 = 0x3D
COLON: u8 = 0x3A
POINT: u8 = 0x2E
PAGE: u64 = 4096
THOUSAND: u64 = 1000
MOST_BYTES: u64 = 1 << 52
MOST_PROCESSORS: u64 = 64

DETACH, INTERACTIVE, TERMINAL, ALL, FORCE, REMOVE = 0x64, 0x69, 0x74, 0x61, 0x66, 0x72
"""d i t a f, and --rm: options without a value."""
ENVIRONMENT_VARIABLE, DIRECTORY, USER, MEMORY, SIGNAL, HOST_NAME, NAME, PROCESSES, PROCESSORS, SHARES = (
    0x65, 0x77, 0x75, 0x6D, 0x73, 0x68, 0x6E, 0x70, 0x63, 0x43,
)  # fmt: skip
"""e w u m s h, and those that only have a long name."""

LONG_NAMES = (
    (b"detach", DETACH),
    (b"interactive", INTERACTIVE),
    (b"tty", TERMINAL),
    (b"all", ALL),
    (b"force", FORCE),
    (b"rm", REMOVE),
    (b"env", ENVIRONMENT_VARIABLE),
    (b"workdir", DIRECTORY),
    (b"user", USER),
    (b"memory", MEMORY),
    (b"signal", SIGNAL),
    (b"name", NAME),
    (b"hostname", HOST_NAME),
    (b"pids-limit", PROCESSES),
    (b"cpus", PROCESSORS),
    (b"cpu-shares", SHARES),
)
UNITS = ((0x62, 1), (0x6B, 1 << 10), (0x6D, 1 << 20), (0x67, 1 << 30))
"""The letters b k m g behind a size."""
SHORT_NAMES = b"ditafewumsh"
FLAGS = b"ditafr"


@struct
class Options:
    """What was asked for; a number of 0 means: nothing."""

    is_detached: bool = False
    is_interactive: bool = False
    has_terminal: bool = False
    shows_all: bool = False
    is_forced: bool = False
    is_removed: bool = False
    name: Slice[u8] = b""
    hostname: Slice[u8] = b""
    directory: Slice[u8] = b""
    signal: Slice[u8] = b""
    user: u32 = 0
    group: u32 = 0
    pages: u64 = 0
    processes: u64 = 0
    cpu: u64 = 0
    """Thousandths of a processor."""
    weight: u64 = 0
    has_limit: bool = False
    rest: u64 = 0
    """The first argument behind the options."""


OPTIONS = Options()


def read_options(first: u64, allowed: Slice[u8]) -> None:
    """Read the options from argument `first` on, as far as they go; one that is not `allowed` ends ctr."""
    index = first
    while index < ARGUMENTS.count:
        text = ARGUMENTS.text(index)
        if len(text) < 2 or text[0] != DASH:
            break
        index += 1
        if text == b"--":
            break
        index = read_long(index, text, allowed) if text[1] == DASH else read_short(index, text, allowed)
    OPTIONS.rest = index


def read_long(index: u64, text: Slice[u8], allowed: Slice[u8]) -> u64:
    """`--name=value`, `--name value` or `--flag`; returns the next argument."""
    end = index_of(text, EQUALS)
    for name, letter in LONG_NAMES:
        if text[2:end] == name:
            check_allowed(letter, text, allowed)
            if contains(FLAGS, letter):
                set_flag(letter)
                return index
            if end < len(text):
                take_value(letter, text, ARGUMENTS.address(index - 1) + end + 1, text[end + 1 :])
                return index
            check_value(index, text)
            take_value(letter, text, ARGUMENTS.address(index), ARGUMENTS.text(index))
            return index + 1
    unknown(text)


def read_short(index: u64, text: Slice[u8], allowed: Slice[u8]) -> u64:
    """`-abc`, `-mVALUE` or `-m VALUE`; returns the next argument."""
    for place in range(1, len(text)):
        letter = text[place]
        if not contains(SHORT_NAMES, letter):
            unknown(text)
        check_allowed(letter, text, allowed)
        if contains(FLAGS, letter):
            set_flag(letter)
        elif place + 1 < len(text):
            take_value(letter, text, ARGUMENTS.address(index - 1) + place + 1, text[place + 1 :])
            return index
        else:
            check_value(index, text)
            take_value(letter, text, ARGUMENTS.address(index), ARGUMENTS.text(index))
            return index + 1
    return index


def contains(letters: Slice[u8], letter: u8) -> bool:
    """Whether `letter` is one of `letters`."""
    return index_of(letters, letter) < len(letters)


def check_allowed(letter: u8, text: Slice[u8], allowed: Slice[u8]) -> None:
    """End ctr unless the command knows the option."""
    if not contains(allowed, letter):
        unknown(text)


def check_value(index: u64, text: Slice[u8]) -> None:
    """End ctr unless there is an argument for the option's value."""
    if index >= ARGUMENTS.count:
        give_up(text, b"it needs a value")


def unknown(text: Slice[u8]) -> Never:
    """End ctr: there is no such option."""
    give_up(text, b"no such option here (ctr help lists them)")


def set_flag(letter: u8) -> None:
    """An option without a value."""
    if letter == DETACH:
        OPTIONS.is_detached = True
    elif letter == INTERACTIVE:
        OPTIONS.is_interactive = True
    elif letter == TERMINAL:
        OPTIONS.has_terminal = True
    elif letter == ALL:
        OPTIONS.shows_all = True
    elif letter == FORCE:
        OPTIONS.is_forced = True
    else:
        OPTIONS.is_removed = True


def take_value(letter: u8, text: Slice[u8], address: u64, value: Slice[u8]) -> None:
    """An option with a value, which is at `address`."""
    if letter == ENVIRONMENT_VARIABLE:
        if not 0 < index_of(value, EQUALS) < len(value):
            give_up(value, b"give NAME=VALUE")
        ENVIRONMENT.add(address)
    elif letter == DIRECTORY:
        OPTIONS.directory = value
    elif letter == SIGNAL:
        OPTIONS.signal = value
    elif letter == NAME:
        OPTIONS.name = value
    elif letter == HOST_NAME:
        OPTIONS.hostname = value
    else:
        try:
            take_number(letter, value)
        except Errno:
            give_up(text, b"its value is not of the right form")


def take_number(letter: u8, value: Slice[u8]) -> Fallible[None]:
    """An option whose value is a number. EINVAL, ERANGE."""
    if letter == USER:
        end = index_of(value, COLON)
        OPTIONS.user = user_number(value[0:end])
        OPTIONS.group = user_number(value[end + 1 :]) if end < len(value) else OPTIONS.user
        return
    OPTIONS.has_limit = True
    if letter == MEMORY:
        OPTIONS.pages = pages_of(value)
    elif letter == PROCESSES:
        OPTIONS.processes = parse_unsigned(value, 10)
    elif letter == PROCESSORS:
        OPTIONS.cpu = thousandths_of(value)
    else:
        OPTIONS.weight = parse_unsigned(value, 10)


def user_number(text: Slice[u8]) -> Fallible[u32]:
    """A number of a user or group. EINVAL, ERANGE."""
    number = parse_unsigned(text, 10)
    if number >= 0xFFFF_FFFF:
        raise EINVAL
    return u32(number)


def pages_of(text: Slice[u8]) -> Fallible[u64]:
    """A size as docker writes it, such as 64m, in pages. EINVAL, ERANGE."""
    length = u64(len(text))
    for suffix, worth in UNITS:
        if length > 0 and text[length - 1] == suffix:
            number = parse_unsigned(text[: length - 1], 10)
            if number > MOST_BYTES // worth:
                raise EINVAL
            return (number * worth + PAGE - 1) // PAGE
    number = parse_unsigned(text, 10)
    if number > MOST_BYTES:
        raise EINVAL
    return (number + PAGE - 1) // PAGE


def thousandths_of(text: Slice[u8]) -> Fallible[u64]:
    """A number such as 1.5, in thousandths. EINVAL, ERANGE."""
    end = index_of(text, POINT)
    whole = parse_unsigned(text[0:end], 10) if end > 0 else u64(0)
    if whole > MOST_PROCESSORS:
        raise EINVAL
    total = whole * THOUSAND
    if end < len(text):
        digits = text[end + 1 : min(len(text), end + 4)]
        part = parse_unsigned(digits, 10)
        for _ in range(len(digits), 3):
            part *= 10
        total += part
    return total
