"""`ctr boot`: what the first process becomes on a machine without a host.

It makes a container of the image's root file system, runs the image's command in it on the serial console, and ends as
that does, which switches the machine off. The image has its root in /images/root, and in /command the arguments of the
command, each with its NUL; without that file it is a shell.
"""

from __future__ import annotations

from codegen.lang import address_of, local, static_array, store, u8, u16, u32, u64
from kernel.containers.abi import ContainerConfig
from user.ctr.calls import (
    POLL,
    close,
    create_container,
    destroy_container,
    name_container,
    open_file,
    prepare_config,
    read_from,
    wait_for,
)
from user.ctr.environment import ENVIRONMENT
from user.ctr.messages import ENOENT, checked, complain, give_up, is_digit, status_of_refusal, words_of
from user.ctr.programs import give_files, start_program
from user.ctr.relay import PENDING, PENDING_SIZE, RELAY, WINDOW, open_terminal, relay, write_out
from user.lib.arguments import text_from
from user.lib.system import exit_group, system_call

NAME = b"main"
HOST_NAME = b"pithos"
ROOT = b"/images/root"
SHELL = b"/bin/sh\0"
ARGUMENTS_MAX: u64 = 256
COMMAND_SIZE: u64 = 16384

ASK_SIZE = b"\x1b7\x1b[r\x1b[999;999H\x1b[6n\x1b8"
"""ECMA-48 and DEC: note where the cursor is, go as far down and right as there is room, ask where that is, go back."""
ESCAPE: u8 = 0x1B
BRACKET: u8 = 0x5B
SEMICOLON: u8 = 0x3B
REPORT_END: u8 = 0x52
PATIENCE: u64 = 500
"""Milliseconds in which a terminal tells its size."""
ROWS, COLUMNS = 24, 80
LARGEST: u64 = 1000

COMMAND = static_array(u8, COMMAND_SIZE)
POINTERS = static_array(u64, 257)
ENTRY = static_array(u8, 8)


def boot() -> None:
    """ctr boot."""
    config = local(ContainerConfig)
    prepare_config(config)
    name_container(config, NAME, HOST_NAME, ROOT)
    result = create_container(config)
    if result == ENOENT:
        give_up(b"boot", b"this image has no root file system: pithos build --rootfs DIRECTORY makes one that has")
    container = checked(result, ROOT)
    count = take_command()
    take_size()
    slave = checked(open_terminal(), b"/dev/ptmx")
    give_files(slave, slave, slave)
    ENVIRONMENT.complete(HOST_NAME, True, True)
    name = text_from(POINTERS[0])
    process = start_program(container, name, address_of(POINTERS), count, True)
    if process < 0:
        complain(name, words_of(process))
        exit_group(status_of_refusal(process))
    close(slave)
    RELAY.keyboard = 0
    relay(u64(process))
    status = wait_for(u64(process))
    destroy_container(container)
    exit_group(status)


def take_command() -> u64:
    """Fill POINTERS with the arguments of the command; how many there are."""
    POINTERS[0] = address_of(SHELL)
    fd = open_file(b"/command\0", 0)
    if fd < 0:
        return 1
    count = read_from(u64(fd), COMMAND[0 : COMMAND_SIZE - 1])
    close(u64(fd))
    arguments: u64 = 0
    start: u64 = 0
    while count > 0 and start < u64(count) and arguments < ARGUMENTS_MAX:
        POINTERS[arguments] = address_of(COMMAND) + start
        start += len(text_from(POINTERS[arguments])) + 1
        arguments += 1
    return max(arguments, 1)


# The size of the terminal.


def take_size() -> None:
    """Ask the terminal behind the console for its size; what else comes is what somebody typed."""
    WINDOW[0] = ROWS
    WINDOW[1] = COLUMNS
    write_out(ASK_SIZE)
    while RELAY.pending < PENDING_SIZE and await_key():
        count = read_from(0, PENDING[RELAY.pending : RELAY.pending + 1])
        if count <= 0:
            return
        RELAY.pending += u64(count)
        if PENDING[RELAY.pending - 1] == REPORT_END and take_report():
            return


def await_key() -> bool:
    """Whether something is typed in time."""
    store(u32, ENTRY, 0, 0)
    store(u32, ENTRY, 4, 1)
    return system_call(POLL, address_of(ENTRY), 1, PATIENCE, 0, 0, 0) > 0


def take_report() -> bool:
    """If what was typed ends with a report `ESC [ rows ; columns R`, take it out, and note the size."""
    place = RELAY.pending - 1
    columns, place = number_before(place)
    if place == 0 or PENDING[place - 1] != SEMICOLON:
        return False
    rows, place = number_before(place - 1)
    if place < 2 or PENDING[place - 1] != BRACKET or PENDING[place - 2] != ESCAPE:
        return False
    RELAY.pending = place - 2
    if 0 < rows < LARGEST and 0 < columns < LARGEST:
        WINDOW[0] = u16(rows)
        WINDOW[1] = u16(columns)
    return True


def number_before(end: u64) -> tuple[u64, u64]:
    """The decimal number that ends before `end`, and where it begins."""
    value: u64 = 0
    worth: u64 = 1
    place = end
    while place > 0 and is_digit(PENDING[place - 1]) and worth <= LARGEST:
        place -= 1
        value += worth * (PENDING[place] - 0x30)
        worth *= 10
    return value, place
