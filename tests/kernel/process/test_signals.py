"""What a signal table says of signals."""

from __future__ import annotations

import signal

from codegen.lang import UserAddr
from kernel.process import signal_table
from kernel.process.signal_table import DEFAULT, IGNORE, Signal, SignalTable, bit_of


def test_numbers_are_those_of_linux() -> None:
    for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 28):
        assert Signal(number).value == signal.Signals(number).value
    assert (Signal.CHILD, Signal.BUS, Signal.USER_1) == (signal.SIGCHLD, signal.SIGBUS, signal.SIGUSR1)


def test_sets_by_default() -> None:
    ignored = {number for number in range(1, 65) if signal_table.IGNORED_BY_DEFAULT & bit_of(number)}
    assert ignored == {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
    stopping = {number for number in range(1, 65) if signal_table.STOPPING_BY_DEFAULT & bit_of(number)}
    assert stopping == {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
    assert bit_of(signal.SIGKILL) | bit_of(signal.SIGSTOP) == signal_table.UNBLOCKABLE


def make_table() -> SignalTable:
    """The table of a process, with actions of its own."""
    made = SignalTable()
    made.table = made.own_table
    return made


def test_exec_resets_handlers_and_keeps_what_is_ignored() -> None:
    table = make_table()
    table.set_action(Signal.TERMINATE, UserAddr(0x401000), 0, UserAddr(0), 0)
    table.set_action(Signal.PIPE, IGNORE, 0, UserAddr(0), 0)
    assert table.has_handler(Signal.TERMINATE) and not table.has_handler(Signal.PIPE)
    table.reset_for_exec()
    assert not table.has_handler(Signal.TERMINATE) and not table.is_ignored(Signal.TERMINATE)
    assert table.is_ignored(Signal.PIPE)


def test_a_child_has_the_actions_but_nothing_pending() -> None:
    table, child = make_table(), make_table()
    table.pending = bit_of(Signal.USER_1)
    table.set_action(Signal.USER_1, DEFAULT, 0, UserAddr(0), 5)
    child.copy_from(table)
    assert child.action(Signal.USER_1).mask == 5 and child.pending == 0
