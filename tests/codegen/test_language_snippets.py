"""docs/language.md tells the truth: what it shows compiles and runs as it says, or is refused in those words."""

from __future__ import annotations

import re

import pytest

from codegen import run
from codegen.check import check_program
from codegen.diagnostics import CompileError
from codegen.lang import Errno, Panic
from tests.codegen.both import UNSEEN_BY_CPYTHON, both
from tests.codegen.language_page import Snippet, snippets

ALL = snippets()
ACCEPTED = [snippet for snippet in ALL if not snippet.is_refused]
REFUSED = [snippet for snippet in ALL if snippet.is_refused]
CALLS = [(snippet, line) for snippet in ACCEPTED for line in snippet.expected.splitlines()]

OWN_OF_CPYTHON = (IndexError, ZeroDivisionError, AssertionError)
"""What CPython raises where the machine traps."""

_LINE = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)\) (?P<verb>==|traps|raises) (?P<outcome>.+)")


def place(value: object) -> str:
    return f"line{value.line}" if isinstance(value, Snippet) else str(value)


def test_the_page_has_snippets_of_both_kinds() -> None:
    assert len(ACCEPTED) >= 20
    assert len(REFUSED) >= 12
    assert all(snippet.expected or not snippet.names for snippet in ALL)


@pytest.mark.parametrize("snippet", ACCEPTED, ids=place)
def test_what_it_shows_is_accepted(snippet: Snippet) -> None:
    if snippet.names:
        assert check_program(snippet.roots()).functions


@pytest.mark.parametrize("snippet", REFUSED, ids=place)
def test_what_it_says_is_refused_is_refused_in_these_words(snippet: Snippet) -> None:
    with pytest.raises(CompileError) as caught:
        check_program(snippet.roots())
    assert said(caught.value, snippet) == snippet.expected.rstrip()


def said(error: CompileError, snippet: Snippet) -> str:
    """The first message, as if the snippet were a file of its own."""
    text = re.sub(r"^.*?: error: ", "error: ", str(error.diagnostics[0]), count=1)
    text = re.sub(r"\bline (\d+)", lambda found: f"line {int(found[1]) - snippet.first_line + 1}", text)
    return re.sub(
        r"\S*refusal_\d+(\.py:)?(\d+)?",
        lambda found: f"example{found[1] or ''}{int(found[2]) - snippet.first_line + 1 if found[2] else ''}",
        text,
    )


@pytest.mark.parametrize(("snippet", "line"), CALLS, ids=place)
def test_what_it_calls_does_what_it_says(snippet: Snippet, line: str) -> None:
    module = snippet.load()
    found = _LINE.fullmatch(line)
    assert found is not None, f"not a call with its outcome: {line}"
    function, arguments = getattr(module, found["name"]), eval(f"[{found['arguments']}]", vars(module))
    if found["verb"] == "==":
        assert both(function, *arguments) == eval(found["outcome"], vars(module))
    elif found["verb"] == "traps":
        with pytest.raises(Panic) as trapped:
            run(function, *arguments)
        assert trapped.value.kind.name == found["outcome"]
        if trapped.value.kind not in UNSEEN_BY_CPYTHON:
            with pytest.raises((Panic, *OWN_OF_CPYTHON)):
                function(*arguments)
    else:
        with pytest.raises(Errno) as raised:
            both(function, *arguments)
        assert type(raised.value).__name__ == found["outcome"]
