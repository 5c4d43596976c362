"""Each call is declared once, under the number that Linux has for it, and is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import call_docs, linux_calls
from kernel.syscalls.declare import Declaration, syscall
from tests.needs import require

HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")


def test_the_page_is_current() -> None:
    assert call_docs.PAGE.read_text() == call_docs.page(), "run: python -m harness.call_docs"


def test_a_number_is_declared_once() -> None:
    with pytest.raises(ValueError, match="39 is both getpid"):
        syscall(39)(lambda task: None)


def test_the_table_is_that_of_linux() -> None:
    require(str(HEADER))
    numbers = {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)", HEADER.read_text())}
    assert {number: numbers.get(number) for number in linux_calls.NAMES} == linux_calls.NAMES


def test_every_call_has_the_name_that_linux_has_for_its_number() -> None:
    declared = [call for call in call_docs.declarations() if call.number < call_docs.FIRST_OF_OUR_OWN]
    assert [call.name for call in declared] == [linux_calls.NAMES.get(call.number) for call in declared]


def test_only_calls_of_linux_are_said_to_be_absent() -> None:
    assert set(linux_calls.ABSENT) <= set(linux_calls.NAMES.values())


def test_a_row_tells_how_far_a_call_is_there() -> None:
    def flock() -> None:
        """flock(2)."""

    assert call_docs.linux_row(73, "flock", None) == "| 73 | `flock` | absent |  | ENOSYS |"
    whole = Declaration(73, flock, "", "user 0")
    assert call_docs.linux_row(73, "flock", whole) == "| 73 | `flock` | whole | user 0 |  |"
    part = Declaration(73, flock, "shared locks: ENOLCK")
    refused = Declaration(73, flock, answer="EPERM")
    assert call_docs.state_of(refused) is call_docs.State.ABSENT
    assert call_docs.linux_row(73, "flock", part) == "| 73 | `flock` | part |  | missing: shared locks: ENOLCK |"
