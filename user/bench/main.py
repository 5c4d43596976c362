"""Measures system calls and containers.

Prints one line a figure, `name nanoseconds`: under `-icount shift=0` a nanosecond is one instruction.

The cost of the loop itself is measured by an empty loop and taken off. Started with a root whose /bin/true is
`user/true`; it makes its containers itself, so they are nested in its own.
"""

from __future__ import annotations

from codegen.lang import (
    Slice,
    UserAddr,
    address_of,
    export,
    i64,
    instruction,
    local,
    local_array,
    noinline,
    size_of,
    static_array,
    truncate,
    u8,
    u64,
)
from kernel.containers.abi import VERSION, ContainerConfig, RunSpec
from user.lib.system import exit_group, system_call
from user.lib.text import OUT

CLOSE: u64 = 3
GETPPID: u64 = 110
CLOCK_GETTIME: u64 = 228
WAITID: u64 = 247
CREATE_CONTAINER: u64 = 1000
RUN_IN_CONTAINER: u64 = 1001
DESTROY_CONTAINER: u64 = 1002
UNKNOWN: u64 = 999
CLOCK_MONOTONIC: u64 = 1
P_PIDFD: u64 = 3
WEXITED: u64 = 4

CALLS: u64 = 10_000
CONTAINERS: u64 = 50

PROGRAM = b"/bin/true"
PROGRAM_TEXT = b"/bin/true\0"
ROOT = b"/"
NAME = b"measured"
ARGUMENTS = static_array(u64, 2)


def now() -> u64:
    """CLOCK_MONOTONIC in nanoseconds."""
    spec = local_array(u64, 2)
    system_call(CLOCK_GETTIME, CLOCK_MONOTONIC, address_of(spec), 0, 0, 0, 0)
    return spec[0] * 1_000_000_000 + spec[1]


def checked(result: i64, what: Slice[u8]) -> u64:
    """The result of a call that has to succeed."""
    if result < 0:
        OUT(f"{what} failed: errno {-result}\n")
        exit_group(1)
    return truncate(u64, result)


@instruction("", "={rax},{rax},{rdi},{rsi},{rdx},{r10},{r8},{r9},~{rcx},~{r11},~{memory}")
def no_call(number: u64, a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64) -> i64:
    """What `system_call` is but for the call: its arguments are loaded."""
    ...


@noinline
def empty_loop(count: u64) -> u64:
    """The time that the loop of `repeat` takes by itself."""
    start = now()
    for _ in range(count):
        no_call(0, 0, 0, 0, 0, 0, 0)
    return now() - start


@noinline
def repeat(number: u64, count: u64) -> u64:
    """The time that `count` calls of `number` without arguments take, without that of the loop."""
    loop = empty_loop(count)
    start = now()
    for _ in range(count):
        system_call(number, 0, 0, 0, 0, 0, 0)
    return now() - start - loop


def one_container() -> None:
    """create + run + wait + destroy."""
    config = local(ContainerConfig)
    config.size = size_of(ContainerConfig)
    config.version = VERSION
    config.name = UserAddr(address_of(NAME))
    config.name_length = len(NAME)
    config.root = UserAddr(address_of(ROOT))
    config.root_length = len(ROOT)
    container = checked(
        system_call(CREATE_CONTAINER, address_of(config), size_of(ContainerConfig), 0, 0, 0, 0),
        b"create_container",
    )
    spec = local(RunSpec)
    spec.size = size_of(RunSpec)
    spec.version = VERSION
    spec.path = UserAddr(address_of(PROGRAM))
    spec.path_length = len(PROGRAM)
    spec.argv = UserAddr(address_of(ARGUMENTS))
    spec.argv_count = 1
    process = checked(
        system_call(RUN_IN_CONTAINER, container, address_of(spec), size_of(RunSpec), 0, 0, 0),
        b"run_in_container",
    )
    checked(system_call(WAITID, P_PIDFD, process, 0, WEXITED, 0, 0), b"waitid")
    checked(system_call(CLOSE, process, 0, 0, 0, 0, 0), b"close")
    checked(system_call(DESTROY_CONTAINER, container, 0, 0, 0, 0, 0), b"destroy_container")
    system_call(CLOSE, container, 0, 0, 0, 0, 0)


@export
def user_main(stack: u64) -> None:
    """Measure everything."""
    ARGUMENTS[0] = address_of(PROGRAM_TEXT)
    repeat(GETPPID, CALLS)
    OUT(f"unknown_call {repeat(UNKNOWN, CALLS) // CALLS}\n")
    OUT(f"getppid {repeat(GETPPID, CALLS) // CALLS}\n")
    one_container()
    start = now()
    for _ in range(CONTAINERS):
        one_container()
    OUT(f"container {(now() - start) // CONTAINERS}\n")
