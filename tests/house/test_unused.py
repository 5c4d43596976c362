"""The search for unused names finds what is dead, and nothing else."""

from __future__ import annotations

import pytest

from tests.house.unused import unused

USER = "from kernel.first import used\nused()\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("def used(): ...\ndef dead(): ...\n", ["dead"]),
        ("def used(): ...\nclass Dead:\n    def gone(self): ...\n", ["Dead", "gone"]),
        ("def used(): ...\n@must_use\ndef dead(): ...\n", ["dead"]),
        ("def used(): ...\n@export\ndef entry(): ...\n", []),
        ("def used(): return LIMIT\nLIMIT = 1\nSPARE: u64 = 2\n", ["SPARE"]),
        ('def used(): return F_GETFD\nF_GETFD = 1\nF_SETFD = 2\n"""fcntl(2)."""\n', []),
        ('def used(): ...\nF_GETFD = 1\nF_SETFD = 2\n"""fcntl(2)."""\n', ["F_GETFD", "F_SETFD"]),
        ("class used(IntEnum):\n    MEMBER = 1\n    def __init__(self): ...\n    def visit_Name(self): ...\n", []),
    ],
)
def test_names_that_stand_once_are_found(text: str, names: list[str]) -> None:
    assert [name for _, _, name in unused({"kernel/first.py": text, "kernel/second.py": USER})] == names


def test_a_use_in_a_test_counts() -> None:
    sources = {"kernel/first.py": "def probed(): ...\n", "tests/test_first.py": "first.probed()\n"}
    assert list(unused(sources)) == []
