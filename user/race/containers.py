"""Races of containers: made, run in and destroyed, while what is in them begins, is busy, or ends."""

from __future__ import annotations

from codegen.lang import UserAddr, address_of, size_of, static_array, u8, u32, u64
from kernel.containers.abi import VERSION, ContainerConfig, ContainerState, RunSpec
from user.lib.system import system_call
from user.race.common import checked, yield_now

CREATE_CONTAINER: u64 = 1000
RUN_IN_CONTAINER: u64 = 1001
DESTROY_CONTAINER: u64 = 1002
QUERY_CONTAINER: u64 = 1004
WAITID: u64 = 247
CLOSE: u64 = 3
P_PIDFD: u64 = 3
EXITED: u64 = 4
STATUS_WORD: u64 = 6
"""Of si_status in siginfo_t."""

CONFIG = ContainerConfig()
SPEC = RunSpec()
STATE = ContainerState()
INFO = static_array(u32, 32)
TEXTS = static_array(u8, 64)
PROGRAM = b"/bin/race\0"
EXITING = (b"race\0\0\0\0", b"0\0\0\0\0\0\0\0", b"6\0\0\0\0\0\0\0")
BUSY = (b"race\0\0\0\0", b"2\0\0\0\0\0\0\0", b"1000000\0")
"""Arguments: end with status 6; or go on with one race for a long time."""
EXPECTED: u32 = 6
ARGUMENTS = static_array(u64, 3)
ARGUMENTS_PLACE: u64 = 16


def write_spec(is_busy: bool) -> None:
    """What is to be run."""
    for index in range(len(PROGRAM)):
        TEXTS[index] = PROGRAM[index]
    for number in range(3):
        for index in range(8):
            TEXTS[ARGUMENTS_PLACE + number * 8 + index] = argument_byte(is_busy, number, index)
        ARGUMENTS[number] = address_of(TEXTS) + ARGUMENTS_PLACE + number * 8
    SPEC.size = size_of(RunSpec)
    SPEC.version = VERSION
    SPEC.path = UserAddr(address_of(TEXTS))
    SPEC.path_length = u64(len(PROGRAM)) - 1
    SPEC.argv = UserAddr(address_of(ARGUMENTS))
    SPEC.argv_count = 3


def argument_byte(is_busy: bool, number: u64, index: u64) -> u8:
    """A letter of an argument."""
    return BUSY[number][index] if is_busy else EXITING[number][index]


def create() -> u64:
    """A container whose files are those that we see."""
    CONFIG.size = size_of(ContainerConfig)
    CONFIG.version = VERSION
    TEXTS[0] = 0x2F
    CONFIG.root = UserAddr(address_of(TEXTS))
    CONFIG.root_length = 1
    return checked(system_call(CREATE_CONTAINER, address_of(CONFIG), size_of(ContainerConfig), 0, 0, 0, 0))


def run(container: u64, is_busy: bool) -> u64:
    """A program in it; its descriptor."""
    write_spec(is_busy)
    return checked(system_call(RUN_IN_CONTAINER, container, address_of(SPEC), size_of(RunSpec), 0, 0, 0))


def wait_for_end(process: u64) -> u32:
    """The status of what was run."""
    checked(system_call(WAITID, P_PIDFD, process, address_of(INFO), EXITED, 0, 0))
    return INFO[STATUS_WORD]


def close(descriptor: u64) -> None:
    """close(2)."""
    checked(system_call(CLOSE, descriptor, 0, 0, 0, 0, 0))


def destroy(container: u64) -> None:
    """Destroy it; nothing may be left of it."""
    checked(system_call(DESTROY_CONTAINER, container, 0, 0, 0, 0, 0))
    checked(system_call(QUERY_CONTAINER, container, address_of(STATE), size_of(ContainerState), 0, 0, 0))
    assert STATE.pages_used == 0 and STATE.processes_used == 0 and STATE.open_files == 0, "something is left"


def live_and_die(turns: u64) -> None:
    """Containers with a program that ends, one that has just begun, and busy ones."""
    for turn in range(turns):
        container = create()
        process = run(container, turn % 3 == 2)
        if turn % 3 == 0:
            assert wait_for_end(process) == EXPECTED, "a program ended with another status"
        elif turn % 3 == 2:
            other = run(container, True)
            for _ in range(turn % 16):
                yield_now()
            close(other)
        destroy(container)
        close(process)
        close(container)
