"""Races of files: many processes make, fill, rename and remove files in one directory."""

from __future__ import annotations

from codegen.lang import Fd, address_of, i32, i64, slice_at, static_array, u8, u64
from user.lib.system import exit_group, read_all, system_call, write_all
from user.race.common import STATUS, checked, fork, wait_for_any

OPEN: u64 = 2
CLOSE: u64 = 3
LSEEK: u64 = 8
RENAME: u64 = 82
UNLINK: u64 = 87
CREATE: u64 = 0x42
"""O_CREAT, O_RDWR."""
OWNER_ONLY: u64 = 0o600
PROCESSES: u64 = 3
NO_SUCH_FILE: i64 = -2
OWN_NAME = b"/tmp/race-a\0"
COMMON_NAME = b"/tmp/race-x\0"
LETTER: u64 = 10
"""Where in a name the letter is that differs."""
NAMES = static_array(u8, 32)
COMMON: u64 = 16
CONTENT = static_array(u64, 2)


def name_files(number: u64) -> None:
    """The name of the file of this process, and the one that all use."""
    for index in range(len(OWN_NAME)):
        NAMES[index] = OWN_NAME[index]
        NAMES[COMMON + index] = COMMON_NAME[index]
    NAMES[LETTER] = u8(0x61 + number)


def make_and_rename(number: u64, turns: u64) -> None:
    """A child: make a file, move it to the name that all use, and look what is there now."""
    name_files(number)
    own, common = address_of(NAMES), address_of(NAMES) + COMMON
    for turn in range(turns):
        file = Fd(i32(checked(system_call(OPEN, own, CREATE, OWNER_ONLY, 0, 0, 0))))
        CONTENT[0] = number
        CONTENT[1] = turn
        assert write_all(file, slice_at(u8, address_of(CONTENT), 16)), "a file cannot be written"
        checked(system_call(RENAME, own, common, 0, 0, 0, 0))
        checked(system_call(LSEEK, u64(i32(file)), 0, 0, 0, 0, 0))
        assert read_all(file, slice_at(u8, address_of(CONTENT), 16)), "a file cannot be read"
        assert CONTENT[0] == number and CONTENT[1] == turn, "a file has another's content"
        checked(system_call(CLOSE, u64(i32(file)), 0, 0, 0, 0, 0))
        look_at_common(common)
        if turn % 4 == number:
            result = system_call(UNLINK, common, 0, 0, 0, 0, 0)
            assert result == 0 or result == NO_SUCH_FILE, "a file cannot be removed"
    exit_group(0)


def look_at_common(path: u64) -> None:
    """What was moved there is whole, whoever made it."""
    opened = system_call(OPEN, path, 0, 0, 0, 0, 0)
    if opened == NO_SUCH_FILE:
        return
    file = Fd(i32(checked(opened)))
    assert read_all(file, slice_at(u8, address_of(CONTENT), 16)), "a file that was moved is not whole"
    assert CONTENT[0] < PROCESSES, "a file has a content that nobody wrote"
    checked(system_call(CLOSE, u64(i32(file)), 0, 0, 0, 0, 0))


def make_files(turns: u64) -> None:
    """Processes that use the same directory and the same name."""
    for number in range(PROCESSES):
        if fork() == 0:
            make_and_rename(number, turns)
    for _ in range(PROCESSES):
        wait_for_any()
        assert STATUS[0] == 0, "a process failed"
