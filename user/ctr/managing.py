"""The commands about containers that are there: ps, kill, stop, pause, unpause, rm, update, inspect, wait, events."""

from __future__ import annotations

from collections.abc import Iterator

from codegen.lang import Errno, Slice, address_of, load, local_array, static_array, store, u8, u32, u64
from kernel.base.text import parse_unsigned, starts_with
from kernel.containers.abi import ContainerStage, ContainerState, ControlOperation, EventKind
from user.ctr.calls import (
    POLL,
    control_container,
    destroy_container,
    read_from,
    state_of,
    update_container,
)
from user.ctr.listing import FIELDS, LISTING, container_called
from user.ctr.messages import checked, give_up
from user.ctr.options import OPTIONS, read_options
from user.lib.arguments import ARGUMENTS
from user.lib.system import system_call
from user.lib.text import OUT

SIGNALS = (
    (b"HUP", 1), (b"INT", 2), (b"QUIT", 3), (b"ABRT", 6), (b"KILL", 9), (b"USR1", 10), (b"SEGV", 11), (b"USR2", 12),
    (b"PIPE", 13), (b"ALRM", 14), (b"TERM", 15), (b"CHLD", 17), (b"CONT", 18), (b"STOP", 19), (b"TSTP", 20),
    (b"WINCH", 28),
)  # fmt: skip
SIGTERM: u64 = 15
GRACE: u64 = 100
LOOK: u64 = 100
"""How often to look, and after how many milliseconds each time, before SIGKILL follows SIGTERM (docker stop(1))."""
FOR_EVER: u64 = (1 << 64) - 1
INPUT: u32 = 1
EVENT_SIZE = 24
EVENT_PID: u64 = 4
EVENT_STATUS: u64 = 8
ENTRY = static_array(u8, 8)

STAGES = tuple((int(stage), stage.name.encode()) for stage in ContainerStage)
EVENTS = tuple((int(kind), kind.name.lower().replace("_", "-").encode()) for kind in EventKind)
HEADS = (b"ID", b"STAGE", b"PROCESSES", b"PAGES", b"PEAK", b"LIMIT", b"NAME")
WIDTHS = (5, 9, 10, 8, 8, 8, 0)


def ps() -> None:
    """ctr ps [-a]: a line for each container; those that nothing runs in only with -a."""
    read_options(2, b"a")
    OUT.begin()
    for column in range(FIELDS + 1):
        add_column(column, HEADS[column])
    OUT.text(b"\n")
    OUT.end()
    LISTING.read()
    while LISTING.advance():
        stage = LISTING.field(1)
        if OPTIONS.shows_all or (stage != b"EMPTY" and stage != b"CREATED"):
            OUT.begin()
            for column in range(FIELDS + 1):
                text = LISTING.field(column)
                add_column(column, b"-" if text == b"0" and column == 5 else text)
            OUT.text(b"\n")
            OUT.end()


def add_column(column: u64, text: Slice[u8]) -> None:
    """Add a text and the room behind it."""
    OUT.text(text)
    width = WIDTHS[column]
    for _ in range(min(u64(len(text)), width), width):
        OUT.text(b" ")


def kill() -> None:
    """ctr kill [-s SIGNAL] CONTAINER...: to every process in it."""
    read_options(2, b"s")
    signal = signal_called(OPTIONS.signal) if len(OPTIONS.signal) > 0 else u64(0)
    for index in each():
        container = container_called(index)
        if signal == 0:
            operate(index, container, ControlOperation.KILL, 0)
        else:
            operate(index, container, ControlOperation.SIGNAL, signal)


def stop() -> None:
    """ctr stop CONTAINER...: SIGTERM, and SIGKILL ten seconds later."""
    read_options(2, b"")
    for index in each():
        container = container_called(index)
        operate(index, container, ControlOperation.SIGNAL, SIGTERM)
        await_end(container)
        if is_alive(container):
            operate(index, container, ControlOperation.KILL, 0)
            await_end(container)


def pause() -> None:
    """ctr pause CONTAINER...: stop its threads before they go on."""
    read_options(2, b"")
    for index in each():
        operate(index, container_called(index), ControlOperation.FREEZE, 0)


def unpause() -> None:
    """ctr unpause CONTAINER...: let them go on."""
    read_options(2, b"")
    for index in each():
        operate(index, container_called(index), ControlOperation.THAW, 0)


def remove() -> None:
    """ctr rm [-f] CONTAINER...: give back all that it has. One in which something runs is removed with -f only."""
    read_options(2, b"f")
    for index in each():
        container = container_called(index)
        if is_alive(container) and not OPTIONS.is_forced:
            give_up(ARGUMENTS.text(index), b"It is running: ctr kill it first, or rm -f")
        checked(destroy_container(container), ARGUMENTS.text(index))


def wait() -> None:
    """ctr wait CONTAINER...: until nothing runs in it."""
    read_options(2, b"")
    for index in each():
        container = container_called(index)
        while is_alive(container):
            await_event(container, FOR_EVER)


def update() -> None:
    """ctr update [-m SIZE] [--pids-limit N] [--cpus N] [--cpu-shares N] CONTAINER...: other limits."""
    read_options(2, b"mpcC")
    if not OPTIONS.has_limit:
        give_up(b"update", b"give --memory, --pids-limit, --cpus or --cpu-shares")
    for index in each():
        container = container_called(index)
        state = state_of(container)
        pages = OPTIONS.pages if OPTIONS.pages > 0 else state.pages_limit
        processes = OPTIONS.processes if OPTIONS.processes > 0 else state.processes_limit
        cpu = OPTIONS.cpu if OPTIONS.cpu > 0 else state.cpu_limit
        checked(update_container(container, pages, processes, OPTIONS.weight, cpu), ARGUMENTS.text(index))


def inspect() -> None:
    """ctr inspect CONTAINER...: all that query_container tells."""
    read_options(2, b"")
    for index in each():
        state = state_of(container_called(index))
        OUT(f"id                 {state.id}\nstage              {stage_name(state)}\n")
        OUT(f"processes          {state.processes_used} (peak {state.processes_peak}, limit {state.processes_limit})\n")
        OUT(f"pages              {state.pages_used} (peak {state.pages_peak}, limit {state.pages_limit})\n")
        OUT(f"processor time     {state.cpu_time // 1000} us (weight {state.weight}, limit {state.cpu_limit}/1000)\n")
        OUT(f"throttled periods  {state.cpu_throttled}\ncontainers inside  {state.children}\n")
        OUT(f"open files         {state.open_files}\n")
        OUT(f"unknown calls      {state.unknown_calls} (last {state.last_unknown_call})\n")


def stage_name(state: ContainerState) -> Slice[u8]:
    """The stage as `ps` shows it."""
    for stage, name in STAGES:
        if state.stage == stage:
            return name
    return b"?"


def events() -> None:
    """ctr events CONTAINER: what happens in it from now on, until it is removed."""
    read_options(2, b"")
    container = container_called(OPTIONS.rest)
    event = local_array(u8, EVENT_SIZE)
    while read_from(container, event) > 0:
        kind = load(u32, event, 0)
        pid = load(u32, event, EVENT_PID)
        OUT(f"{event_name(kind)} pid {pid} status {load(u32, event, EVENT_STATUS)}\n")


def event_name(kind: u32) -> Slice[u8]:
    """An event as docs/containers.md calls it."""
    for number, name in EVENTS:
        if kind == number:
            return name
    return b"?"


def each() -> Iterator[u64]:
    """The arguments that name containers: one at least, else who asks for it says that it is missing."""
    index = OPTIONS.rest
    while index < max(ARGUMENTS.count, OPTIONS.rest + 1):
        yield index
        index += 1


def operate(index: u64, container: u64, operation: ControlOperation, argument: u64) -> None:
    """control_container; ctr ends when it is refused."""
    checked(control_container(container, u32(operation), argument), ARGUMENTS.text(index))


def is_alive(container: u64) -> bool:
    """Whether any process is in it."""
    return state_of(container).processes_used > 0


def await_end(container: u64) -> None:
    """Wait until nothing runs in it, but not for ever."""
    for _ in range(GRACE):
        if not is_alive(container):
            return
        await_event(container, LOOK)


def await_event(container: u64, milliseconds: u64) -> None:
    """Wait until something happens in it, and take note of that."""
    store(u32, ENTRY, 0, u32(container))
    store(u32, ENTRY, 4, INPUT)
    event = local_array(u8, EVENT_SIZE)
    if system_call(POLL, address_of(ENTRY), 1, milliseconds, 0, 0, 0) > 0:
        read_from(container, event)


def signal_called(text: Slice[u8]) -> u64:
    """A signal by its name, with SIG or without, or by its number."""
    name = text[3:] if starts_with(text, b"SIG") else text
    for known, number in SIGNALS:
        if name == known:
            return number
    try:
        return parse_unsigned(text, 10)
    except Errno:
        give_up(text, b"no such signal")
