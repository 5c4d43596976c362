"""The first line of a script, taken apart as Linux does it."""

from __future__ import annotations

import pytest

from codegen.lang import u8
from codegen.lang.slices import ByteCells, HostSlice
from kernel.process.script import end_of_line, end_of_word, skip_blanks

LINES = {
    b"#!/bin/sh\nrest": (b"/bin/sh", b""),
    b"#! /bin/sh -e \nrest": (b"/bin/sh", b"-e"),
    b"#!\t/bin/env  -S a b\n": (b"/bin/env", b"-S a b"),
    b"#!/bin/sh": (b"/bin/sh", b""),
    b"#!   \n": (b"", b""),
    b"#!\n": (b"", b""),
}


@pytest.mark.parametrize("text", LINES)
def test_interpreter_and_option(text: bytes) -> None:
    line = HostSlice(ByteCells(bytearray(text), 0, len(text), u8), 0, len(text), u8)
    end = end_of_line(line)
    start = skip_blanks(line[0:end], 2)
    word_end = end_of_word(line[0:end], start)
    option = skip_blanks(line[0:end], word_end)
    assert (text[start:word_end], text[option:end]) == LINES[text]
