"""`ctr run` and `ctr exec`: a program in a container, with our files or a terminal, and its end."""

from __future__ import annotations

from codegen.lang import Slice, local, u8, u64
from kernel.containers.abi import ContainerConfig
from user.ctr.calls import (
    READ_WRITE,
    close,
    create_container,
    destroy_container,
    name_container,
    open_file,
    prepare_config,
    state_of,
    wait_for,
)
from user.ctr.environment import ENVIRONMENT
from user.ctr.listing import container_called
from user.ctr.messages import checked, complain, give_up, status_of_refusal, words_of
from user.ctr.options import OPTIONS, read_options
from user.ctr.programs import give_files, start_program
from user.ctr.relay import RELAY, make_raw, open_terminal, prepare_signals, relay, take_window
from user.lib.arguments import ARGUMENTS
from user.lib.system import exit_group
from user.lib.text import OUT

ROOT_WORDS = b"which root? Give a directory, such as / for a copy of this one"
PROGRAM_WORDS = b"which program? Give a command"


def run() -> None:
    """ctr run [options] ROOT COMMAND..."""
    read_options(2, b"ditrnhweumpcC")
    if OPTIONS.rest == ARGUMENTS.count:
        give_up(b"run", ROOT_WORDS)
    if OPTIONS.rest + 1 == ARGUMENTS.count:
        give_up(b"run", PROGRAM_WORDS)
    container = make_container(ARGUMENTS.text(OPTIONS.rest))
    hostname = OPTIONS.hostname if len(OPTIONS.hostname) > 0 else OPTIONS.name
    ENVIRONMENT.complete(hostname, OPTIONS.user == 0, OPTIONS.has_terminal)
    process = start(OPTIONS.rest + 1, container, True)
    if OPTIONS.is_detached:
        OUT(f"{state_of(container).id}\n")
        exit_group(0)
    finish(container, process)


def execute() -> None:
    """ctr exec [options] CONTAINER COMMAND..."""
    read_options(2, b"ditweu")
    container = container_called(OPTIONS.rest)
    if OPTIONS.rest + 1 == ARGUMENTS.count:
        give_up(b"exec", PROGRAM_WORDS)
    ENVIRONMENT.complete(b"", OPTIONS.user == 0, OPTIONS.has_terminal)
    process = start(OPTIONS.rest + 1, container, False)
    if OPTIONS.is_detached:
        exit_group(0)
    finish(container, process)


def make_container(root: Slice[u8]) -> u64:
    """A container as the options say; ctr ends when there cannot be one."""
    config = local(ContainerConfig)
    prepare_config(config)
    name_container(config, OPTIONS.name, OPTIONS.hostname, root)
    config.page_limit = OPTIONS.pages
    config.process_limit = OPTIONS.processes
    config.cpu_limit = OPTIONS.cpu
    config.weight = OPTIONS.weight
    return checked(create_container(config), root if len(OPTIONS.name) == 0 else OPTIONS.name)


def start(first: u64, container: u64, is_new: bool) -> u64:
    """Start the program that the arguments from `first` on name; a pidfd. ctr ends when it cannot be started."""
    prepare_signals()
    name = ARGUMENTS.text(first)
    slave = prepare_files()
    arguments = ARGUMENTS.pointers + first * 8
    result = start_program(container, name, arguments, ARGUMENTS.count - first, OPTIONS.has_terminal)
    if result < 0:
        if is_new:
            destroy_container(container)
        complain(name, words_of(result))
        exit_group(status_of_refusal(result))
    if OPTIONS.has_terminal:
        close(slave)
        if OPTIONS.is_interactive:
            RELAY.keyboard = 0
            make_raw()
    return u64(result)


def prepare_files() -> u64:
    """Choose the program's files; with a terminal, its slave is returned."""
    if OPTIONS.has_terminal:
        take_window()
        slave = checked(open_terminal(), b"/dev/ptmx")
        give_files(slave, slave, slave)
        return slave
    if OPTIONS.is_detached:
        nothing = checked(open_file(b"/dev/null\0", READ_WRITE), b"/dev/null")
        give_files(nothing, nothing, nothing)
    elif OPTIONS.is_interactive:
        give_files(0, 1, 2)
    else:
        give_files(checked(open_file(b"/dev/null\0", READ_WRITE), b"/dev/null"), 1, 2)
    return 0


def finish(container: u64, process: u64) -> None:
    """Wait for the program, and end as it did."""
    relay(process)
    status = wait_for(process)
    if OPTIONS.is_removed:
        destroy_container(container)
    exit_group(status)
