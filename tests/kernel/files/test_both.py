"""Logic of the file layer, the same under CPython and compiled."""

from __future__ import annotations

import pytest

from kernel.files.directory import hash_of
from tests.codegen.both import both
from tests.kernel.files import bodies


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_the_trie_finds_what_is_in_it(step: int) -> None:
    removed = len(range(0, bodies.ENTRIES, step))
    answer = both(bodies.fill_and_empty, step)
    assert answer == ((24 * 100 + 24 - removed) * 100 + 24) * 100 + 24


def test_hash() -> None:
    assert len({both(hash_of, text) >> 50 for text in (b"", b"a", b"b", b"ab", b"ba")}) == 5


@pytest.mark.parametrize(
    ("path", "answer"), [(b"/usr//bin/ls", 332 * 2), (b"a/", 1 * 2 + 1), (b"///", 0), (b".", 2), (b"../x", 42)]
)
def test_components(path: bytes, answer: int) -> None:
    assert both(bodies.components, path) == answer


@pytest.mark.parametrize(
    ("moment", "other", "answer"),
    [
        ((5, 1), (5, 0), True),
        ((5, 0), (5, 0), False),
        ((-5, 0), (-6, 999_999_999), True),
        ((-1, 0), (1 << 40, 0), False),
        ((-(1 << 63), 7), (-(1 << 63), 0), False),
        (((1 << 63) - 1, 0), (-(1 << 63), 0), True),
    ],
)
def test_order_of_timestamps(moment: tuple[int, int], other: tuple[int, int], answer: bool) -> None:
    assert both(bodies.is_later, *moment, *other) is answer


def test_timestamp_of_the_clock() -> None:
    assert both(bodies.parts_of, 1_700_000_000 * 10**9 + 7) == 1_700_000_000 * 10**10 + 7


@pytest.mark.parametrize(
    ("permissions", "user", "group", "wanted", "answer"),
    [
        (0o640, 1, 9, 4, True),
        (0o640, 1, 9, 1, False),
        (0o640, 5, 2, 4, True),
        (0o640, 5, 2, 2, False),
        (0o640, 5, 9, 4, False),
        (0o077, 1, 2, 4, False),
        (0o600, 0, 0, 6, True),
        (0o600, 0, 0, 1, False),
        (0o001, 0, 0, 1, True),
    ],
)
def test_permissions(permissions: int, user: int, group: int, wanted: int, answer: bool) -> None:
    assert both(bodies.permitted, permissions, user, group, wanted) is answer
