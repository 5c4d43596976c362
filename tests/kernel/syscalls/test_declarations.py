"""Each call is declared once, under the number that Linux has for it, and is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import call_docs
from kernel.syscalls.declare import syscall

HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")


def test_the_page_is_current() -> None:
    assert call_docs.PAGE.read_text() == call_docs.page(), "run: python -m harness.call_docs"


def test_a_number_is_declared_once() -> None:
    with pytest.raises(ValueError, match="39 is both getpid"):
        syscall(39)(lambda task: None)


def test_numbers_are_those_of_linux() -> None:
    if not HEADER.exists():
        pytest.skip("linux-libc-dev is not installed")
    numbers = {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)", HEADER.read_text())}
    for call in call_docs.declarations():
        if call.number < call_docs.FIRST_OF_OUR_OWN:
            assert call.name == numbers[call.number]
