"""Failure and cleanup: what runs, in which order, on every way out."""

from __future__ import annotations

import pytest

from codegen.lang import (
    Array,
    Errno,
    Fallible,
    array,
    deferred,
    errno_of,
    i32,
    on_error,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EAGAIN, EIO, ENOENT
from tests.codegen.both import both


@struct
class Journal:
    """What happened, in order."""

    count: u64 = 0
    entries: Array[u8] = array(64)

    def note(self, event: u8) -> None:
        self.entries[self.count] = event
        self.count += 1


@struct
class Guard:
    """A context manager that notes when it is entered and left."""

    journal: Journal = uninitialised()

    def __enter__(self) -> Guard:
        self.journal.note(100)
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.note(101)


def fail(journal: Journal, how: u32) -> Fallible[u32]:
    journal.note(1)
    if how == 1:
        raise ENOENT
    if how == 2:
        raise EIO
    if how > 2:
        raise errno_of(i32(how))
    journal.note(2)
    return 7


def layered(journal: Journal, how: u32) -> Fallible[u32]:
    result: u32 = 0
    try:
        result = fail(journal, how)
    except ENOENT:
        journal.note(10)
        result = 20
    except (EAGAIN, EIO) as error:
        journal.note(11)
        if how == 11:
            raise
        result = u32(error.code)
    else:
        journal.note(12)
    finally:
        journal.note(13)
    return result


def undo(journal: Journal, how: u32, inner: bool) -> Fallible[u32]:
    with on_error(journal.note, 30):
        with deferred(journal.note, 31):
            with on_error(journal.note, 32):
                if inner:
                    fail(journal, how)
            value = fail(journal, how)
        journal.note(33)
        if value == 7 and not inner:
            return 8
    return value


def leave_loops(journal: Journal, limit: u32) -> u32:
    total: u32 = 0
    for index in range(10):
        with deferred(journal.note, 40):
            if index == 3:
                continue
            if index == limit:
                break
            total += 1
            if index == 6:
                return total + 100
    else:
        total += 50
    return total


def finally_wins(journal: Journal, how: u32) -> u32:
    while True:
        try:
            fail(journal, how)
            return 1
        except Errno:
            journal.note(50)
            return 2
        finally:
            journal.note(51)
            if how == 2:
                break  # noqa: B012
    return 3


def nested(journal: Journal, how: u32) -> Fallible[u32]:
    try:
        try:
            fail(journal, how)
        finally:
            journal.note(60)
            try:
                fail(journal, 2)
            except EIO:
                journal.note(61)
    except Errno as error:
        journal.note(62)
        if error.code == 2:
            raise EAGAIN  # noqa: B904
        raise
    return 0


def guarded(guard: Guard, how: u32) -> Fallible[u64]:
    with guard, guard as same:
        same.journal.note(u8(fail(guard.journal, how)))
    return guard.journal.count


@pytest.mark.parametrize("how", [0, 1, 2, 11, 5, 2])
def test_handlers(how: int) -> None:
    try:
        both(layered, Journal(), how)
    except Errno as error:
        assert isinstance(error, EAGAIN)
        assert how == 11


@pytest.mark.parametrize("how", [0, 1])
@pytest.mark.parametrize("inner", [False, True])
def test_undoing(how: int, inner: bool) -> None:
    if how == 1:
        with pytest.raises(ENOENT):
            both(undo, Journal(), how, inner)
    else:
        both(undo, Journal(), how, inner)


@pytest.mark.parametrize("limit", [0, 4, 8, 20])
def test_loops_pass_their_cleanups(limit: int) -> None:
    both(leave_loops, Journal(), limit)


@pytest.mark.parametrize("how", [0, 1, 2])
def test_a_way_out_of_finally_wins(how: int) -> None:
    assert both(finally_wins, Journal(), how) == (3 if how == 2 else 1 if how == 0 else 2)


def test_failure_inside_a_cleanup_keeps_the_first() -> None:
    both(nested, Journal(), 0)
    with pytest.raises(EAGAIN):
        both(nested, Journal(), 1)
    with pytest.raises(EIO):
        both(nested, Journal(), 2)


@pytest.mark.parametrize("how", [0, 1])
def test_context_managers(how: int) -> None:
    guard = Guard()
    guard.journal = Journal()
    if how:
        with pytest.raises(ENOENT):
            both(guarded, guard, how)
    else:
        assert both(guarded, guard, how) == 7
