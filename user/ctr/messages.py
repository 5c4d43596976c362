"""What ctr says when something does not work, and the statuses that it ends with by itself (docker run(1))."""

from __future__ import annotations

from codegen.lang import Never, Slice, i64, u8, u32, u64
from user.lib.system import STANDARD_ERROR, exit_group, write_all
from user.lib.text import Output

OWN_FAILURE: u32 = 125
NOT_EXECUTABLE: u32 = 126
NOT_FOUND: u32 = 127

ENOENT: i64 = -2
EACCES: i64 = -13
ENOTDIR: i64 = -20

ERRORS = (
    (1, b"Operation not permitted"),
    (2, b"No such file or directory"),
    (3, b"No such container"),
    (7, b"Argument list too long"),
    (8, b"Exec format error"),
    (9, b"Bad file descriptor"),
    (11, b"A limit of processes is reached"),
    (12, b"Out of memory"),
    (13, b"Permission denied"),
    (16, b"It is being removed"),
    (17, b"There is a container of that name: choose another --name"),
    (20, b"Not a directory"),
    (22, b"Invalid argument"),
    (24, b"Too many open files"),
    (25, b"Not a terminal"),
    (35, b"A container cannot do that to itself"),
    (36, b"Name too long"),
    (40, b"Too many symbolic links"),
)
"""What the container calls answer (docs/containers.md), in words."""


def words_of(error: i64) -> Slice[u8]:
    """An error in words."""
    for number, words in ERRORS:
        if error == -number:
            return words
    return b"Unexpected error"


def complain(subject: Slice[u8], what: Slice[u8]) -> None:
    """One line on standard error."""
    write_all(STANDARD_ERROR, b"ctr: ")
    write_all(STANDARD_ERROR, subject)
    write_all(STANDARD_ERROR, b": ")
    write_all(STANDARD_ERROR, what)
    write_all(STANDARD_ERROR, b"\n")


def give_up(subject: Slice[u8], what: Slice[u8]) -> Never:
    """Say why, and end."""
    complain(subject, what)
    exit_group(OWN_FAILURE)


def checked(result: i64, subject: Slice[u8]) -> u64:
    """The answer of a call; an error ends ctr."""
    if result < 0:
        give_up(subject, words_of(result))
    return u64(result)


def status_of_refusal(error: i64) -> u32:
    """The exit status when a program cannot be started, as a shell has it."""
    return NOT_FOUND if error in (ENOENT, ENOTDIR) else NOT_EXECUTABLE


def pad(output: Output, text: Slice[u8], width: u64) -> None:
    """Add a column of text."""
    output.text(text)
    for _ in range(min(u64(len(text)), width), width):
        output.text(b" ")


def digits_in(text: Slice[u8]) -> bool:
    """Whether a text is a number."""
    for letter in text:
        if not is_digit(letter):
            return False
    return len(text) > 0


def is_digit(letter: u8) -> bool:
    """Whether a letter is a decimal digit."""
    return 0x30 <= letter <= 0x39
