"""docs/diagnostics.md lists every message: those of the sources, and those that the other tests provoke."""

from __future__ import annotations

import ast
import re

import pytest

from codegen.diagnostics import ROOT
from codegen.diagnostics_page import FILLED, messages, page, sources
from tests.codegen.language_page import snippets
from tests.codegen.test_newcomer import MISTAKES

PAGE = ROOT / "docs" / "diagnostics.md"
PROVOKED = sorted(
    {mistake.message for mistake in MISTAKES}
    | {snippet.expected.splitlines()[0].removeprefix("error: ") for snippet in snippets() if snippet.is_refused}
)


def listed() -> list[re.Pattern[str]]:
    """The messages on the page, as patterns; those that are nothing but a name of something are left out."""
    cells = [line.split(" | ")[0].removeprefix("| ").strip("`") for line in PAGE.read_text().splitlines()]
    texts = [cell.replace("\\|", "|") for cell in cells if FILLED not in (cell, cell.strip(": "))]
    return [re.compile(".+".join(map(re.escape, text.split(FILLED)))) for text in texts]


def test_the_page_is_made_from_the_sources_of_today() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m codegen.diagnostics_page > docs/diagnostics.md"


@pytest.mark.parametrize("message", PROVOKED)
def test_a_message_that_is_given_is_listed(message: str) -> None:
    """One of a field is listed without the name of the field before it."""
    assert any(pattern.fullmatch(text) for pattern in listed() for text in (message, message.split(": ", 1)[-1]))


def test_every_part_of_the_compiler_that_refuses_is_read() -> None:
    with_refusals = {
        path for path in (ROOT / "codegen").rglob("*.py") if re.search(r"\brefuse\(\n?\s*\w", path.read_text())
    }
    assert with_refusals - set(sources()) <= {
        ROOT / "codegen" / "diagnostics.py",
        ROOT / "codegen" / "diagnostics_page.py",
    }


def test_texts_are_found_behind_names_and_choices() -> None:
    source = """
def check(f, node, type_, wide):
    hint = {1: "write one", 2: f"write {type_}"}.get(node, "")
    message = "is wide" if wide else "is narrow"
    raise f.refuse(node, f"{type_} {message}", hint)
    raise refuse(node, message, hint="no")
"""
    found = {(message.text, message.hints) for message in messages(ast.parse(source))}
    assert ("is wide", ("no",)) in found
    assert ("is narrow", ("no",)) in found
    assert len(found) == 2, "a message that is nothing but names says nothing"
