"""The containers that there are, from /proc/containers, and the one that an argument means."""

from __future__ import annotations

from codegen.lang import Errno, Slice, static_array, struct, u8, u64
from kernel.base.text import index_of, parse_unsigned
from user.ctr.calls import close, open_container, open_file, read_from
from user.ctr.messages import checked, digits_in, give_up
from user.lib.arguments import ARGUMENTS

LIST_SIZE: u64 = 1 << 20
LIST = static_array(u8, LIST_SIZE)
NEWLINE: u8 = 0x0A
SPACE: u8 = 0x20
FIELDS: u64 = 6
"""Those before the name."""


@struct
class Listing:
    """The text of /proc/containers."""

    length: u64 = 0
    place: u64 = 0
    """Where the next line begins."""
    line: Slice[u8] = b""

    def read(self) -> None:
        """Read it; the next line is that of the first container."""
        fd = checked(open_file(b"/proc/containers\0", 0), b"/proc/containers")
        self.length = 0
        while self.length < LIST_SIZE:
            count = read_from(fd, LIST[self.length : LIST_SIZE])
            if count <= 0:
                break
            self.length += u64(count)
        close(fd)
        self.place = 0
        self.advance()

    def advance(self) -> bool:
        """Go on to the next line; False when there is none."""
        if self.place >= self.length:
            return False
        rest = LIST[self.place : self.length]
        self.line = rest[: index_of(rest, NEWLINE)]
        self.place += len(self.line) + 1
        return True

    def field(self, number: u64) -> Slice[u8]:
        """A field of the line, from 0 on; the last one is the name, which may have spaces."""
        rest = self.line
        for _ in range(number):
            rest = rest[min(index_of(rest, SPACE) + 1, len(rest)) :]
        return rest if number == FIELDS else rest[: index_of(rest, SPACE)]

    @property
    def number(self) -> u64:
        """The number of the container."""
        try:
            return parse_unsigned(self.field(0), 10)
        except Errno:
            return 0


LISTING = Listing()


def number_of(text: Slice[u8]) -> u64:
    """The number of the container called `text`, by name or else by number; 0 when there is none."""
    LISTING.read()
    while LISTING.advance():
        if LISTING.field(FIELDS) == text:
            return LISTING.number
    if not digits_in(text):
        return 0
    try:
        return parse_unsigned(text, 10)
    except Errno:
        return 0


def container_called(index: u64) -> u64:
    """A descriptor of the container that an argument means; ctr ends when there is none."""
    if index >= ARGUMENTS.count:
        give_up(ARGUMENTS.text(1), b"which container? ctr ps lists them")
    text = ARGUMENTS.text(index)
    number = number_of(text)
    if number == 0:
        give_up(text, b"No such container")
    return checked(open_container(number), text)
