"""`race RACES TURNS`: the races whose bits are set in RACES, all at once. `race 0 STATUS` ends with that status.

Ends with 0 if all that the races saw was right; each one that failed says what it saw, and its number is printed.
"""

from __future__ import annotations

from codegen.lang import export, slice_at, static_array, u8, u32, u64
from user.lib.system import exit_group
from user.lib.text import OUT
from user.race.common import STATUS, fork, wait_for_any
from user.race.containers import live_and_die
from user.race.files import make_files
from user.race.futexes import pass_baton, take_locks
from user.race.memory import copy_pages, fill_pages, move_pages, protect_pages, replace_pages
from user.race.processes import end_busy_processes, end_children, end_threads, spawn, stop_and_continue
from user.race.registers import keep_registers
from user.race.sockets import attach_segments, connect_often, pass_sockets, send_records
from user.race.streams import close_files, count_events, fill_pipes, queue_signals

RACES = (
    end_children,
    end_busy_processes,
    end_threads,
    replace_pages,
    protect_pages,
    copy_pages,
    fill_pages,
    take_locks,
    pass_baton,
    fill_pipes,
    queue_signals,
    count_events,
    make_files,
    live_and_die,
    stop_and_continue,
    spawn,
    keep_registers,
    move_pages,
    close_files,
    send_records,
    pass_sockets,
    connect_often,
    attach_segments,
)
RACE_COUNT: u64 = len(RACES)
PROCESSES = static_array(u64, 64)


def number_at(text: u64) -> u64:
    """A decimal number."""
    value: u64 = 0
    position = text
    while True:
        letter = slice_at(u8, position, 1)[0]
        if not 0x30 <= letter <= 0x39:
            return value
        value = value * 10 + letter - 0x30
        position += 1


def argument(stack: u64, number: u64) -> u64:
    """An argument of the program as a number; 0 without one (System V ABI for AMD64, 3.4.1)."""
    count = slice_at(u64, stack, 1)[0]
    return number_at(slice_at(u64, stack + 8, count)[number]) if number < count else 0


def start_race(number: u64, turns: u64) -> None:
    """A child that runs one race."""
    child = fork()
    if child == 0:
        RACES[number](turns)
        exit_group(0)
    PROCESSES[number] = u64(child)


@export
def user_main(stack: u64) -> None:
    """Start the races, and see how they end."""
    chosen, turns = argument(stack, 1), argument(stack, 2)
    if chosen == 0:
        exit_group(u32(turns))
    started: u64 = 0
    for number in range(RACE_COUNT):
        if chosen >> number & 1 == 1:
            start_race(number, turns)
            started += 1
    failed: u32 = 0
    while started > 0:
        ended = wait_for_any()
        for number in range(RACE_COUNT):
            if PROCESSES[number] == ended:
                started -= 1
                if STATUS[0] != 0:
                    failed += 1
                    OUT(f"race {number} ended with {STATUS[0]:#x}\n")
    exit_group(failed)
